"""What becomes of the price list when the Cloud Billing catalogue is asked."""

import datetime

import pytest
import typer

from infra.costs.prices import Item, Items, Sheet, known, price
from ops.price_refresh import SOURCE, refreshed
from tests.support.billing import Catalogue, sku

COMPUTE, NETWORK, GKE = "6F81-5844-456A", "E505-1604-58F8", "CCD8-9BF1-090E"
TODAY = datetime.date(2026, 12, 1)
REGION = "europe-west4"
DECOYS = [
    sku("TpuV6e running in Columbus", "us-east5", 2.7),
    sku("Capacity Optimized TpuV6e running in Netherlands", REGION, 9),
    sku("Commitment v1: TpuV6e running in Netherlands for 1 Year", REGION, 2, "Commit1Yr"),
    sku("Regional Balanced PD Capacity in Netherlands", REGION, 0.22),
    sku("E2 Custom Instance Core running in Netherlands", REGION, 9),
]


def catalogue(*skus: object, **services: object) -> Catalogue:
    made = Catalogue()
    made.services = {COMPUTE: [*DECOYS, *skus], NETWORK: [], GKE: [], **services}  # type: ignore[dict-item]
    return made


def dollars(items: Items, name: str, region: str = REGION) -> float | None:
    found = price(items, name, region)
    return found and round(found.usd, 6)


def test_price_of_the_region_is_todays_and_others_stay() -> None:
    new = refreshed(known(), REGION, TODAY, catalogue(sku("TpuV6e running in Netherlands", REGION, 3.1)).client())
    assert dollars(new, "TPU v6e on-demand") == 3.1
    assert price(new, "TPU v6e on-demand", REGION).date == TODAY  # type: ignore[union-attr]
    assert price(new, "TPU v6e on-demand", "us-east5") == price(known(), "TPU v6e on-demand", "us-east5")
    assert new["TPU v6e spot"] == known()["TPU v6e spot"]


def test_machine_is_its_processor_and_its_memory() -> None:
    core = sku("E2 Instance Core running in Netherlands", REGION, 0.024)
    ram = sku("E2 Instance Ram running in Netherlands", REGION, 0.0032)
    assert dollars(refreshed(known(), REGION, TODAY, catalogue(core, ram).client()), "machine e2-standard") == 0.0368


def test_half_of_a_machine_is_no_price() -> None:
    new = refreshed(known(), REGION, TODAY, catalogue(sku("E2 Instance Core running in X", REGION, 1)).client())
    assert new["machine e2-standard"] == known()["machine e2-standard"]


def test_two_different_prices_are_none() -> None:
    two = [sku(f"TpuV6e running in {where}", REGION, usd) for where, usd in (("A", 1), ("B", 2))]
    new = refreshed(known(), REGION, TODAY, catalogue(*two).client())
    assert new["TPU v6e on-demand"] == known()["TPU v6e on-demand"]


def test_spot_is_not_taken_for_on_demand() -> None:
    spot = sku("TpuV6e attached to Spot Preemptible VMs running in Netherlands", REGION, 1.5, "Preemptible")
    new = refreshed(known(), REGION, TODAY, catalogue(spot).client())
    assert (dollars(new, "TPU v6e spot"), dollars(new, "TPU v6e on-demand")) == (1.5, 2.97)


def test_free_units_are_passed_over() -> None:
    address = sku("Networking Cloud NAT IP Usage", "global", 0.006, free=10)
    new = refreshed(known(), REGION, TODAY, catalogue(**{NETWORK: [address]}).client())
    assert dollars(new, "NAT address") == 0.006


def test_price_that_was_unknown_is_filled_in() -> None:
    assert dollars(known(), "disk hyperdisk-balanced") is None
    disk = sku("Hyperdisk Balanced Capacity in Netherlands", REGION, 0.0876)
    new = refreshed(known(), REGION, TODAY, catalogue(disk).client())
    assert dollars(new, "disk hyperdisk-balanced") == round(0.0876 / 730, 6)


def test_each_service_is_asked_once_to_its_last_page() -> None:
    asked = catalogue()
    refreshed(known(), REGION, TODAY, asked.client())
    assert sorted(asked.asked) == sorted([GKE, NETWORK, COMPUTE, COMPUTE, COMPUTE])


def test_old_price_of_the_place_goes() -> None:
    sheets = [Sheet(date=datetime.date(2026, 1, 1), source="x", usd={REGION: 1.0})]
    items = {"a": Item(unit="chip", per="hour", skus=known()["TPU v6e on-demand"].skus, sheets=tuple(sheets))}
    new = refreshed(items, REGION, TODAY, catalogue(sku("TpuV6e running in Netherlands", REGION, 3)).client())
    assert new["a"].sheets == (Sheet(date=TODAY, source=SOURCE, usd={REGION: 3.0}),)


def test_refusal_is_told_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    closed = catalogue()
    closed.denied = True
    with pytest.raises(typer.Exit) as ended:
        refreshed(known(), REGION, TODAY, closed.client())
    assert ended.value.exit_code == 2
    said = capsys.readouterr().err
    assert "API has not been used" in said
    assert "gcloud services enable cloudbilling.googleapis.com" in said
