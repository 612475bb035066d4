"""Where the autoscaler's next node comes from, if classes of capacity are sold out in some zones."""

import itertools
from typing import Any

import pytest

from sandbox.clouds.capacity import Capacity
from sandbox.cluster.node_pools import Pool
from sandbox.cluster.scale_up import Backoff, better, choose, ordered

ZONES, CLASSES = ["us-east5-a", "us-east5-b"], ["reservation", "on-demand", "spot"]
GROUPS = list(itertools.product(CLASSES, ZONES))
LABEL = "cloud.google.com/compute-class"
POD: dict[str, Any] = {
    "spec": {
        "nodeSelector": {LABEL: "tpu"},
        "tolerations": [{"key": LABEL, "value": "tpu", "effect": "NoSchedule"}],
        "containers": [{"resources": {"requests": {"google.com/tpu": "4"}}}],
    }
}


def pool(how: str, **changes: Any) -> Pool:
    fields: dict[str, Any] = {
        **{"id": f"id of {how}", "name": f"pool-{how}", "group": f"gke-{how}", "project": "p", "version": "1.36.0"},
        **{"bought": how, "zones": ZONES, "labels": {LABEL: "tpu"}, "initial": 0, "least": 0, "most": 1},
        "taints": [{"key": LABEL, "value": "tpu", "effect": "NoSchedule"}],
        "room": {"cpu": "180", "memory": "700Gi", "google.com/tpu": "4"},
    }
    return Pool(**{**fields, **changes})


def compute_class(*names: str) -> dict[str, Any]:
    return {"tpu": {"spec": {"priorities": [{"nodepools": [f"pool-{name}"]} for name in names]}}}


POOLS = [pool("spot"), pool("on-demand"), pool("reservation")]  # not in the order of the class


def tried(sold_out: set[tuple[str, str]], seconds: int = 12) -> tuple[list[tuple[str, str]], tuple[str, str] | None]:
    """Each group that was asked, by class and zone, until one had capacity; and which one that was."""
    capacity, backoff, asked = Capacity(sold_out={(zone, how) for how, zone in sold_out}), Backoff(minute=10), []
    for now in range(seconds):
        choice = choose(POD, ordered(POD, POOLS, compute_class(*CLASSES)), full=(), resting=backoff.resting(now))
        if choice.pool is None:
            continue
        group = (choice.pool.bought, choice.zone)
        asked.append(group)
        if capacity.has(4, choice.zone, choice.pool.bought):
            return asked, group
        backoff.failed((choice.pool.id, choice.zone), now)
    return asked, None


@pytest.mark.parametrize("sold", list(itertools.product([False, True], repeat=6)), ids=str)
def test_pod_lands_on_the_first_that_has_capacity_or_all_were_tried(sold: tuple[bool, ...]) -> None:
    """Each combination of two zones and three classes."""
    asked, landed = tried({group for group, gone in zip(GROUPS, sold, strict=True) if gone})

    first = next((i for i, gone in enumerate(sold) if not gone), None)
    assert landed == (None if first is None else GROUPS[first])
    assert asked == GROUPS if first is None else asked == GROUPS[: first + 1]


def test_what_is_tried_again_is_the_first_that_rested_long_enough() -> None:
    backoff = Backoff(minute=1)
    for now, how in enumerate(CLASSES):
        for zone in ZONES:
            backoff.failed((f"id of {how}", zone), now)
    pools = ordered(POD, POOLS, compute_class(*CLASSES))

    def choice(now: float) -> Any:
        return choose(POD, pools, full=(), resting=backoff.resting(now))

    assert choice(4).pool is None
    assert choice(4).refusals == {"in backoff after failed scale-up": 6}
    assert choice(5).pool.bought == "reservation"


def test_pause_doubles_up_to_half_an_hour_and_is_forgotten_after_three() -> None:
    backoff, group, now, pauses = Backoff(minute=60), ("id", "zone"), 0.0, []
    for _ in range(5):
        backoff.failed(group, now)
        pause = next(s for s in range(60, 3600, 60) if group not in backoff.resting(now + s))
        pauses.append(pause // 60)
        now += pause
    assert pauses == [5, 10, 20, 30, 30]
    backoff.failed(group, 4 * 3600)
    assert group not in backoff.resting(4 * 3600 + 300)


def test_full_pool_is_passed_over() -> None:
    pools = ordered(POD, POOLS, compute_class(*CLASSES))
    choice = choose(POD, pools, full={"id of reservation"}, resting=())
    assert (choice.pool and choice.pool.bought, choice.zone) == ("on-demand", ZONES[0])
    assert choice.refusals == {"max node group size reached": 1}


def test_pool_that_the_class_does_not_list_never_grows() -> None:
    assert [p.bought for p in ordered(POD, POOLS, compute_class("spot"))] == ["spot"]
    assert ordered(POD, POOLS, {}) == []  # a class that is not there


def moves(*items: list[str], on: bool | None = True) -> dict[str, Any]:
    """A class with these items, and what it says of moves, if anything."""
    spec: dict[str, Any] = {"priorities": [{"nodepools": [f"pool-{name}" for name in item]} for item in items]}
    return {"tpu": {"spec": spec if on is None else {**spec, "activeMigration": {"optimizeRulePriority": on}}}}


@pytest.mark.parametrize("on", [True, False, None])
@pytest.mark.parametrize("order", list(itertools.permutations(CLASSES)), ids="-".join)
@pytest.mark.parametrize("than", CLASSES)
def test_better_is_what_the_class_lists_before_and_nothing_without_migration(
    than: str, order: tuple[str, ...], on: bool | None
) -> None:
    found = better(pool(than), POOLS, moves(*([name] for name in order), on=on))
    assert [p.bought for p in found] == (list(order[: order.index(than)]) if on else [])


def test_pools_of_one_item_are_equals_and_one_that_is_not_listed_is_the_worst() -> None:
    classes = moves(["reservation"], ["on-demand", "spot"])
    assert [p.bought for p in better(pool("spot"), POOLS, classes)] == ["reservation"]
    assert [p.bought for p in better(pool("flex-start"), POOLS, classes)] == ["reservation", "on-demand", "spot"]


def test_pool_without_a_class_or_of_one_that_is_gone_has_no_better() -> None:
    assert better(pool("spot", labels={}), POOLS, moves(["reservation"])) == []
    assert better(pool("spot"), POOLS, {}) == []


def test_pod_without_a_class_has_every_pool_that_it_tolerates() -> None:
    bare: dict[str, Any] = {"spec": {"containers": []}}
    pools = [*POOLS, pool("on-demand", id="bare", taints=[], labels={})]
    choice = choose(bare, ordered(bare, pools, {}), full=(), resting=())
    assert choice.pool is not None
    assert choice.pool.id == "bare"
    assert choice.refusals == {"node(s) had untolerated taint(s)": 3}
