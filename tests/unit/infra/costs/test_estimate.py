"""What a stack costs, of its settings and a price list."""

import datetime
from typing import Any

import pytest

from infra.costs.estimate import Estimate, estimate, machine, output
from infra.costs.prices import Item, Items
from infra.settings.load import parse
from infra.settings.schema import Settings
from tests.support.project import defaults, stack_file
from tests.support.stacks import MODEL, autoscaled

DAY = datetime.date(2026, 2, 11)
PAUSED = {**stack_file("dev")["models"][0], "paused": True}


def settings(stack: str = "dev", **changes: Any) -> Settings:
    return parse({**defaults(), **stack_file(stack), "gcp:project": "my-project", **changes}, stack=stack)


def at(**usd: float) -> Items:
    """A price list with these prices, everywhere, and no others."""
    sheet = {"date": DAY, "source": "https://x"}
    return {
        name.replace("_", " "): Item.model_validate(
            {"unit": "x", "per": "hour", "skus": [], "sheets": [{**sheet, "usd": {"global": price}}]}
        )
        for name, price in usd.items()
    }


def units(of: Estimate, what: str) -> tuple[float, float]:
    [line] = [line for line in of.lines if line.what.startswith(what)]
    return line.running, line.idle


FIELD = {"TPU v6e on-demand": 127 / 24 / 4, "machine n1-standard": 6 / 24 / 2 / 4, "forwarding rule": 0.30 / 24}
"""Who built the same by hand, in europe-west4-a, paid this: USD 127 a day for a ct6e-standard-4t, 6 for two
n1-standard-4, 0.30 for the load balancer. Cluster, disks and NAT are not in their table
(the README of a deployment of this API guide's pattern of 2026-02-11)."""


def test_dev_stack_costs_what_the_field_paid_at_its_prices() -> None:
    items = at(**{name.replace(" ", "_"): price for name, price in FIELD.items()})
    of = estimate(settings(systemMachineType="n1-standard-4", systemMinNodes=2), items)
    assert of.usd() * 24 == pytest.approx(133, rel=0.1)
    assert of.usd(idle=True) * 24 == pytest.approx(6, rel=0.1)


def test_list_prices_of_the_dev_stack_are_those_of_its_parts() -> None:
    of = estimate(settings())
    assert of.usd() - of.usd(idle=True) == pytest.approx(4 * 2.97 + 0.0014)
    assert of.usd(idle=True) == pytest.approx(0.1 + 0.14754 + 11 / 730 + 0.028 + 0.0014 + 0.005)
    assert of.unknown == ["boot disks of TPU nodes"]


def test_parts_of_the_dev_stack_are_told_by_name() -> None:
    assert [(line.what, line.running, line.idle) for line in estimate(settings()).lines] == [
        ("GKE cluster", 1, 1),
        ("system nodes: 1 e2-standard-4", 4, 4),
        ("their boot disks", 100, 100),
        ("TPU nodes: 1 ct6e-standard-4t on-demand", 4, 0),
        ("boot disks of TPU nodes", 200, 0),
        ("forwarding rule", 1, 1),
        ("NAT gateway", 2, 1),
        ("NAT address", 1, 1),
    ]


@pytest.mark.parametrize(
    ("item", "running"),
    [
        ("GKE cluster", 1),
        ("machine e2-standard", 4),
        ("disk pd-balanced", 100),
        ("TPU v6e on-demand", 4),
        ("disk hyperdisk-balanced", 200),
        ("forwarding rule", 1),
        ("NAT gateway", 2),
        ("NAT address", 1),
        ("KMS key", 1),
    ],
)
def test_each_part_is_paid_for_at_the_price_of_its_item(item: str, running: float) -> None:
    assert estimate(settings(hardenedCluster=True), at(**{item: 1})).usd() == running


def test_without_any_price_all_is_unknown() -> None:
    of = estimate(settings(), {})
    assert of.unknown == [line.what for line in of.lines]
    assert of.oldest is None


def test_replicas_of_all_models_that_are_not_paused_are_counted() -> None:
    other = {**PAUSED, "name": "other", "paused": False, "replicas": 2}
    assert units(estimate(settings(models=[PAUSED, other], tpuMaxNodes=2)), "TPU nodes") == (8, 0)


def test_paused_stack_costs_the_same_running_and_idle() -> None:
    of = estimate(settings(models=[PAUSED]))
    assert of.usd() == of.usd(idle=True)
    assert of.unknown == []


