"""Node pools of Google Cloud, in Kubernetes' terms: what a node of theirs has, and which Pods it would take."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal

from kubernetes.utils import parse_quantity

from sandbox.api_client import Json
from sandbox.clouds import google_machines
from sandbox.clouds.capacity import bought
from sandbox.clouds.google_machines import Machine
from sandbox.clouds.inventory import Item

from .container_rules import CHIPS, TOPOLOGY

ACCELERATOR = "cloud.google.com/gke-tpu-accelerator"
METADATA_SERVER = "iam.gke.io/gke-metadata-server-enabled"
"""Label of nodes with Workload Identity
(https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#configure-authz-principals)."""
EFFECTS = {"NO_SCHEDULE": "NoSchedule", "PREFER_NO_SCHEDULE": "PreferNoSchedule", "NO_EXECUTE": "NoExecute"}


def allocatable(vcpus: int, gb: float) -> tuple[int, int]:
    """Milli-CPUs and MiB that GKE leaves to Pods on such a machine.

    https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes#memory_and_cpu_reservations
    """
    cpu = sum(share for i, share in enumerate((60, 10, 5, 5)) if i < vcpus) + max(vcpus - 4, 0) * 2.5
    steps = ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06), (gb, 0.02))
    memory, rest = 100 / 1024, gb
    for size, share in steps:
        memory, rest = memory + min(size, rest) * share, max(rest - size, 0)
    return int(vcpus * 1000 - cpu), int((gb - memory) * 1024)


@dataclass
class Pool:
    """A node pool of Google Cloud, in Kubernetes' terms."""

    id: str
    name: str
    group: str
    project: str
    version: str
    bought: str
    zones: list[str]
    labels: dict[str, str]
    taints: list[dict[str, str]]
    room: dict[str, str]
    initial: int
    least: int
    most: int

    @property
    def chips(self) -> int:
        """TPU chips of a node."""
        return int(self.room.get(CHIPS, 0))

    def refuses(self, pod: Json) -> str | None:
        """Why an empty node of this pool would not do, in the scheduler's words."""
        if not (pod["spec"].get("nodeSelector") or {}).items() <= self.labels.items():
            return "node(s) didn't match Pod's node affinity/selector"
        if not all(any(_tolerates(t, taint) for t in pod["spec"].get("tolerations", [])) for taint in self.taints):
            return "node(s) had untolerated taint(s)"
        for resource in ("cpu", "memory", CHIPS):
            if requested(pod, resource) > parse_quantity(self.room.get(resource, "0")):
                return f"Insufficient {resource}"
        return None


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]) or toleration.get("key") not in (None, taint["key"]):
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint["value"]


def requested(pod: Json, resource: str) -> Decimal:
    """What the scheduler counts: the containers together, or the largest init container."""

    def of(containers: list[Json]) -> list[Decimal]:
        return [parse_quantity(c.get("resources", {}).get("requests", {}).get(resource, "0")) for c in containers]

    return max([sum(of(pod["spec"]["containers"]), Decimal(0)), *of(pod["spec"].get("initContainers", []))])


def node_pool(item: Item, cluster: Item) -> Pool:
    """A node pool of the simulated Google Cloud, and of the cluster that it is in."""
    config, scaling = item.inputs.get("nodeConfig", {}), item.inputs.get("autoscaling", {})
    location, kind = str(cluster.inputs["location"]), config.get("machineType", google_machines.DEFAULT)
    zones = (
        item.inputs.get("nodeLocations") or cluster.inputs.get("nodeLocations") or google_machines.zones_of(location)
    )
    machine, zoned = google_machines.machine(kind), len(zones)
    taints = [{**taint, "effect": EFFECTS[taint["effect"]]} for taint in config.get("taints", [])]
    if machine.chips:
        taints.append({"key": CHIPS, "value": "present", "effect": "NoSchedule"})
    return Pool(
        id=item.id,
        name=item.name,
        group=f"gke-{cluster.name[:20]}-{item.name[:20]}-{hashlib.sha256(item.id.encode()).hexdigest()[:8]}",
        project=cluster.props["project"],
        version=item.props["version"],
        bought=bought(config),
        zones=zones,
        labels=_labels(item.name, kind, config),
        taints=taints,
        room=_room(machine),
        initial=int(item.inputs.get("nodeCount", item.inputs.get("initialNodeCount", 0)) * zoned),
        least=int(scaling.get("totalMinNodeCount", scaling.get("minNodeCount", 0) * zoned)),
        most=int(scaling.get("totalMaxNodeCount", scaling.get("maxNodeCount", 0) * zoned)),
    )


def _labels(pool: str, kind: str, config: Json) -> dict[str, str]:
    machine = google_machines.machine(kind)
    of_tpu = {ACCELERATOR: "tpu-v6e-slice", TOPOLOGY: machine.topology}
    mode = config.get("workloadMetadataConfig", {}).get("mode")
    return {
        "cloud.google.com/gke-nodepool": pool,
        "node.kubernetes.io/instance-type": kind,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        **({"cloud.google.com/gke-spot": "true"} if config.get("spot") else {}),
        **({"cloud.google.com/gke-flex-start": "true"} if config.get("flexStart") else {}),
        **({METADATA_SERVER: "true"} if mode == "GKE_METADATA" else {}),
        **config.get("labels", {}),
        **(of_tpu if machine.chips else {}),
    }


def _room(machine: Machine) -> dict[str, str]:
    """What Pods may request of a node."""
    cpu, memory = allocatable(machine.vcpus, machine.gb)
    chips = {CHIPS: str(machine.chips)} if machine.chips else {}
    return {"cpu": f"{cpu}m", "memory": f"{memory}Mi", "pods": "110", **chips}
