"""For which Pods the sandbox's autoscaler adds a node: the decisions, with no API server."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from infra.google.slices import SLICES
from infra.models import warm_up_jobs
from infra.platform.names import VLLM, kserve_labels
from infra.settings.load import parse
from sandbox.cluster.autoscaler import Autoscaler, waits_for_a_node
from sandbox.cluster.node_pools import Pool
from sandbox.cluster.room import Room
from tests.support.stack_settings import stack

Json = dict[str, Any]
LABELS = {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice", "cloud.google.com/gke-tpu-topology": "2x2"}
UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "reason": "Unschedulable"}]}
ROOM = {"cpu": "100", "memory": "100Gi", "google.com/tpu": "4"}
HOLDER = warm_up_jobs.holder(SLICES["v6e-4"], parse(stack()))["template"]["spec"]
ARRIVAL = warm_up_jobs.arrival(SLICES["v6e-4"], parse(stack()))["template"]["spec"]


def pool(name: str = "tpu", most: int = 2) -> Pool:
    return Pool(
        id=name,
        name=name,
        group=name,
        project="p",
        version="1",
        bought="on-demand",
        zones=["a"],
        labels={**LABELS, "cloud.google.com/gke-nodepool": name},
        taints=[{"key": "google.com/tpu", "value": "present", "effect": "NoSchedule"}],
        room=ROOM,
        initial=0,
        least=0,
        most=most,
    )


def pod(name: str, spec: Json, *, node: str = "", status: Json | None = None, **labels: str) -> Json:
    """A Pod, on a node or in search of one, with the priority that admission gives it."""
    priority = -10 if spec.get("priorityClassName") else 0
    return {
        "metadata": {"name": name, "namespace": name, "uid": name, "labels": labels},
        "spec": {**spec, "priority": priority, **({"nodeName": node} if node else {})},
        "status": status or ({"phase": "Running"} if node else UNSCHEDULABLE),
    }


def model(name: str, **rest: Any) -> Json:
    spec = {key: HOLDER[key] for key in ("nodeSelector", "tolerations", "containers")}
    made = pod(name, spec, **rest)
    made["metadata"]["labels"] = kserve_labels(VLLM)
    return made


class Cluster:
    """The autoscaler with nodes that come as soon as they are asked for, and the events that it made."""

    def __init__(self, *pools: Pool, nodes: dict[str, str] | None = None) -> None:
        self.places = {name: (of, "a") for name, of in (nodes or {}).items()}
        self.targets = {p.id: sum(of == p.id for of, _ in self.places.values()) for p in pools}
        self.events: list[str] = []
        api = SimpleNamespace(
            event=lambda _pod, _kind, reason, _message, **_: self.events.append(reason), items=lambda _: []
        )
        nodes_ = SimpleNamespace(
            pools={p.id: p for p in pools},
            targets=self.targets,
            places=self.places,
            closed=set[str](),
            zones=lambda _: ["a"],
            has_capacity=lambda _pool, _zone: True,
            grow=self._grow,
        )
        self._autoscaler = Autoscaler(cast(Any, api), cast(Any, nodes_), delay=0)

    def _grow(self, pool: Pool, _zone: str) -> None:
        self.targets[pool.id] += 1

    def wants(self, *pods: Json) -> int:
        """How many TPU nodes there are to be in the end."""
        for _ in range(4):
            self._autoscaler.follow(list(pods))
            for of, target in self.targets.items():
                for i in range(target):
                    self.places[f"{of}-{i}"] = (of, "a")
        return sum(self.targets.values())


def test_one_node_comes_for_the_holder_and_the_arrival() -> None:
    assert Cluster(pool()).wants(pod("arrival", ARRIVAL), pod("holder", HOLDER)) == 1


def test_no_second_node_comes_for_a_model_that_is_about_to_preempt_the_holder() -> None:
    there = Cluster(pool(), nodes={"tpu-0": "tpu"})
    about_to = {**UNSCHEDULABLE, "nominatedNodeName": "tpu-0"}
    assert there.wants(pod("holder", HOLDER, node="tpu-0"), model("a", status=about_to)) == 1


def test_no_second_node_comes_for_a_holder_whose_model_came_first_not_in_another_pool_either() -> None:
    there = Cluster(pool(), pool("spot"), nodes={"tpu-0": "tpu"})
    assert there.wants(pod("holder", HOLDER), model("a", node="tpu-0")) == 1
    assert there.events == ["NotTriggerScaleUp"]


def test_model_and_holder_that_come_together_get_one_node() -> None:
    assert Cluster(pool()).wants(pod("holder", HOLDER), model("a")) == 1


def test_two_models_get_two_nodes_where_there_are_two_and_one_where_there_is_one() -> None:
    assert Cluster(pool()).wants(model("a"), model("b")) == 2
    assert Cluster(pool(most=1)).wants(model("a"), model("b")) == 1


def test_node_whose_pod_has_ended_is_free() -> None:
    there = Cluster(pool(), nodes={"tpu-0": "tpu"})
    ended = pod("holder", HOLDER, node="tpu-0", status={"phase": "Failed"})
    assert there.wants(ended, model("a")) == 1


@pytest.mark.parametrize(("priority", "waits"), [(0, True), (-10, True), (-11, False)])
def test_pod_below_the_cut_off_gets_no_node(priority: int, waits: bool) -> None:
    asking = pod("a", ARRIVAL)
    asking["spec"]["priority"] = priority
    assert waits_for_a_node(asking) is waits


def test_room_of_a_node_is_what_its_pods_leave() -> None:
    tpu = pool()
    room = Room({"tpu-0": tpu}, [model("a", node="tpu-0")])
    assert not room.take(model("b"), tpu)
    assert room.take(pod("arrival", ARRIVAL), tpu)


def test_room_is_on_nodes_that_take_pods_and_not_on_ones_own() -> None:
    tpu, arrival = pool(), pod("arrival", ARRIVAL, node="tpu-0")
    assert not Room({"tpu-0": tpu}, [], closed={"tpu-0"}).take(pod("arrival", ARRIVAL), tpu)
    assert not Room({"tpu-0": tpu}, [arrival]).take(arrival, tpu)
    assert Room({"tpu-0": tpu, "tpu-1": tpu}, [arrival]).take(arrival, tpu)
