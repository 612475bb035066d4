"""Whether KEDA may read the metrics that models are scaled by, where the program does not grant it."""

from collections.abc import Iterator
from typing import Any

from infra.settings.autoscaling import READER_ROLE, grant, reader
from infra.settings.schema import Settings
from infra.settings.workload_identity import is_member

from .findings import Finding, ok, warn

CHECK = "metrics"
ENOUGH = (READER_ROLE, "roles/monitoring.editor", "roles/monitoring.admin", "roles/viewer", "roles/editor")
"""Roles by which it may, those that are granted for this first."""


def asked(settings: Settings) -> bool:
    """Whether the project's policy has to say so: not if nothing is scaled, or `pulumi up` grants it."""
    return settings.autoscaled and not settings.grants


def findings(settings: Settings, policy: Any) -> Iterator[Finding]:
    """A line on the account that asks, by the project's own policy. It is known in either form."""
    namespace, account = reader(settings.stack)
    may = [who for of in policy.bindings if of.role in ENOUGH for who in of.members]
    if any(is_member(who, settings.project, namespace, account) for who in may):
        yield ok(CHECK, f"{namespace}/{account} may read the project's metrics, so models can be scaled")
    else:
        told = f"{settings.project} does not say that {namespace}/{account} has {READER_ROLE}: no model would be scaled"
        yield warn(CHECK, told, f"Once there is a cluster in the project: {grant(settings.project, settings.stack)}")
