"""The life of a stack's budget, whose project Google gives back by its number."""

from sandbox.clouds.google_keys import number
from sandbox.clouds.google_kinds import BUDGET
from tests.support.stacks import Make, since, unchanged

ACCOUNT = "012345-6789AB-CDEF01"


def test_budget_is_made_changed_in_place_and_never_shows_a_change_by_itself(sandbox: Make) -> None:
    stack = sandbox(budget={"billingAccount": ACCOUNT, "usd": 4000})
    stack.up()
    [made] = [r for r in stack.resources() if r["type"] == BUDGET]
    assert made["outputs"]["budgetFilter"]["projects"] == [f"projects/{number('simulated-project')}"]
    assert unchanged(stack.preview())
    assert set(stack.refresh().summary.resource_changes or {}) == {"same"}
    assert unchanged(stack.preview())
    stack.set_config("budget", {"billingAccount": ACCOUNT, "usd": 5000, "thresholds": [100]})
    assert [(op, kind) for op, kind, _ in since(stack, stack.up)] == [("update", BUDGET)]
    [changed] = stack.inventory.find(BUDGET)
    assert changed.id == made["id"]
    assert changed.inputs["amount"]["specifiedAmount"]["units"] == "5000"
    assert unchanged(stack.preview())
    stack.set_config("budget", {"billingAccount": "ABCDEF-012345-678901", "usd": 5000, "thresholds": [100]})
    assert {(op, kind) for op, kind, _ in since(stack, stack.up)} == {("create", BUDGET), ("delete", BUDGET)}
    stack.set_config("budget", {})
    assert ("delete", BUDGET) in [(op, kind) for op, kind, _ in since(stack, stack.up)]
    assert stack.inventory.find(BUDGET) == []
