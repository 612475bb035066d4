"""How uptime checks and alerts look to Cloud Monitoring."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pulumi_gcp as gcp

from infra.platform.names import base_path
from infra.platform.tls import LETS_ENCRYPT
from infra.settings.model import Model
from infra.settings.schema import Settings

from . import queries
from .alerts import CERTIFICATE_DAYS, CERTIFICATE_SERVED, ENDPOINT_DOWN, INTERVAL, Alert, Severity, entry

REGIONS = ["USA", "EUROPE", "ASIA_PACIFIC"]
"""From where the endpoint is asked. The API wants at least three places, and USA is three of them."""
CLOSES = "3600s"
"""After how long without data an incident is over."""


def checked(settings: Settings) -> list[Model]:
    """The models whose health is asked from outside: those that run at all times, unless only some clients get to the
    endpoint, as Google asks from addresses that change."""
    if settings.allowed_clients:
        return []
    return [model for model in settings.models if not model.paused and not model.sleeps]


def http_check(model: Model, settings: Settings) -> gcp.monitoring.UptimeCheckConfigHttpCheckArgsDict:
    """How the health of a model is asked, for which nobody needs a key. A certificate is judged where everybody trusts
    its authority; of others only that there is one."""
    encrypted = settings.tls != "none"
    return {
        "path": f"{base_path(model.namespace, model.name)}/health",
        "port": 443 if encrypted else 80,
        "request_method": "GET",
        "use_ssl": encrypted,
        "validate_ssl": settings.tls == LETS_ENCRYPT,
    }


def documentation(name: str, says: str, stack: str) -> gcp.monitoring.AlertPolicyDocumentationArgsDict:
    """What somebody reads who is told."""
    text = f"In stack {stack}, {says}.\n\nWhat it means and what to do is in the repository, {entry(name)}."
    return {"content": text, "mime_type": "text/markdown", "subject": f"{name} in {stack}"}


def promql(alert: Alert, *, cluster: str, namespaces: Sequence[str]) -> dict[str, Any]:
    """The condition of an alert that is PromQL. What it asks for need not exist yet: nothing is measured while a stack
    is made. A wait of nothing is left out, as the API does not give it back."""
    waits = {"duration": f"{alert.seconds}s"} if alert.seconds else {}
    return {
        "condition_prometheus_query_language": {
            "query": queries.filled(alert.promql, cluster=cluster, namespaces=namespaces),
            "evaluation_interval": INTERVAL,
            "alert_rule": alert.name,
            "rule_group": "stack",
            "disable_metric_validation": True,
            **waits,
        }
    }


class OfCheck(NamedTuple):
    """What of an uptime check is compared with what, over its places, and for how many seconds that has to be so, in
    whole minutes."""

    metric: str
    reducer: str
    comparison: str
    threshold: int
    seconds: int


OF_CHECK = {
    ENDPOINT_DOWN: OfCheck("check_passed", "REDUCE_COUNT_FALSE", "COMPARISON_GT", 1, 1200),
    CERTIFICATE_SERVED: OfCheck("time_until_ssl_cert_expires", "REDUCE_MEAN", "COMPARISON_LT", CERTIFICATE_DAYS, 3600),
}
"""By alert: that for 20 minutes two places at least get no answer, and that for an hour the certificate that is served
ends soon."""


def on_check(name: str, check: str) -> dict[str, Any]:
    """The condition of an alert on an uptime check with this id.

    Filter and aggregation are those that the console makes
    (https://cloud.google.com/monitoring/uptime-checks/uptime-alerting-policies). Its alignment says nothing of time:
    ALIGN_NEXT_OLDER takes the last value of each place, up to 20 minutes old. How long it has to be bad is the
    duration, all through which each value is (https://cloud.google.com/monitoring/alerts/concepts-indepth).
    """
    metric, reducer, comparison, threshold, seconds = OF_CHECK[name]
    return {
        "condition_threshold": {
            "filter": (
                f'resource.type = "uptime_url" AND metric.type = "monitoring.googleapis.com/uptime_check/{metric}" '
                f'AND metric.labels.check_id = "{check}"'
            ),
            "comparison": comparison,
            "threshold_value": threshold,
            "duration": f"{seconds}s",
            "trigger": {"count": 1},
            "aggregations": [
                {
                    "alignment_period": "1200s",
                    "per_series_aligner": "ALIGN_NEXT_OLDER",
                    "cross_series_reducer": reducer,
                    "group_by_fields": ["resource.label.*"],
                }
            ],
        }
    }


def of_checks(model: Model, settings: Settings) -> dict[str, tuple[str, Severity]]:
    """The alerts on a model's uptime check: what each says, and how bad that is. The certificate counts if it is the
    user's own, as cert-manager tells of its own."""
    what = f"{model.namespace}/{model.name}"
    found: dict[str, tuple[str, Severity]] = {ENDPOINT_DOWN: (f"{what} does not answer from outside", "CRITICAL")}
    if settings.tls == "secret":
        found[CERTIFICATE_SERVED] = (
            f"the certificate in front of {what} ends in less than {CERTIFICATE_DAYS} days",
            "ERROR",
        )
    return found
