"""Classes of TPU capacity that are sold out in some zones, on a real scheduler: where the model's Pod runs then."""

import json
from collections.abc import Iterable, Iterator
from itertools import combinations, product
from typing import Any

import pytest

from sandbox.cluster.control_plane import ClusterError, ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.project import stack_file

ZONES = ["us-east5-a", "us-east5-b"]
CLASSES = ["reservation", "on-demand", "spot"]
pytestmark = pytest.mark.slow
STACK: dict[str, Any] = {
    **{"location": ZONES[0], "tpuZones": ZONES},
    "tpuCapacity": ["reservation:mine", "on-demand", "spot"],
}
MODEL = stack_file("dev")["models"][0]
NAMESPACE = f"--namespace={MODEL['namespace']}"
TPU = "cloud.google.com/gke-tpu-accelerator"
Place = tuple[str, str]
PLACES: list[Place] = [(zone, how) for how in CLASSES for zone in ZONES]
"""In the order in which they are tried."""
LEFT = sorted(
    (left for count in range(1, len(PLACES) + 1) for left in combinations(PLACES, count)),
    key=lambda left: -PLACES.index(left[0]),
)
"""What may be to be had of them, if anything is: those first that have nothing until the last place is tried."""
POOLS = {"reservation": "tpu-reservation-", "on-demand": "tpu-", "spot": "tpu-spot-"}


@pytest.fixture(autouse=True)
def capacity(deployed: SandboxStack) -> Iterator[None]:
    """Everything is to be had before and after each test."""
    deployed.inventory.capacity.sold_out.clear()
    yield
    deployed.inventory.capacity.sold_out.clear()


def items(plane: ControlPlane, *what: str) -> list[dict[str, Any]]:
    return json.loads(plane.kubectl("get", *what, "--output=json"))["items"]


def place(plane: ControlPlane) -> tuple[str, str] | None:
    """The node pool and the zone of the model's Pod, once it has a node that is there."""
    nodes = {
        node["metadata"]["name"]: node["metadata"]["labels"] for node in items(plane, "nodes", f"--selector={TPU}")
    }
    for pod in items(plane, "pods", NAMESPACE, "--selector=kserve.io/component=workload"):
        labels = nodes.get(pod["spec"].get("nodeName", ""))
        if labels and "deletionTimestamp" not in pod["metadata"]:
            return labels["cloud.google.com/gke-nodepool"], labels["topology.kubernetes.io/zone"]
    return None


def said(plane: ControlPlane, reason: str) -> str:
    """The autoscaler's words about the Pod that is there."""
    pods = {
        pod["metadata"]["name"] for pod in items(plane, "pods", NAMESPACE, "--selector=kserve.io/component=workload")
    }
    events = items(plane, "events", NAMESPACE, f"--field-selector=reason={reason}")
    return "\n".join(event["message"] for event in events if event["involvedObject"]["name"] in pods)


def lose_node(stack: SandboxStack, plane: ControlPlane, left: Iterable[Place]) -> None:
    """And the Pod on it, which Kubernetes would keep for 40 seconds more, when these alone are to be had.

    Nothing replaces it, as its pool gets no node until the autoscaler has counted it out.
    """
    stack.inventory.capacity.sold_out = set(PLACES)
    plane.kubectl("delete", "node", f"--selector={TPU}")
    plane.restart_autoscaler()
    stack.inventory.capacity.sold_out = set(PLACES) - set(left)
    plane.kubectl("delete", NAMESPACE, "pod", "--selector=kserve.io/component=workload", "--force", "--grace-period=0")
    wait_until(lambda: not items(plane, "nodes", f"--selector={TPU}") or place(plane), "the node is still there", 30)


@pytest.mark.family
@pytest.mark.parametrize(
    "left", LEFT, ids=lambda left: "+".join(f"{how} in {zone.removeprefix('us-east5-')}" for zone, how in left)
)
def test_pod_lands_on_the_first_class_that_has_capacity(
    deployed: SandboxStack, plane: ControlPlane, left: tuple[Place, ...]
) -> None:
    lose_node(deployed, plane, left)
    pool, zone = wait_until(lambda: place(plane), "the Pod has no node", 240)
    assert (zone, pool.rsplit("-", 1)[0] + "-") == (left[0][0], POOLS[left[0][1]])


