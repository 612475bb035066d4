"""The maintenance window of the cluster, and GKE's rules for it.

GKE wants at least `HOURS` of maintenance in any `DAYS` days, counts only what lasts `SHORTEST` or longer without a gap,
and takes days of the week as UTC's
(https://cloud.google.com/kubernetes-engine/docs/how-to/maintenance-windows-and-exclusions#maintenance-window). It takes
no recurrence by hour, minute or second
(https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#recurringtimewindow).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from dateutil.rrule import rrulestr
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

HOURS, DAYS = 48, 32
SHORTEST = timedelta(hours=4)
AHEAD = timedelta(days=366)
"""How far into the future a recurrence is followed."""


def _utc(time: str) -> str:
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time):
            raise ValueError("it does not look so")
        datetime.fromisoformat(time)
    except ValueError as problem:
        raise ValueError(f"is not a time in UTC ({problem}). Write it like '2026-01-03T04:00:00Z'.") from None
    return time


def fewest_hours(start: str, end: str, recurrence: str, now: datetime) -> float:
    """The hours of maintenance in those `DAYS` days, from now or later, that have the fewest.

    Raises `ValueError` or `LookupError` if the recurrence makes no sense.
    """
    first, length = datetime.fromisoformat(start), datetime.fromisoformat(end) - datetime.fromisoformat(start)
    begins = rrulestr(recurrence, dtstart=first).between(now - length, now + AHEAD + timedelta(days=DAYS))
    windows: list[tuple[datetime, datetime]] = []
    for begin in begins:
        if windows and begin <= windows[-1][1]:
            windows[-1] = (windows[-1][0], begin + length)
        else:
            windows.append((begin, begin + length))

    def within(since: datetime) -> float:
        until = since + timedelta(days=DAYS)
        parts = [min(end, until) - max(begin, since) for begin, end in windows if begin < until and end > since]
        return sum((part for part in parts if part >= SHORTEST), timedelta()) / timedelta(hours=1)

    return min(within(since) for since in (now, *(end for _, end in windows if now < end < now + AHEAD)))


class MaintenanceWindow(BaseModel):
    """When GKE may upgrade control plane and nodes by itself: from `start` to `end` (UTC), then as `recurrence` says.

    `recurrence` is an RRULE of RFC 5545, without its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Annotated[str, AfterValidator(_utc)]
    end: Annotated[str, AfterValidator(_utc)]
    recurrence: str

    @field_validator("end")
    @classmethod
    def _long_enough(cls, end: str, info: ValidationInfo) -> str:
        start = info.data.get("start")
        if start and datetime.fromisoformat(end) - datetime.fromisoformat(start) < SHORTEST:
            raise ValueError(f"is less than 4 hours after `start`, which is {start}. GKE counts no shorter window.")
        return end

    @field_validator("recurrence")
    @classmethod
    def _often_enough(cls, recurrence: str, info: ValidationInfo) -> str:
        if not re.fullmatch(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;[A-Z]+=[-+,A-Z0-9]+)*", recurrence):
            raise ValueError(
                "is not a recurrence by day, week, month or year. Write an RRULE of RFC 5545 without its name, like "
                "FREQ=WEEKLY;BYDAY=SA,SU."
            )
        if not {"start", "end"} <= info.data.keys():
            return recurrence
        try:
            if ";INTERVAL=0" in recurrence:
                raise ValueError("INTERVAL is 0")
            hours = fewest_hours(info.data["start"], info.data["end"], recurrence, datetime.now(UTC))
        except (ValueError, LookupError) as problem:
            raise ValueError(f"is no RRULE of RFC 5545 ({problem}). Write one like FREQ=WEEKLY;BYDAY=SA,SU.") from None
        if hours < HOURS:
            raise ValueError(
                f"leaves GKE {hours:.0f} hours of maintenance in some {DAYS} days, and it wants {HOURS}. Let the "
                "window recur more often, or last longer."
            )
        return recurrence
