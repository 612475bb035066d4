"""Today's prices, from the Cloud Billing catalogue.

It answers any account that may ask Google's APIs, and knows nothing of anybody's bill
(https://cloud.google.com/billing/docs/reference/rest/v1/services.skus/list).
"""

import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NoReturn

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud import billing_v1

from infra.costs.prices import EVERYWHERE, Item, Items, Sheet, Sku

from .refusal import refuse
from .words import LOGIN, one_line

SOURCE = "https://cloud.google.com/skus, by the Cloud Billing catalogue"


def catalogue() -> billing_v1.CloudCatalogClient:
    """The client, with the application-default credentials."""
    try:
        return billing_v1.CloudCatalogClient()
    except GoogleAuthError as error:
        _cannot(error)


def _cannot(error: Exception) -> NoReturn:
    why = one_line(error)
    refuse(
        f"the Cloud Billing catalogue cannot be asked: {why}. Run `{LOGIN}`, and "
        "`gcloud services enable cloudbilling.googleapis.com` in its quota project; or go without --refresh"
    )


def usd(sku: Any) -> float | None:
    """US dollars for a unit: of the newest price, the first step that is not free."""
    steps = sku.pricing_info[-1].pricing_expression.tiered_rates if sku.pricing_info else []
    amounts = (step.unit_price.units + step.unit_price.nanos / 1e9 for step in steps)
    return next((amount for amount in amounts if amount), None)


def _of(wanted: Sku, skus: Iterable[Any], region: str) -> Iterator[tuple[str, float]]:
    """Region and price of the entries that are meant, those for everywhere included."""
    for sku in skus:
        if sku.category.usage_type == wanted.usage and re.search(wanted.description, sku.description):
            for place in {region, EVERYWHERE}.intersection(sku.service_regions):
                if (amount := usd(sku)) is not None:
                    yield place, amount


def _found(item: Item, skus: Callable[[str], list[Any]], region: str) -> tuple[str, float] | None:
    """Where a unit of an item has which price; None if an entry is not there, or several with different prices are."""
    parts = [set(_of(sku, skus(sku.service), region)) for sku in item.skus]
    if not parts or any(len(part) != 1 for part in parts):
        return None
    prices = [part.pop() for part in parts]
    return prices[0][0], round(sum(sku.times * usd for sku, (_, usd) in zip(item.skus, prices, strict=True)), 6)


def refreshed(items: Items, region: str, day: datetime.date, client: billing_v1.CloudCatalogClient) -> dict[str, Item]:
    """The items with this day's prices in a region. What the catalogue does not have stays as it was."""

    @cache
    def skus(service: str) -> list[Any]:
        try:
            return list(client.list_skus(parent=f"services/{service}"))
        except (GoogleAPICallError, GoogleAuthError) as error:
            _cannot(error)

    found = {name: _found(item, skus, region) for name, item in items.items()}
    return {name: _with(item, price, day) if (price := found[name]) else item for name, item in items.items()}


def _with(item: Item, price: tuple[str, float], day: datetime.date) -> Item:
    """An item with a new price of a place, in place of those that it had there."""
    place, usd = price
    older = [
        sheet.model_copy(update={"usd": {k: v for k, v in sheet.usd.items() if k != place}}) for sheet in item.sheets
    ]
    new = Sheet(date=day, source=SOURCE, usd={place: usd})
    return item.model_copy(update={"sheets": (new, *(sheet for sheet in older if sheet.usd))})
