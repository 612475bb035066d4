"""When the engine began and ended with each resource, from the event log of an `up`.

A step begins with a `resourcePreEvent` and ends with a `resOutputsEvent` or a `resOpFailedEvent`. The events' times are
whole seconds (`EngineEvent` in sdk/go/common/apitype/events.go of pulumi). Those of the preview before an `up` say that
they are `planning`, and do not count. Components make nothing, and what stays the same takes no time: neither is shown.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from pulumi.automation.events import EngineEvent, OpType, StepEventMetadata

from .state import name
from .tasks import Task

NOTHING = (OpType.SAME, OpType.READ, OpType.REFRESH)


class Run(NamedTuple):
    """One run of the engine: when it began with its first resource, what it did, and whether that failed."""

    began: datetime
    tasks: list[Task]
    failed: bool


def _counts(step: StepEventMetadata) -> bool:
    side = step.new or step.old
    return bool(side and side.custom) and step.op not in NOTHING


def collect(events: Iterable[EngineEvent], needs: Mapping[str, tuple[str, ...]] | None = None) -> Run:
    """What the engine did, by resource; the steps of a replacement are one. What has not ended when the log ends goes
    to its end, and has failed. `needs` are what each resource waited for, if somebody knows."""
    begins: dict[str, int] = {}
    ends: dict[str, int] = {}
    failed, last = False, 0
    for event in events:
        last = max(last, event.timestamp)
        if pre := event.resource_pre_event:
            if not pre.planning and _counts(pre.metadata):
                begins.setdefault(pre.metadata.urn, event.timestamp)
                ends.pop(pre.metadata.urn, None)
        elif done := event.res_outputs_event or event.res_op_failed_event:
            failed |= event.res_op_failed_event is not None
            ends[done.metadata.urn] = event.timestamp
    zero = min(begins.values(), default=0)
    tasks = [
        Task(urn, name(urn), begin - zero, ends.get(urn, last) - zero, needs.get(urn) if needs else None)
        for urn, begin in begins.items()
    ]
    return Run(datetime.fromtimestamp(zero, UTC), tasks, failed or bool(begins.keys() - ends.keys()))
