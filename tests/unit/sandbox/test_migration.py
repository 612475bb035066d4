"""How the sandbox's autoscaler moves Pods to a better class: which may be moved, and in which order that goes."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from kubernetes.client import ApiException

from sandbox.cluster import migration
from sandbox.cluster.autoscaler import BUDGETS, CLASSES, Autoscaler
from sandbox.cluster.migration import SAFE_TO_EVICT, Drains, obstacle, to_move
from sandbox.cluster.node_pools import Pool
from sandbox.cluster.nodes import Nodes, takes_none

Json = dict[str, Any]
CLASS = "cloud.google.com/compute-class"
PLACES = {"worse-0": ("worse", "a")}


def pool(name: str, least: int = 0) -> Pool:
    fields: Json = {
        **{"id": name, "name": name, "group": name, "project": "p", "version": "1", "bought": name, "zones": ["a"]},
        **{"labels": {CLASS: "tpu"}, "taints": [], "room": {"cpu": "100", "memory": "100Gi", "google.com/tpu": "4"}},
        **{"initial": 0, "least": least, "most": 1},
    }
    return Pool(**fields)


def pod(name: str = "a", *, node: str = "worse-0", owner: str = "ReplicaSet", **notes: str) -> Json:
    owners = [{"kind": owner, "controller": True}] if owner else []
    meta = {"name": name, "namespace": "x", "uid": name, "labels": {"app": "m"}, "annotations": notes}
    chips = {"resources": {"requests": {"google.com/tpu": "4"}}}
    return {
        "metadata": {**meta, "ownerReferences": owners},
        "spec": {"nodeSelector": {CLASS: "tpu"}, "containers": [chips], "nodeName": node},
        "status": {"phase": "Running"},
    }


def budget(allowed: int, *, namespace: str = "x", app: str = "m") -> Json:
    return {
        "metadata": {"name": "b", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed},
    }


def test_pods_to_move_are_those_that_run_but_for_daemon_sets() -> None:
    ended = {**pod("ended"), "status": {"phase": "Succeeded"}}
    pods = [pod(), pod("elsewhere", node="other"), pod("agent", owner="DaemonSet"), ended]
    assert [of["metadata"]["name"] for of in to_move(pods, "worse-0")] == ["a"]


@pytest.mark.parametrize(
    ("pods", "budgets", "why"),
    [
        ([pod()], [], ""),
        ([pod()], [budget(1)], ""),
        ([pod()], [budget(0)], "not enough pod disruption budget: b"),
        ([pod(), pod("b")], [budget(1)], "not enough pod disruption budget: b"),
        ([pod()], [budget(0, namespace="y"), budget(0, app="other")], ""),
        ([pod(owner="")], [], "a has no controller"),
        ([pod(**{SAFE_TO_EVICT: "false"})], [], "a is not safe to evict"),
        ([pod(**{SAFE_TO_EVICT: "true"})], [], ""),
    ],
)
def test_what_keeps_a_node_from_being_emptied(pods: list[Json], budgets: list[Json], why: str) -> None:
    assert obstacle(pods, budgets) == why


class Cluster:
    """A node of the class that the ComputeClass has last, a Pod on it, and the API server; nodes come when asked for.

    It grants an eviction unless `refuses`, and has the Pod made anew where there is a node that takes one.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, migration_on: bool = True, least: int = 0) -> None:
        self.pods, self.done, self.has, self.refuses = [pod()], list[str](), {"better"}, False
        self.budgets: list[Json] = []
        self.clock = 0.0
        monkeypatch.setattr(migration.time, "monotonic", lambda: self.clock)  # the module that the autoscaler has, too
        spec = {
            "priorities": [{"nodepools": ["better"]}, {"nodepools": ["worse"]}],
            "activeMigration": {"optimizeRulePriority": migration_on},
        }
        self.classes = [{"metadata": {"name": "tpu"}, "spec": spec}]
        pools = {of.id: of for of in (pool("better"), pool("worse", least))}
        self.nodes = SimpleNamespace(
            pools=pools,
            targets={"better": 0, "worse": 1},
            places=dict(PLACES),
            closed=set[str](),
            zones=lambda of: of.zones,
            has_capacity=lambda of, _zone: of.id in self.has,
            grow=self._grow,
            shrink=self._shrink,
            mark=self._mark,
        )
        self._autoscaler = Autoscaler(cast(Any, self), cast(Any, self.nodes), delay=0)

    def items(self, path: str) -> list[Json]:
        return {CLASSES: self.classes, BUDGETS: self.budgets}[path]

    def event(self, about: Json, _kind: str, reason: str, _message: str, **_: Any) -> None:
        self.done.append(f"{reason} {about['metadata']['name']}")

    def __call__(self, method: str, path: str, body: Json) -> None:
        assert (method, body["kind"]) == ("POST", "Eviction")
        if self.refuses:
            raise ApiException(status=429)
        self.done.append(path)
        for of in self.pods:
            of["metadata"]["deletionTimestamp"] = "now"

    def _grow(self, of: Pool, zone: str) -> None:
        self.nodes.targets[of.id] += 1
        self.nodes.places[f"{of.id}-0"] = (of.id, zone)

    def _shrink(self, node: str) -> None:
        self.nodes.targets[self.nodes.places.pop(node)[0]] -= 1
        self.done.append(f"removed {node}")

    def _mark(self, node: str, *, leaving: bool) -> None:
        self.done.append(f"{'closed' if leaving else 'opened'} {node}")
        (self.nodes.closed.add if leaving else self.nodes.closed.discard)(node)

    def look(self, times: int = 1) -> list[str]:
        """What the autoscaler does in so many looks, half a second apart."""
        self.done = []
        for _ in range(times):
            self._autoscaler.follow(self.pods)
            self.clock += 0.5
        return self.done

    def pods_end(self) -> None:
        self.pods = [pod("new", node="better-0") for _ in self.pods]


