"""Who watches a stack, and how."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_gcp as gcp

from infra.costs import estimate
from infra.costs.budget import budget
from infra.settings.model import Model
from infra.settings.schema import Settings

from . import policies, queries
from .alerts import ALERTS, Severity
from .dashboard import dashboard


def _channel(name: str, email: str, *, title: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The name of the channel of a mail address."""
    return gcp.monitoring.NotificationChannel(
        f"{name}.{email}",
        type="email",
        display_name=f"{title}: {email}",
        labels={"email_address": email},
        opts=opts,
    ).name


def _policy(
    name: str,
    alert: str,
    says: str,
    severity: Severity,
    condition: pulumi.Output[dict[str, Any]],
    *,
    stack: str,
    channels: Sequence[pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> None:
    """An alert with one condition."""
    conditions: Any = condition.apply(lambda its: [{"display_name": says, **its}])
    gcp.monitoring.AlertPolicy(
        name,
        display_name=f"{alert} in {stack}",
        combiner="OR",
        severity=severity,
        conditions=conditions,
        notification_channels=list(channels),
        documentation=policies.documentation(alert, says, stack),
        alert_strategy={"auto_close": policies.CLOSES},
        opts=opts,
    )


def _uptime_check(
    name: str,
    *,
    model: Model,
    settings: Settings,
    title: str,
    address: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """The id of the uptime check of a model's health."""
    host = settings.hostname or address
    return gcp.monitoring.UptimeCheckConfig(
        name,
        display_name=f"{title}: {model.namespace}/{model.name}",
        monitored_resource={"type": "uptime_url", "labels": {"project_id": settings.project, "host": host}},
        http_check=policies.http_check(model, settings),
        period="60s",
        timeout="10s",
        selected_regions=policies.REGIONS,
        opts=opts,
    ).uptime_check_id


class Monitoring(pulumi.ComponentResource):
    """A stack in Cloud Monitoring: one dashboard, alerts, and who is told.

    Makes a notification channel for each of `alert_emails`, the dashboard, an AlertPolicy for each of `ALERTS`, and for
    each model whose health anyone may ask an uptime check with its alerts. It makes nothing in the cluster: what is
    read there is with whoever is read (`infra/models/metrics.py`, `infra/platform/metrics.py`); and no channel but
    mail, as the others hold secrets: those are made by hand, once, and named in `alert_channels`.

    `cluster` is the cluster's name, which every query asks for; `address` is the gateway's. A model of `models`, by
    namespace and name, is checked once it is up: until then nobody answers, which would wake somebody.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Output[str],
        address: pulumi.Output[str],
        models: Mapping[tuple[str, str], pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        stack, title = settings.stack, f"{name} {settings.stack}"
        namespaces = sorted({model.namespace for model in settings.models})
        channels: list[pulumi.Input[str]] = [
            *(_channel(name, email, title=title, opts=child) for email in settings.alert_emails),
            *settings.alert_channels,
        ]
        cost = queries.cost(estimate.estimate(settings).usd())
        gcp.monitoring.Dashboard(
            name,
            dashboard_json=cluster.apply(
                lambda its: json.dumps(dashboard(title, cluster=its, namespaces=namespaces, cost=cost))
            ),
            opts=child,
        )
        for alert in ALERTS:
            condition = cluster.apply(lambda its, of=alert: policies.promql(of, cluster=its, namespaces=namespaces))
            called, says, severity = f"{name}.{alert.name}", alert.says, alert.severity
            _policy(called, alert.name, says, severity, condition, stack=stack, channels=channels, opts=child)
        for model in policies.checked(settings):
            place = f"{name}.{model.namespace}.{model.name}"
            up = pulumi.ResourceOptions(parent=self, depends_on=[models[model.namespace, model.name]])
            check = _uptime_check(place, model=model, settings=settings, title=title, address=address, opts=up)
            for kind, (says, severity) in policies.of_checks(model, settings).items():
                condition = check.apply(lambda its, kind=kind: policies.on_check(kind, its))
                _policy(f"{place}.{kind}", kind, says, severity, condition, stack=stack, channels=channels, opts=child)
        self.register_outputs({})


def watch(
    name: str,
    *,
    settings: Settings,
    cluster: pulumi.Output[str],
    address: pulumi.Output[str],
    models: Mapping[tuple[str, str], pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> None:
    """The budget of the project, and the stack in Cloud Monitoring, each if the settings want it."""
    budget(name, settings=settings, opts=opts)
    if settings.monitoring:
        Monitoring(name, settings=settings, cluster=cluster, address=address, models=models, opts=opts)
