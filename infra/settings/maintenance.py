"""The maintenance window of the cluster, and GKE's rules for it.

GKE wants at least `HOURS` of maintenance in any `DAYS` days, counts only what lasts `SHORTEST` or longer without a gap,
and takes days of the week as UTC's
(https://cloud.google.com/kubernetes-engine/docs/how-to/maintenance-windows-and-exclusions#maintenance-window). It takes
no recurrence by hour, minute or second
(https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#recurringtimewindow).
"""

import re
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import Annotated

from dateutil.rrule import rrule, rruleset, rrulestr
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator

HOURS, DAYS = 48, 32
SHORTEST = timedelta(hours=4)
LONGEST = timedelta(days=DAYS)
EARLIEST = "1970"
AHEAD = timedelta(days=366)
"""How far into the future a recurrence is followed."""
SHIFT = 19 * 400
LONGEST_RULE = 500
"""Characters of a recurrence: more takes long to follow."""


def _utc(time: str) -> str:
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time, re.ASCII):
            raise ValueError("it does not look so")
        datetime.fromisoformat(time)
    except ValueError as problem:
        raise ValueError(f"is not a time in UTC ({problem}). Write it like '2026-01-03T04:00:00Z'.") from None
    return time


def _later(time: datetime) -> datetime:
    return time.replace(year=time.year + SHIFT)


def _recurring(recurrence: str, first: datetime) -> rrule | rruleset:
    """The times of a recurrence, `SHIFT` years later.

    dateutil looks for the next time until the year 9999, which takes seconds for one that never comes, like the 30th of
    February. The calendar is the same every 400 years, so all is moved to where that end is near.
    """
    shifted = re.sub("(?<=UNTIL=)[0-9]{4}", lambda year: f"{min(int(year[0]) + SHIFT, 9999):04}", recurrence)
    return rrulestr(shifted, dtstart=_later(first))


def fewest_hours(start: str, end: str, recurrence: str, now: datetime) -> float:
    """The hours of maintenance in those `DAYS` days, from now or later, that have the fewest.

    Raises `ValueError` or `LookupError` if the recurrence makes no sense.
    """
    first, length = datetime.fromisoformat(start), datetime.fromisoformat(end) - datetime.fromisoformat(start)
    now = _later(now)
    begins = _recurring(recurrence, first).between(now - length, now + AHEAD + timedelta(days=DAYS))
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


def latest_start(start: str, end: str, recurrence: str, now: datetime) -> str | None:
    """The last day on which windows like this one may begin and still leave GKE its hours, as a `start` of that day:
    none if there is none before the one that is given. GKE counts from now on, also before the first window."""
    first, length = datetime.fromisoformat(start), datetime.fromisoformat(end) - datetime.fromisoformat(start)
    today = first.replace(year=now.year, month=now.month, day=now.day)
    begins = _recurring(recurrence, today).between(_later(today), _later(today + LONGEST), inc=True)
    days = [begin.replace(year=begin.year - SHIFT) for begin in begins]
    days = [day for day in days if day < first]

    def too_late(day: datetime) -> bool:
        return fewest_hours(day.isoformat(), (day + length).isoformat(), recurrence, now) < HOURS

    enough = bisect_left(days, True, key=too_late)
    return f"{days[enough - 1]:%Y-%m-%dT%H:%M:%SZ}" if enough else None


def following(start: str, end: str, recurrence: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Begin and end of the window that is open now, else of the next one; None if none begins within `AHEAD`."""
    first, length = datetime.fromisoformat(start), datetime.fromisoformat(end) - datetime.fromisoformat(start)
    shifted = _later(now)
    begins = _recurring(recurrence, first).between(shifted - length, shifted + AHEAD)  # neither end among them
    if not begins:
        return None
    begin = begins[0].replace(year=begins[0].year - SHIFT)
    return begin, begin + length


class MaintenanceWindow(BaseModel):
    """When GKE may upgrade control plane and nodes by itself: from `start` to `end` (UTC), then as `recurrence` says.

    `recurrence` is an RRULE of RFC 5545, without its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Annotated[str, AfterValidator(_utc)]
    end: Annotated[str, AfterValidator(_utc)]
    recurrence: str

    @field_validator("start")
    @classmethod
    def _of_these_times(cls, start: str) -> str:
        if not EARLIEST <= start[:4] < "2300":
            raise ValueError(
                "is not of these times. Write the first window that is to come, like '2026-01-03T04:00:00Z'."
            )
        return start

    @field_validator("end")
    @classmethod
    def _long_enough(cls, end: str, info: ValidationInfo) -> str:
        start = info.data.get("start")
        length = datetime.fromisoformat(end) - datetime.fromisoformat(start) if start else SHORTEST
        if length < SHORTEST:
            raise ValueError(
                f"is less than 4 hours after `start`, which is {start}. GKE counts no shorter window: use a later end."
            )
        if length > LONGEST:
            raise ValueError(
                f"is more than {DAYS} days after `start`, which is {start}. Use the end of one window; `recurrence` "
                "says how often it comes."
            )
        return end

    @field_validator("recurrence")
    @classmethod
    def _often_enough(cls, recurrence: str, info: ValidationInfo) -> str:
        if not re.fullmatch(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;[A-Z]+=[-+,A-Z0-9]+)*", recurrence):
            raise ValueError(
                "is not a recurrence by day, week, month or year. Write an RRULE of RFC 5545 without its name, like "
                "FREQ=WEEKLY;BYDAY=SA,SU."
            )
        if re.search("BY(HOUR|MINUTE|SECOND)=", recurrence):
            raise ValueError("names a time of day, which is that of `start`. Remove BYHOUR, BYMINUTE and BYSECOND.")
        try:
            names = re.findall("([A-Z]+)=", recurrence)
            if len(set(names)) < len(names):
                raise ValueError("it says something twice")
            for name, value in re.findall("(COUNT|INTERVAL)=([^;]*)", recurrence):
                if not re.fullmatch("[1-9][0-9]{0,3}", value):
                    raise ValueError(f"{name} is {value}")
            if len(recurrence) > LONGEST_RULE:
                raise ValueError(f"it is longer than {LONGEST_RULE} characters")
            if not {"start", "end"} <= info.data.keys():
                return recurrence
            window = (info.data["start"], info.data["end"], recurrence, datetime.now(UTC))
            hours = fewest_hours(*window)
            latest = latest_start(*window) if hours < HOURS else None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
            raise ValueError(f"is no RRULE of RFC 5545 ({problem}). Write one like FREQ=WEEKLY;BYDAY=SA,SU.") from None
        if latest:
            raise ValueError(
                f"begins too late, with `start` {info.data['start']}: GKE wants {HOURS} hours of maintenance in the "
                f"{DAYS} days from now, too. Use a `start` of {latest} or earlier."
            )
        if hours < HOURS:
            raise ValueError(
                f"leaves GKE {hours:.0f} hours of maintenance in some {DAYS} days, and it wants {HOURS}. Let the "
                "window recur more often, or last longer."
            )
        return recurrence


def _none_if_empty(window: object) -> object:
    return window or None


Maintenance = Annotated[MaintenanceWindow | None, BeforeValidator(_none_if_empty)]