def test_node_is_emptied_when_the_better_one_is_there_and_goes_when_its_pods_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = Cluster(monkeypatch)
    assert there.look() == ["TriggeredScaleUp a"]
    assert there.nodes.targets == {"better": 1, "worse": 1}
    assert there.look() == ["closed worse-0"]
    assert there.look(3) == ["/api/v1/namespaces/x/pods/a/eviction", "ScaleDown a"]
    there.pods_end()
    assert there.look(20) == ["removed worse-0"]
    assert there.nodes.targets == {"better": 1, "worse": 0}


def test_pod_stays_without_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Cluster(monkeypatch, migration_on=False).look(20) == []


def test_pod_stays_while_the_better_class_has_nothing_and_goes_when_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Cluster(monkeypatch)
    there.has = set()
    tried = there.look(60)
    assert tried[:3] == ["TriggeredScaleUp a", "FailedScaleUp a", "NotTriggerScaleUp a"]
    assert there.nodes.places == PLACES
    there.has = {"better"}
    assert "closed worse-0" in there.look(62)


def test_node_of_the_same_pool_is_no_better_place(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Cluster(monkeypatch)
    there.has = set()
    there.nodes.places["worse-1"], there.nodes.targets["worse"] = ("worse", "a"), 2
    assert there.look(20) == [
        *("TriggeredScaleUp a", "FailedScaleUp a", "NotTriggerScaleUp a"),
        *("closed worse-1", "removed worse-1"),  # which has nothing to move
    ]
    there.has = {"better"}
    assert "closed worse-0" in there.look(62)


def test_budget_that_allows_nothing_keeps_the_node_and_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Cluster(monkeypatch)
    there.budgets = [budget(0)]
    assert there.look(20) == []
    there.budgets = [budget(1)]
    assert there.look(2) == ["TriggeredScaleUp a", "closed worse-0"]


def test_node_that_its_pool_must_keep_is_not_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Cluster(monkeypatch, least=1).look(20) == []


def test_node_whose_pods_may_not_go_after_all_takes_pods_again_and_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = Cluster(monkeypatch)
    there.refuses = True
    assert there.look(8) == ["TriggeredScaleUp a", "closed worse-0", "opened worse-0"]
    assert there.look(8) == []  # for 5 minutes, which are seconds here
    assert there.look(4) == ["closed worse-0"]


def test_pod_that_waits_comes_before_one_that_is_to_move(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Cluster(monkeypatch)
    waiting = pod("b", node="")
    waiting["status"] = {"conditions": [{"type": "PodScheduled", "reason": "Unschedulable"}]}
    there.pods = [*there.pods, waiting]
    assert there.look() == ["TriggeredScaleUp b"]
    assert there.look() == ["NotTriggerScaleUp a"]  # the better node is for the other


def test_drain_forgets_a_node_that_is_lost_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Cluster(monkeypatch)
    drains = Drains(cast(Any, there), cast(Any, there.nodes))
    drains.start("worse-0")
    assert drains.going_on
    there.nodes.places.clear()
    drains.follow([])
    assert not drains.going_on
    assert there.done == ["closed worse-0"]


def test_node_that_goes_is_one_less_and_one_that_is_closed_says_so() -> None:
    asked: list[tuple[str, str, Any]] = []

    def api(method: str, path: str, body: Any = None, **_: str) -> Json:
        asked.append((method, path, body))
        return {}

    api.items = lambda *_, **__: []  # type: ignore[attr-defined]
    nodes = Nodes(cast(Any, SimpleNamespace(api=api)), cast(Any, None))
    nodes.pools, nodes.targets, nodes.places = {"worse": pool("worse")}, {"worse": 2}, dict(PLACES)
    nodes.mark("worse-0", leaving=True)
    assert takes_none(asked[0][2])
    nodes.mark("worse-0", leaving=False)
    assert not takes_none(asked[1][2])
    nodes.shrink("worse-0")
    assert asked[2][:2] == ("DELETE", "/api/v1/nodes/worse-0")
    assert (nodes.targets, nodes.places) == ({"worse": 1}, {})
    assert takes_none({"spec": {"unschedulable": True}})
