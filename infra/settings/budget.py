"""The budget of a month, of which Cloud Billing sends mail (https://cloud.google.com/billing/docs/how-to/budgets)."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt
from pydantic.alias_generators import to_camel

from .explain import refuse

MOST_USD = 1_000_000_000
MOST_PERCENT = 1000
"""Google names no limit of either: what is above these is a slip of the pen."""


def _account(account: str) -> str:
    if not re.fullmatch("[0-9A-F]{6}(-[0-9A-F]{6}){2}", account):
        raise ValueError(
            "is not the ID of a billing account. Use one like 012345-6789AB-CDEF01, in capitals: `gcloud billing "
            "accounts list` shows them."
        )
    return account


def _thresholds(thresholds: tuple[int, ...]) -> tuple[int, ...]:
    if not thresholds:
        raise ValueError("has no threshold, so nobody would be told. Add one, like 100, or remove it for the default.")
    twice = sorted({percent for percent in thresholds if thresholds.count(percent) > 1})
    refuse(f"contains {percent} twice. Remove one." for percent in twice)
    return thresholds


class Budget(BaseModel):
    """What a month may cost, in whole US dollars, and at how many percent of it Cloud Billing tells."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    billing_account: Annotated[str, AfterValidator(_account)]
    usd: Annotated[StrictInt, Field(ge=1, le=MOST_USD)]
    thresholds: Annotated[
        tuple[Annotated[StrictInt, Field(ge=1, le=MOST_PERCENT)], ...], AfterValidator(_thresholds)
    ] = (50, 90, 100)


def _none_if_empty(budget: object) -> object:
    return budget or None


BudgetOrNone = Annotated[Budget | None, BeforeValidator(_none_if_empty)]
