"""What Cloud Billing refuses of a budget.

Refused are an amount that is no whole number of the account's currency, which is US dollars here, thresholds below 0,
and projects that the account does not pay for, which are all but the provider's. The words are ours but for the first
line, which is all that Google says (https://github.com/pulumi/pulumi-gcp/issues/514). Left out: whether there is such
an account, who may make a budget in it, and all that a budget does.
"""

from .google_keys import by_number
from .google_kinds import BUDGET
from .inventory import CloudError, Item


def refuse_budget(item: Item) -> None:
    """Refuse a budget that Google would refuse."""
    if item.kind != BUDGET:
        return
    amount = item.inputs["amount"].get("specifiedAmount", {})
    if not str(amount.get("units", "")).isdigit() or amount.get("currencyCode", "USD") != "USD":
        raise _bad(f"amount {amount}")
    if below := [rule for rule in item.inputs.get("thresholdRules", []) if rule["thresholdPercent"] < 0]:
        raise _bad(f"threshold rules {below}")
    paid = by_number(f"projects/{item.computed['project']}")
    if others := [p for p in item.inputs.get("budgetFilter", {}).get("projects", []) if by_number(p) != paid]:
        raise _bad(f"projects {others}")


def _bad(what: str) -> CloudError:
    return CloudError(f"googleapi: Error 400: Request contains an invalid argument.\n{what}")
