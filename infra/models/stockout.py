"""What is told when no TPU node has come."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from infra.google.slices import Slice
from infra.platform.names import WARM_UP
from infra.settings.explain import listed
from infra.settings.schema import Settings

TIMED_OUT = "timed out"
"""In what Pulumi's Kubernetes plugin says when it has waited in vain (`wait.ErrorInterrupted` of apimachinery)."""


def is_stockout(errors: Sequence[str]) -> bool:
    """Whether an arrival has failed because nothing came, and not because the cluster would not have it."""
    return any(TIMED_OUT in error for error in errors)


def message(tpu_slice: Slice, settings: Settings, stack: str, now: datetime) -> str:
    """Where a node was asked for and since when, how to have GKE's own words, and what to do.

    GKE's words are events of a Pod. Pulumi shows those of the awaited object alone, and only while it waits
    (`NewEventAggregator` in pulumi-kubernetes, provider/pkg/await/watchers.go), so the commands for them are told.
    """
    since = now - timedelta(minutes=settings.tpu_capacity_wait)
    return (
        f"no TPU node has come: a {tpu_slice.name} ({listed(settings.tpu_capacity)}) was asked for in "
        f"{listed(settings.tpu_zones)} since {since:%H:%M} UTC, for the {settings.tpu_capacity_wait} minutes of "
        f"`tpuCapacityWait`. Why, in GKE's words: `python -m ops diagnose --stack {stack}`, or "
        f"`kubectl get events -n {WARM_UP} --sort-by=.lastTimestamp`. If that is `out of resources`, name more zones "
        "in `tpuZones`, buy otherwise by `tpuCapacity`, or wait: GKE goes on asking. All that was made is kept, and "
        "the next `pulumi up` goes on from here. See docs/capacity.md."
    )
