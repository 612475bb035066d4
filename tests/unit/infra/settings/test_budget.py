"""The budget of a month, and the line that each mistake gets."""

from typing import Any

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, problems, refused, stack

BUDGET = {"billingAccount": "012345-6789AB-CDEF01", "usd": 4000}
NO_ACCOUNT = (
    "is not the ID of a billing account. Use one like 012345-6789AB-CDEF01, in capitals: `gcloud billing accounts "
    "list` shows them."
)
NOT_WHOLE = "is not a whole number. Use one, without quotes."


def changed(**fields: Any) -> Values:
    return {"budget": {**BUDGET, **fields}}


BAD: dict[str, tuple[Values, str]] = {
    "account by its resource's name": (
        changed(billingAccount="billingAccounts/012345-6789AB-CDEF01"),
        f'budget.billingAccount: "billingAccounts/012345-6789AB-CDEF01" {NO_ACCOUNT}',
    ),
    "account in small letters": (
        changed(billingAccount="012345-6789ab-cdef01"),
        f'budget.billingAccount: "012345-6789ab-cdef01" {NO_ACCOUNT}',
    ),
    "account with a line break": (
        changed(billingAccount="012345-6789AB-CDEF01\n"),
        f'budget.billingAccount: "012345-6789AB-CDEF01\\n" {NO_ACCOUNT}',
    ),
    "no account": ({"budget": {"usd": 4000}}, "budget.billingAccount: is required. Add it."),
    "no amount": ({"budget": {"billingAccount": BUDGET["billingAccount"]}}, "budget.usd: is required. Add it."),
    "nothing": (changed(usd=0), "budget.usd: 0 is too small. Use 1 or more."),
    "more than there is": (changed(usd=10**9 + 1), "budget.usd: 1000000001 is too large. Use 1000000000 or less."),
    "amount with cents": (changed(usd=99.5), f"budget.usd: 99.5 {NOT_WHOLE}"),
    "amount in quotes": (changed(usd="4000"), f'budget.usd: "4000" {NOT_WHOLE}'),
    "amount that is a truth": (changed(usd=True), f"budget.usd: true {NOT_WHOLE}"),
    "threshold as a fraction": (changed(thresholds=[0.5]), f"budget.thresholds[0]: 0.5 {NOT_WHOLE}"),
    "threshold of nothing": (changed(thresholds=[0]), "budget.thresholds[0]: 0 is too small. Use 1 or more."),
    "threshold of ten budgets": (
        changed(thresholds=[100, 1001]),
        "budget.thresholds[1]: 1001 is too large. Use 1000 or less.",
    ),
    "no threshold": (
        changed(thresholds=[]),
        "budget.thresholds: [] has no threshold, so nobody would be told. Add one, like 100, or remove it for the "
        "default.",
    ),
    "threshold twice": (
        changed(thresholds=[100, 50, 100]),
        "budget.thresholds: [100, 50, 100] contains 100 twice. Remove one.",
    ),
    "one threshold alone": (
        changed(thresholds=100),
        "budget.thresholds: 100 is not a list. Write one, even for a single value.",
    ),
    "unknown field": (
        changed(treshold=[50]),
        "budget.treshold: there is no such setting. Did you mean thresholds? Change its name, or remove it.",
    ),
    "amount alone": ({"budget": 4000}, "budget: 4000 is not a mapping. Write `key: value` lines."),
}

test_bad_budget_is_refused_with = refused(BAD)
test_budget_is_taken = accepted(
    {"smallest": changed(usd=1, thresholds=[1]), "largest": changed(usd=10**9, thresholds=[1000])}
)


def test_all_that_is_wrong_with_a_budget_is_told_at_once() -> None:
    said = problems(stack(changed(billingAccount="x", usd=0, thresholds=[])))
    assert [line.split(":")[0] for line in said] == ["budget.billingAccount", "budget.usd", "budget.thresholds"]


@pytest.mark.parametrize("unset", [{}, None, ""])
def test_stack_has_none_unless_it_says_so(unset: Any) -> None:
    assert parse(stack({"budget": unset})).budget is None


def test_half_nine_tenths_and_all_are_told_by_default() -> None:
    budget = parse(stack({"budget": BUDGET})).budget
    assert budget
    assert budget.thresholds == (50, 90, 100)
