"""Who is told that nobody looked for drift: of what is found there is an issue, of a search that is not made there is
nothing. That a run came to Google Cloud as the account of the search counts as one; if it fails after that, GitHub
says so."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_gcp as gcp

ALERT = "DriftNotLookedAt"
ENTRY = "docs/ci.md#drift"
HOURS = 54
"""Two nights without, as `drift.yml` looks each night and a token is counted up to three hours later; one is not told
of."""
REMEMBERED = 14
"""Days after which who never looks any more is not told of again, and until somebody has looked nobody is. An alert may
ask for so long a time (https://docs.cloud.google.com/monitoring/alerts/using-promql)."""
TAKEN = "iam_googleapis_com:service_account_authn_events_count"
"""How often a service account was authenticated
(https://docs.cloud.google.com/monitoring/api/metrics_gcp_i_o#gcp-iam)."""


def query(account: str) -> str:
    """Returns something while the account with this address was taken in two weeks, but not in the last two nights."""
    series = f'{TAKEN}{{email_id="{account}"}}'
    return f"sum(increase({series}[{REMEMBERED}d])) > 0 unless sum(increase({series}[{HOURS}h])) > 0"


def watch(accounts: Mapping[str, pulumi.Output[str]], *, emails: Sequence[str], opts: pulumi.ResourceOptions) -> None:
    """Makes a notification channel for each address, and an AlertPolicy for each environment, by the account that looks
    for its drift; without addresses nothing, as nobody would be told."""
    channels = [
        gcp.monitoring.NotificationChannel(
            email, type="email", display_name=f"Bootstrap: {email}", labels={"email_address": email}, opts=opts
        ).name
        for email in emails
    ]
    for environment, account in accounts.items() if emails else ():
        says = "nobody has looked for drift for two nights"
        text = f"Of {environment}, {says}.\n\nWhat it means and what to do is in the repository, {ENTRY}."
        gcp.monitoring.AlertPolicy(
            f"drift-{environment}",
            display_name=f"{ALERT} in {environment}",
            combiner="OR",
            severity="WARNING",
            conditions=[
                {
                    "display_name": says,
                    "condition_prometheus_query_language": {
                        "query": account.apply(query),
                        "evaluation_interval": "3600s",
                        "alert_rule": ALERT,
                        "rule_group": "bootstrap",
                        "disable_metric_validation": True,
                    },
                }
            ],
            notification_channels=channels,
            documentation={
                "content": text,
                "mime_type": "text/markdown",
                "subject": f"{ALERT} in {environment}",
            },
            opts=opts,
        )
