"""A point in time that comes again, as cron writes it: minute, hour, day of the month, month, day of the week.

What KEDA's parser takes of it and no more: `NewParser(Minute | Hour | Dom | Month | Dow)` of
https://github.com/robfig/cron/blob/v3.0.1/parser.go, which knows names of months and days, and no seconds and no
`@daily`.
"""

import re
import zoneinfo
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
"""What each field is, its lowest and its highest number, and the names for them."""
LONGEST = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))
"""The most days that each month has."""
OF_MACHINES = ("Factory", "localtime", "posixrules")
"""What a machine's time zones have beside those of the database, and Go's do not, which KEDA asks."""

available_timezones = cache(zoneinfo.available_timezones)
"""Those of the machine's database, read once: that looks into each of its files."""


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text.lower() in names:
        return names.index(text.lower()) + low
    return int(text) if re.fullmatch("[0-9]{1,2}", text) else None


def _is_part(text: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    """Whether one entry of a field's list is sound: `*`, a number or a range, and perhaps a step."""
    span, slash, step = text.partition("/")
    if slash and not re.fullmatch("[1-9][0-9]?", step):
        return False
    if span in ("*", "?"):
        return True
    ends = [_number(end, low, names) for end in span.split("-")]
    numbers = [end for end in ends if end is not None and low <= end <= high]
    return len(numbers) == len(ends) <= 2 and numbers == sorted(numbers)


def _numbers(field: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    """What numbers a sound field means. A step without an end goes on to the highest."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = low if first in ("*", "?") else _number(first, low, names)
        end = high if first in ("*", "?") or (step and not dash) else _number(last or first, low, names)
        assert start is not None  # noqa: S101 - `_is_part` has looked
        assert end is not None  # noqa: S101
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def times(text: str) -> tuple[tuple[frozenset[int], ...], bool]:
    """What a sound text means: the numbers of each field, and whether either kind of day is enough. Two texts of the
    same meaning are equal.

    Both kinds have to be right if one of them is any day, by the parser `*`, `?` or a step of one, and else either is
    enough (`dayMatches` in spec.go).
    """
    fields = text.split()
    numbers = tuple(_numbers(field, *of[1:]) for field, of in zip(fields, FIELDS, strict=True))
    any_day = [any(part in ("*", "?", "*/1", "?/1") for part in fields[i].split(",")) for i in (2, 4)]
    return numbers, not any(any_day)


def _comes(text: str) -> bool:
    """Whether there is such a day: not if all the months are too short. February's 29th comes."""
    (_, _, days, months, _), either = times(text)
    return either or min(days) <= max(LONGEST[month] for month in months)


def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise ValueError(
            f"has {len(fields)} fields, and cron has five: minute, hour, day of the month, month, day of the week. "
            "Write it like `0 8 * * 1-5`."
        )
    for field, (what, low, high, names) in zip(fields, FIELDS, strict=True):
        if not all(_is_part(part, low, high, names) for part in field.split(",")):
            raise ValueError(f"has {field!r} as its {what}. Use numbers of {low} to {high}, `*`, lists, ranges, steps.")
    if not _comes(text):
        raise ValueError("never comes, as no such month has such a day. Use another day or month.")
    return text


def _timezone(name: str) -> str:
    known = available_timezones()
    if name in OF_MACHINES or (known and name not in known):
        raise ValueError("is no time zone. Use a name of the IANA database, like Europe/Amsterdam or UTC.")
    return name


Cron = Annotated[str, AfterValidator(_cron)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
