"""What a stack has cost today: hours of what is there, at list prices."""

import pytest

from infra.costs import prices
from infra.settings.load import parse
from ops.status.cost_today import Cost, today
from ops.status.known import Unknown
from tests.support.observations import NOW
from tests.support.stack_settings import stack
from tests.support.statuses import LABELS, SYSTEM, TPU, known, node, node_of

SETTINGS, POOLS = parse(stack()), known().pools
HOURS = 12
"""Since midnight at `NOW`."""
IDLE, RUNNING = 0.297, 12.18
"""Dollars an hour of the dev stack, as docs/cost.md has them."""
NO_WAY = Unknown(because="no way to it")
ON_DEMAND = 2.97
"""Dollars an hour of a chip in europe-west4."""
NAT = 0.0014
"""Dollars an hour of a machine at the NAT gateway."""
SYSTEM_NODE = 4 * 0.036885 + 100 * 0.11 / 730 + NAT
"""Dollars an hour of an e2-standard-4 with its disk."""
SPOT = 4 * 1.782
"""Dollars an hour of a v6e-4 in europe-west4."""


def test_idle_stack_costs_what_is_paid_without_a_node() -> None:
    found = today(SETTINGS, [SYSTEM], POOLS, NOW)
    assert found.least == found.most == pytest.approx(IDLE * HOURS, rel=0.01)
    assert found.without == ()


def test_system_nodes_count_from_when_they_came_however_many_the_file_has() -> None:
    two = [SYSTEM, node(node_of("system-2", hours=2))]
    none, found = (today(SETTINGS, nodes, POOLS, NOW).most for nodes in ([], two))
    assert found - none == pytest.approx((HOURS + 2) * SYSTEM_NODE, rel=0.01)
    assert none == pytest.approx((IDLE - SYSTEM_NODE) * HOURS, rel=0.01)
    more = SETTINGS.model_copy(update={"system_min_nodes": 9})
    assert today(more, two, POOLS, NOW).most == found


def test_part_of_any_node_whose_price_is_not_known_is_named() -> None:
    odd = SETTINGS.model_copy(update={"system_machine_type": "x9-standard-4"})
    assert today(odd, [SYSTEM], POOLS, NOW).without == ("machine x9-standard",)
    assert today(odd, [], POOLS, NOW).without == ()


def test_what_is_paid_without_a_node_and_has_no_known_price_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = {name: item for name, item in prices.known().items() if name != "forwarding rule"}
    monkeypatch.setattr(prices, "known", lambda: fewer)
    assert today(SETTINGS, [SYSTEM], POOLS, NOW).without == ("forwarding rule",)


def test_no_more_nodes_than_a_gateway_counts_are_paid_for_at_it() -> None:
    nodes = [node(node_of(f"system-{i}", hours=24)) for i in range(33)]
    few, many = (today(SETTINGS, nodes[:of], POOLS, NOW).most for of in (32, 33))
    assert many - few == pytest.approx((SYSTEM_NODE - NAT) * HOURS, rel=0.001)


def test_tpu_node_counts_from_when_it_came_by_its_own_class() -> None:
    idle, found = (today(SETTINGS, nodes, POOLS, NOW).most for nodes in ([SYSTEM], [SYSTEM, TPU]))
    assert found - idle == pytest.approx(4 * SPOT, rel=0.01)


def test_node_of_yesterday_counts_from_midnight() -> None:
    old = node(node_of("tpu-1", LABELS, hours=30))
    idle, found = (today(SETTINGS, nodes, POOLS, NOW).most for nodes in ([], [old]))
    assert found - idle == pytest.approx(HOURS * SPOT, rel=0.01)


def test_node_of_a_pool_that_is_not_known_counts_by_the_first_class() -> None:
    idle, found = (today(SETTINGS, nodes, [], NOW).most for nodes in ([], [TPU]))
    assert found - idle == pytest.approx(4 * 4 * ON_DEMAND, rel=0.01)


def test_price_that_is_not_known_is_named() -> None:
    assert today(SETTINGS, [TPU], POOLS, NOW).without == ("disk hyperdisk-balanced",)


def test_kept_nodes_are_not_counted_twice() -> None:
    kept = parse(stack({"tpuMinNodes": 1}))
    assert today(kept, [TPU], POOLS, NOW) == today(SETTINGS, [TPU], POOLS, NOW)


def test_reservation_is_paid_for_with_and_without_a_node() -> None:
    reserved = parse(stack({"tpuCapacity": ["reservation:mine"]}))
    pools = [POOLS[0].model_copy(update={"capacity": "reservation:mine"})]
    without, with_one = (today(reserved, nodes, pools, NOW) for nodes in ([SYSTEM], [SYSTEM, TPU]))
    assert with_one.without == ("disk hyperdisk-balanced",)
    assert without.most == pytest.approx(RUNNING * HOURS, rel=0.01)
    assert with_one.most - without.most == pytest.approx(4 * NAT)


def test_without_nodes_it_is_between_idle_and_running() -> None:
    found = today(SETTINGS, NO_WAY, POOLS, NOW)
    assert isinstance(found, Cost)
    assert found.least == pytest.approx(IDLE * HOURS, rel=0.01)
    assert found.most == pytest.approx(RUNNING * HOURS, rel=0.01)
    assert found.without == ("boot disks of TPU nodes",)


def test_without_nodes_an_autoscaled_model_may_have_had_the_most_replicas() -> None:
    model = {"name": "qwen", "namespace": "demo", "uri": "hf://Qwen/Qwen2.5-3B-Instruct"}
    few, many = (
        today(parse(stack({"tpuMaxNodes": 4, "models": [{**model, "replicas": of}]})), NO_WAY, POOLS, NOW)
        for of in (1, {"min": 1, "max": 4})
    )
    assert many.least == few.least
    assert many.most - few.most == pytest.approx(3 * 4 * ON_DEMAND * HOURS, rel=0.01)