def test_pod_that_finds_none_says_so_and_runs_once_there_is_some(deployed: SandboxStack, plane: ControlPlane) -> None:
    lose_node(deployed, plane, left=())
    wait_until(lambda: "6 in backoff after failed scale-up" in said(plane, "NotTriggerScaleUp"), "not all tried", 240)
    assert place(plane) is None
    tried = said(plane, "TriggeredScaleUp")
    assert all(f"zones/{zone}/instanceGroups" in tried for zone in ZONES)
    assert all(f"Node scale up in zones {zone} " in said(plane, "FailedScaleUp") for zone in ZONES)
    deployed.inventory.capacity.sold_out.clear()
    # By whichever group has rested long enough, which need not be the first of the list.
    wait_until(lambda: place(plane), "capacity that came back was not used", 240)


@pytest.fixture
def budget(plane: ControlPlane) -> Iterator[None]:
    """A budget that lets nobody take the model's only Pod away, until it is removed."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"kserve.io/component": "workload"}}}
    meta = {"name": "keeps-it", "namespace": MODEL["namespace"]}
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec}
    plane.kubectl("apply", "--filename=-", stdin=json.dumps(body))
    yield
    plane.kubectl("delete", NAMESPACE, "poddisruptionbudget", "keeps-it", "--ignore-not-found")


def of_class(plane: ControlPlane, how: str) -> bool:
    """Whether the model's Pod runs on a node of a class, and there is no TPU node of another one."""
    there = place(plane)
    return bool(there and there[0].startswith(POOLS[how])) and len(items(plane, "nodes", f"--selector={TPU}")) == 1


def stays(plane: ControlPlane, where: Any, seconds: float) -> None:
    with pytest.raises(ClusterError, match="it stays: not within"):
        wait_until(lambda: place(plane) != where, "it stays", seconds)


@pytest.mark.family
@pytest.mark.parametrize("migration", [True, False], ids=["moved", "not moved"])
@pytest.mark.usefixtures("budget")
def test_pod_that_runs_is_moved_to_an_earlier_class_only_with_migration(
    deployed: SandboxStack, plane: ControlPlane, migration: bool
) -> None:
    lose_node(deployed, plane, left=product(ZONES, ["spot"]))
    before = wait_until(lambda: place(plane), "the Pod has no node", 240)
    assert of_class(plane, "spot")
    deployed.inventory.capacity.sold_out.clear()
    deployed.set_config("tpuCapacityMigration", True if migration else None)
    try:
        deployed.up()
        stays(plane, before, 10)  # with migration, for the budget
        plane.kubectl("delete", NAMESPACE, "poddisruptionbudget", "keeps-it")
        if not migration:
            stays(plane, before, 35)  # longer than any group is left alone
            lose_node(deployed, plane, left=product(ZONES, ["reservation", "on-demand"]))
        wait_until(lambda: of_class(plane, "reservation"), "what came back was not used", 240)
    finally:
        deployed.set_config("tpuCapacityMigration", None)
        deployed.up()


def test_gke_lets_the_pod_onto_the_nodes_of_its_class(plane: ControlPlane, deployed: SandboxStack) -> None:
    [pod] = items(plane, "pods", NAMESPACE, "--selector=kserve.io/component=workload")
    added = [t for t in pod["spec"]["tolerations"] if t.get("key") == "cloud.google.com/compute-class"]
    assert [(t["value"], t["effect"]) for t in added] == [("tpu-v6e-4", "NoSchedule")]
    assert set(deployed.preview().change_summary) == {"same"}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"priorities": [{"nodepools": ["a"], "spot": True}]}, "unknown field"),
        ({"priorities": [{"nodepools": ["a"]}], "whenUnsatisfiable": "Wait"}, "Unsupported value"),
        ({"whenUnsatisfiable": "DoNotScaleUp"}, "spec.priorities: Required value"),
    ],
)
def test_class_that_is_wrong_is_refused(plane: ControlPlane, spec: dict[str, Any], words: str) -> None:
    spec = {"whenUnsatisfiable": "DoNotScaleUp", **spec}
    bad = {"apiVersion": "cloud.google.com/v1", "kind": "ComputeClass", "metadata": {"name": "bad"}, "spec": spec}
    with pytest.raises(ClusterError) as refusal:
        plane.kubectl("apply", "--filename=-", stdin=json.dumps(bad))
    assert words in str(refusal.value)
