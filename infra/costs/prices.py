"""List prices: what a unit costs in a region, since when that is known, and where it is said.

`prices.json` has them, each with its source. They are public prices in US dollars, without tax, discounts and free
tiers. `python -m ops cost --refresh` writes the file anew from the Cloud Billing catalogue.
"""

import datetime
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter

FILE = Path(__file__).parent / "prices.json"
HOURS_A_MONTH = 730
"""As Google counts them (https://cloud.google.com/compute/all-pricing)."""
EVERYWHERE = "global"
"""In place of a region, for what costs the same in all of them."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sku(_Part):
    """Where the catalogue has a price: a service's id, a pattern of the description, how it is bought, and how many of
    it make one unit here."""

    service: str
    description: str
    usage: str
    times: int


class Sheet(_Part):
    """Prices that were read at one place on one day, in US dollars, by region."""

    date: datetime.date
    source: str
    usd: dict[str, float]


class Item(_Part):
    """Something that costs money: its unit, the time that a price is for, its entries in the catalogue, and prices."""

    unit: str
    per: Literal["hour", "month"]
    skus: tuple[Sku, ...]
    sheets: tuple[Sheet, ...]


Items = Mapping[str, Item]
_FORMAT = TypeAdapter(dict[str, Item])


class Price(NamedTuple):
    """US dollars for a unit and an hour, and the day on which that was read."""

    usd: float
    date: datetime.date


@cache
def known() -> Items:
    """The items of `prices.json`, by name."""
    return _FORMAT.validate_json(FILE.read_text())


def write(items: Items, file: Path = FILE) -> None:
    """Write items in the format of `prices.json`."""
    file.write_text(json.dumps(_FORMAT.dump_python(dict(items), mode="json"), indent=2) + "\n")


def price(items: Items, name: str, region: str) -> Price | None:
    """The newest price of an item in a region, None if there is none."""
    found = [
        Price(usd / (HOURS_A_MONTH if item.per == "month" else 1), sheet.date)
        for item in filter(None, [items.get(name)])
        for sheet in item.sheets
        if (usd := sheet.usd.get(region, sheet.usd.get(EVERYWHERE))) is not None
    ]
    return max(found, key=lambda it: it.date, default=None)
