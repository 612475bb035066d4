"""The price list: each price has a source and a day, and the newest one counts."""

import datetime
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.costs import prices
from infra.costs.prices import Item, Sheet, known, price
from infra.google.slices import KNOWN_ZONES
from infra.settings.places import region

REGIONS = sorted({region(zone) for zone in KNOWN_ZONES})


def item(*sheets: Sheet, per: str = "hour") -> Item:
    return Item.model_validate({"unit": "x", "per": per, "skus": [], "sheets": sheets})


def sheet(day: str, **usd: float) -> Sheet:
    return Sheet(date=datetime.date.fromisoformat(day), source="https://x", usd=usd)


@pytest.mark.parametrize("name", known())
def test_each_price_has_a_source(name: str) -> None:
    for one in known()[name].sheets:
        assert one.source.startswith("https://")
        assert all(0 < usd < 20 for usd in one.usd.values())


def test_each_pattern_of_the_catalogue_is_one() -> None:
    patterns = [sku.description for one in known().values() for sku in one.skus]
    assert all(re.compile(pattern).pattern.startswith("^") for pattern in patterns)


@pytest.mark.parametrize("where", REGIONS)
@pytest.mark.parametrize("name", ["TPU v6e on-demand", "TPU v6e spot", "machine e2-standard", "disk pd-balanced"])
def test_what_costs_most_is_known_where_tpus_are_known_to_be(where: str, name: str) -> None:
    assert price(known(), name, where)


def test_newest_price_counts() -> None:
    items = {"a": item(sheet("2026-01-01", here=1), sheet("2026-02-01", here=2), sheet("2025-02-01", here=3))}
    assert price(items, "a", "here") == (2, datetime.date(2026, 2, 1))


def test_price_of_a_month_is_told_for_an_hour() -> None:
    assert price({"a": item(sheet("2026-01-01", here=73), per="month")}, "a", "here") == (
        0.1,
        datetime.date(2026, 1, 1),
    )


def test_price_of_everywhere_is_that_of_a_region_without_its_own() -> None:
    items = {
        "a": item(
            sheet("2026-01-01", here=1),
            Sheet.model_validate({**sheet("2025-01-01").model_dump(), "usd": {"global": 9}}),
        )
    }
    assert [price(items, "a", place).usd for place in ("here", "there")] == [1, 9]  # type: ignore[union-attr]


def test_what_is_not_in_the_list_has_no_price() -> None:
    assert price(known(), "machine n9-standard", "europe-west4") is None
    assert price(known(), "TPU v6e on-demand", "mars-north1") is None


def test_file_is_as_the_command_would_write_it(tmp_path: Path) -> None:
    prices.write(known(), tmp_path / "prices.json")
    assert (tmp_path / "prices.json").read_text() == prices.FILE.read_text()


def test_a_part_that_nobody_reads_is_refused() -> None:
    with pytest.raises(ValidationError, match="currency"):
        Item.model_validate({**item().model_dump(), "currency": "USD"})


def test_the_list_that_all_share_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        known()["KMS key"].unit = "bunch"
