"""What somebody is told of: objectives that are being missed, and what will miss them soon.

Each alert has its entry, of the same name, under Alerts in docs/operations.md: what it means and what to do. Two have a
condition of Cloud Monitoring's own, as they are about its uptime checks; the others are PromQL, and `rule_groups` has
them in the words of Prometheus.

Left out, as they are told elsewhere: the budget, of which Cloud Billing sends mail itself; drift, of which there is an
issue; and that nobody looked for it, which `bootstrap/watch.py` tells, as it has the account that looks.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from . import queries
from .queries import QUERIES

Severity = Literal["CRITICAL", "ERROR", "WARNING"]
PAGE = "docs/operations.md"
INTERVAL = "60s"
"""How often a query is asked. Each time series that it returns is paid for."""


class Alert(NamedTuple):
    """What it is called, what it says, the PromQL that returns something while it is so, for how many seconds it has to
    be so, and how bad that is: CRITICAL wakes somebody up."""

    name: str
    says: str
    promql: str
    seconds: int
    severity: Severity


class Objective(NamedTuple):
    """A share of good requests in 30 days: the share of bad ones within a window, how many requests that was, and what
    follows the condition, about the long window, where some models are not judged."""

    name: str
    says: str
    good: float
    bad: Callable[[str], str]
    requests: Callable[[str], str]
    but: Callable[[str], str] = lambda _: ""


class Burn(NamedTuple):
    """How many times faster than the objective allows something burns, within a long window and still in a short one
    (https://sre.google/workbook/alerting-on-slos/, table 5-8)."""

    name: str
    times: float
    long: str
    short: str
    severity: Severity


FIRST_TOKEN_SECONDS = "2.5"  # noqa: S105 - the end of a bucket
"""As vLLM writes the end of a bucket."""


def _answered(window: str) -> str:
    return queries.requests(window, function="increase")


def _unless_slept(window: str) -> str:
    """A model that slept answers 503 until it is awake, and clients that do as it says ask again each minute."""
    return f" unless on (destination_service_namespace, model) {queries.slept(window)}"


def _slow(window: str) -> str:
    return queries.slow(window, FIRST_TOKEN_SECONDS)


OBJECTIVES = (
    Objective(
        "Availability",
        "more than 0.5 % of requests are answered with a 5xx",
        0.995,
        queries.failed,
        _answered,
        _unless_slept,
    ),
    Objective(
        "FirstToken",
        f"more than 5 % of requests wait longer than {FIRST_TOKEN_SECONDS} s for their first token",
        0.95,
        _slow,
        queries.first_tokens,
    ),
)
BURNS = (Burn("Fast", 14.4, "1h", "5m", "CRITICAL"), Burn("Slow", 6, "6h", "30m", "WARNING"))
"""The first uses up 2 % of 30 days' failures in an hour, the second 5 % in six."""
FEWEST = 20
"""Requests within the long window. Of fewer, one that fails is no sign."""


def _burning(objective: Objective, burn: Burn) -> Alert:
    most = f"{burn.times * (1 - objective.good):.4g}"
    bad = " and ".join(f"({objective.bad(window)} > {most})" for window in (burn.long, burn.short))
    return Alert(
        f"{objective.name}{burn.name}",
        f"{objective.says}, {burn.times:g} times over, for {burn.long}",
        f"{bad} and ({objective.requests(burn.long)} >= {FEWEST}){objective.but(burn.long)}",
        120,
        burn.severity,
    )


def _over(name: str, says: str, query: str, compared: str, *, minutes: int, severity: Severity) -> Alert:
    """An alert on one of `QUERIES`."""
    return Alert(name, says, f"{QUERIES[query].promql} {compared}", minutes * 60, severity)


CERTIFICATE_DAYS = 14
"""Cert-manager renews with a third of a certificate's life left, which is more."""
CACHE_FULL = 0.95


ALERTS = (
    *(_burning(objective, burn) for objective in OBJECTIVES for burn in BURNS),
    _over(
        "NoCapacity",
        "a Pod of a model or of the platform waits for a node",
        "unschedulable",
        "> 0",
        minutes=20,
        severity="ERROR",
    ),
    _over(
        "ReplicasMissing",
        "a Deployment of a model or of the platform has fewer Pods that answer than replicas",
        "missing",
        "> 0",
        minutes=60,  # a first start compiles, and may take half an hour
        severity="ERROR",
    ),
    # KEDA sees a request within two minutes, if it is asked again within one, as clients are told to do.
    Alert("NotWoken", "a model that is asked sleeps on", f"({queries.sleeps_on()}) > 0", 15 * 60, "ERROR"),
    # Increases are extrapolated to the ends of their window, so three restarts may count as a little less.
    _over("Restarting", "a container was restarted three times", "restarts", "> 2.5", minutes=0, severity="WARNING"),
    _over(
        "CacheFull",
        f"the KV cache of a Pod is more than {CACHE_FULL:.0%} full",
        "kv-cache",
        f"> {CACHE_FULL}",
        minutes=15,
        severity="WARNING",
    ),
    _over(
        "CertificateEnds",
        f"a certificate of cert-manager's ends in less than {CERTIFICATE_DAYS} days",
        "certificate",
        f"< {CERTIFICATE_DAYS * 86400}",
        minutes=60,
        severity="ERROR",
    ),
)
"""Those whose conditions are PromQL."""
ENDPOINT_DOWN, CERTIFICATE_SERVED = "EndpointDown", "CertificateServedEnds"
"""The alerts on uptime checks."""


def entry(name: str) -> str:
    """Where the entry of an alert is."""
    return f"{PAGE}#{name.lower()}"


def rule_groups(*, cluster: str, namespaces: Sequence[str]) -> dict[str, Any]:
    """The alerts of a stack, whose models are in these namespaces, as a file of Prometheus' rules, which `promtool
    check rules` and `promtool test rules` read."""
    rules: list[dict[str, Any]] = [
        {
            "alert": alert.name,
            "expr": queries.filled(alert.promql, cluster=cluster, namespaces=namespaces),
            **({"for": f"{alert.seconds}s"} if alert.seconds else {}),
            "labels": {"severity": alert.severity},
            "annotations": {"summary": alert.says, "runbook_url": entry(alert.name)},
        }
        for alert in ALERTS
    ]
    return {"groups": [{"name": "stack", "interval": INTERVAL, "rules": rules}]}
