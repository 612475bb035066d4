"""The budget at Cloud Billing, and one that the stack cannot keep."""

from typing import Any

import pytest

from infra.costs import prices
from infra.costs.budget import title, warnings
from infra.costs.prices import Item
from infra.settings.load import parse
from infra.settings.schema import Settings
from tests.support.dependencies import needs
from tests.support.program import Declared, Run
from tests.support.stack_settings import stack

PRICES = {
    name: Item.model_validate(
        {"unit": "x", "per": "month", "skus": [], "sheets": [{"date": "2026-01-01", "source": "s", "usd": usd}]}
    )
    for name, usd in {"GKE cluster": {"global": 1_500.4}, "TPU v6e on-demand": {"global": 10_000}}.items()
}


def settings(**changes: Any) -> Settings:
    return parse(stack(changes))


def of(usd: int) -> dict[str, Any]:
    return {"billingAccount": "012345-6789AB-CDEF01", "usd": usd}


def test_budget_below_a_month_without_a_running_model_is_warned_of() -> None:
    assert list(warnings(settings(budget=of(1500)), PRICES)) == [
        "budget.usd: 1500 is below the 1,500 US dollars that a month without a running model costs at list prices, so "
        "every month ends above it. Raise it; `python -m ops cost` has the parts."
    ]


def test_budget_that_is_enough_for_that_is_not() -> None:
    assert list(warnings(settings(budget=of(1501)), PRICES)) == []


def test_budget_of_just_that_is_not() -> None:
    month = PRICES["GKE cluster"].model_dump() | {
        "sheets": [{"date": "2026-01-01", "source": "s", "usd": {"global": 730}}]
    }
    assert list(warnings(settings(budget=of(730)), {**PRICES, "GKE cluster": Item.model_validate(month)})) == []


def test_stack_without_one_is_not() -> None:
    assert list(warnings(settings(), PRICES)) == []


@pytest.mark.parametrize(("usd", "warned"), [(216, True), (217, False)])
def test_dev_stack_is_judged_by_the_idle_month_that_the_page_shows(usd: int, warned: bool) -> None:
    assert bool(list(warnings(settings(budget=of(usd))))) is warned
    assert prices.HOURS_A_MONTH == 730


# The resource

BUDGET = {"billingAccount": "012345-6789AB-CDEF01", "usd": 4000, "thresholds": [29, 120]}
KIND, API = "billing/budget:Budget", "billingbudgets.googleapis.com"


def apis(declared: Declared) -> set[str]:
    return {api.inputs["service"] for api in declared.all("projects/service:Service")}


def test_stack_without_one_makes_none_and_enables_nothing_for_it(dev: Declared) -> None:
    assert dev.all(KIND) == []
    assert API not in apis(dev)


def test_nothing_but_the_budget_and_its_api_is_more(run: Run, dev: Declared) -> None:
    more = [(r.type, r.name) for r in run(budget=BUDGET) if (r.type, r.name) not in {(r.type, r.name) for r in dev}]
    assert more == [("gcp:projects/service:Service", "billingbudgets"), ("gcp:billing/budget:Budget", "tpu-inference")]


def test_budget_is_of_a_month_and_of_the_project_alone(run: Run) -> None:
    made = run(budget=BUDGET).one(KIND).inputs
    assert made["billingAccount"] == "012345-6789AB-CDEF01"
    assert made["amount"] == {"specifiedAmount": {"currencyCode": "USD", "units": "4000"}}
    assert made["budgetFilter"] == {"calendarPeriod": "MONTH", "projects": ["projects/my-project"]}


def test_thresholds_are_fractions_of_it(run: Run) -> None:
    assert run(budget=BUDGET).one(KIND).inputs["thresholdRules"] == [
        {"thresholdPercent": 0.29},
        {"thresholdPercent": 1.2},
    ]


def test_project_that_is_read_back_by_its_number_is_no_change(run: Run) -> None:
    assert list(run(budget=BUDGET).one(KIND).request.ignoreChanges) == ["budgetFilter.projects"]


def test_name_says_which_project_and_is_not_too_long(run: Run) -> None:
    assert run(budget=BUDGET).one(KIND).inputs["displayName"] == "tpu-inference in my-project"
    assert len(title("tpu-inference", f"{'x' * 60}.example.com:my-project")) == 60


def test_budget_is_made_by_the_stacks_own_provider_after_its_api(run: Run) -> None:
    declared = run(budget=BUDGET)
    made = declared.one(KIND)
    assert "::google::" in made.request.provider
    assert "Service billingbudgets" in needs(declared, made)
