"""The budget of the project at Cloud Billing, and whether it is one that the stack can keep."""

from collections.abc import Iterator

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

from .estimate import estimate
from .prices import HOURS_A_MONTH, Items

LONGEST_NAME = 60
"""Characters of a display name (resource_billing_budget.go of terraform-provider-google)."""


def warnings(settings: Settings, items: Items | None = None) -> Iterator[str]:
    """What is likely wrong with the budget: it is below what the stack costs while no model runs."""
    if settings.budget is None:
        return
    idle = estimate(settings, items).usd(idle=True) * HOURS_A_MONTH
    if settings.budget.usd < idle:
        yield (
            f"budget.usd: {settings.budget.usd} is below the {idle:,.0f} US dollars that a month without a running "
            "model costs at list prices, so every month ends above it. Raise it; `python -m ops cost` has the parts."
        )


def title(name: str, project: str) -> str:
    """What a budget is called in the mails; the ID of a project in a domain may be long."""
    return f"{name} in {project}"[:LONGEST_NAME]


def budget(name: str, *, settings: Settings, opts: pulumi.ResourceOptions) -> gcp.billing.Budget | None:
    """A budget of a calendar month that counts the whole project; None unless the settings have one.

    It is not narrowed to the stack's labels, as the API takes only one, and NAT carries none. Cloud Billing sends mail
    to the account's administrators and users, and stops nothing.

    The API takes the project by its ID and gives back its number, which would be a change for ever
    (https://github.com/terraform-google-modules/terraform-google-project-factory/issues/544). The program looks nothing
    up, so the filter is written once and then left alone.
    """
    for warning in warnings(settings):
        pulumi.log.warn(warning)
    wanted = settings.budget
    if wanted is None:
        return None
    return gcp.billing.Budget(
        name,
        billing_account=wanted.billing_account,
        display_name=title(name, settings.project),
        amount={"specified_amount": {"currency_code": "USD", "units": str(wanted.usd)}},
        budget_filter={"calendar_period": "MONTH", "projects": [f"projects/{settings.project}"]},
        threshold_rules=[{"threshold_percent": percent / 100} for percent in wanted.thresholds],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["budgetFilter.projects"])),
    )
