"""What the simulated Cloud Billing makes of a budget, and what it refuses."""

from typing import Any

import pytest

from sandbox.clouds.google_keys import number
from sandbox.clouds.google_kinds import BUDGET, SERVICE
from sandbox.clouds.inventory import CloudError
from tests.support.google_project import Project

INPUTS: dict[str, Any] = {
    "billingAccount": "012345-6789AB-CDEF01",
    "amount": {"specifiedAmount": {"currencyCode": "USD", "units": "10"}},
    "budgetFilter": {"projects": ["projects/p"]},
    "thresholdRules": [{"thresholdPercent": 0.5}],
}


@pytest.fixture
def billing(project: Project) -> Project:
    """A project that has the API on."""
    project.create(SERVICE, service="billingbudgets.googleapis.com")
    return project


def test_project_is_read_back_by_its_number_however_it_was_named(billing: Project) -> None:
    for given in ("projects/p", f"projects/{number('p')}"):
        made = billing.create(BUDGET, **INPUTS | {"budgetFilter": {"projects": [given]}})
        assert made["budgetFilter"]["projects"] == [f"projects/{number('p')}"]


def test_budgets_of_one_look_are_several(billing: Project) -> None:
    ids = {billing.google.create(billing.call(BUDGET), INPUTS)[0] for _ in range(2)}
    assert len(ids) == 2
    assert {i.rsplit("/", 1)[0] for i in ids} == {"billingAccounts/012345-6789AB-CDEF01/budgets"}


def test_without_its_api_there_is_none(project: Project) -> None:
    with pytest.raises(CloudError, match=r"billingbudgets\.googleapis\.com API has not been used in project p"):
        project.create(BUDGET, **INPUTS)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"specifiedAmount": {"units": "10.5"}}},
        {"amount": {}},
        {"amount": {"specifiedAmount": {"currencyCode": "EUR", "units": "10"}}},
        {"thresholdRules": [{"thresholdPercent": -0.5}]},
        {"budgetFilter": {"projects": ["projects/other"]}},
    ],
    ids=str,
)
def test_budget_is_refused(billing: Project, change: dict[str, Any]) -> None:
    with pytest.raises(CloudError, match="Error 400: Request contains an invalid argument"):
        billing.create(BUDGET, **INPUTS | change)


def test_change_into_what_is_refused_is_refused(billing: Project) -> None:
    object_id, _ = billing.google.create(billing.call(BUDGET), INPUTS)
    with pytest.raises(CloudError, match="invalid argument"):
        billing.google.update(billing.call(BUDGET), object_id, INPUTS | {"amount": {}})