def test_nodes_that_the_autoscaler_keeps_are_paid_for_when_idle() -> None:
    of = estimate(settings(models=[PAUSED], tpuMinNodes=1))
    assert units(of, "TPU nodes") == (4, 4)
    assert units(of, "boot disks of TPU") == (200, 200)


def test_reservation_is_paid_for_without_a_node() -> None:
    of = estimate(settings(tpuCapacity=["reservation:ours"]))
    assert units(of, "TPU nodes") == (4, 4)
    assert units(of, "boot disks of TPU") == (200, 0)
    paused = estimate(settings(tpuCapacity=["reservation:ours"], models=[PAUSED]))
    assert units(paused, "TPU nodes") == (4, 4)
    assert units(paused, "boot disks of TPU") == (0, 0)


def test_class_that_is_tried_first_gives_the_price() -> None:
    first = estimate(settings(tpuCapacity=["spot", "on-demand"]))
    assert first.usd() == estimate(settings(tpuCapacity=["spot"])).usd() < estimate(settings()).usd()


def test_each_slice_has_a_line_of_its_own() -> None:
    large = {**PAUSED, "name": "large", "paused": False, "slice": "v6e-8"}
    of = estimate(settings(models=[stack_file("dev")["models"][0], large]))
    assert units(of, "TPU nodes: 1 ct6e-standard-4t") == (4, 0)
    assert units(of, "TPU nodes: 1 ct6e-standard-8t") == (8, 0)
    assert units(of, "boot disks of TPU") == (400, 0)


def test_spot_has_a_price_of_its_own() -> None:
    assert estimate(settings("staging")).usd() < estimate(settings()).usd()


@pytest.mark.parametrize(
    ("machine_type", "item", "times"),
    [("e2-standard-8", "machine e2-standard", 8), ("e2-medium", "machine e2-medium", 1)],
)
def test_machine_is_priced_by_its_processors(machine_type: str, item: str, times: int) -> None:
    assert machine(machine_type) == (item, times)


def test_machine_without_a_price_is_named_as_unknown() -> None:
    of = estimate(settings(systemMachineType="n4-standard-4"))
    assert "system nodes: 1 n4-standard-4" in of.unknown


def test_nat_counts_machines_up_to_its_cap() -> None:
    assert units(estimate(settings(systemMinNodes=40, systemMaxNodes=40)), "NAT gateway") == (32, 32)


def test_key_of_a_hardened_cluster_is_counted_unless_it_is_the_users() -> None:
    own = [line.what for line in estimate(settings(hardenedCluster=True)).lines]
    key = "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"
    theirs = [line.what for line in estimate(settings(hardenedCluster=True, kmsKey=key)).lines]
    assert set(own) - set(theirs) == {"key of the cluster's Secrets"}


def test_output_says_the_day_of_the_oldest_price_and_what_is_not_in_it() -> None:
    told = output(settings())
    assert told["pricesOf"] == "2025-03-06"
    assert told["withoutPrice"] == ["boot disks of TPU nodes"]
    assert told["usdPerHourRunning"] == round(estimate(settings()).usd(), 4)
    assert told["usdPerHourIdle"] == round(estimate(settings()).usd(idle=True), 4)


def test_autoscaled_stack_costs_what_its_fewest_replicas_do_and_more_at_the_most() -> None:
    scaled = settings(**autoscaled(min=2))
    assert estimate(scaled) == estimate(settings(models=[{**MODEL, "replicas": 2}], tpuMaxNodes=3))
    assert estimate(scaled, most=True) == estimate(settings(models=[{**MODEL, "replicas": 3}], tpuMaxNodes=3))
    assert output(scaled)["usdPerHourMost"] == round(estimate(scaled, most=True).usd(), 4)
    assert "usdPerHourMost" not in output(settings())


def test_nodes_that_are_kept_are_paid_for_also_when_the_load_asks_for_fewer() -> None:
    kept = settings(**autoscaled(), tpuMinNodes=2)
    assert units(estimate(kept), "TPU nodes") == (8, 8)
    assert units(estimate(kept, most=True), "TPU nodes") == (12, 8)


def test_model_that_sleeps_runs_with_one_replica_and_is_idle_with_none() -> None:
    asleep = estimate(settings(**autoscaled(min=0)))
    assert units(asleep, "TPU nodes") == (4, 0)


def test_reservation_holds_the_most_replicas() -> None:
    assert units(estimate(settings(**autoscaled(), tpuCapacity=["reservation:ours"])), "TPU nodes") == (12, 12)
