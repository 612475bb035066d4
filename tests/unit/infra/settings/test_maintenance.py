"""GKE's rules for a maintenance window, and the line that each mistake gets."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.settings.configuration import SettingsError
from infra.settings.load import parse
from infra.settings.maintenance import fewest_hours, latest_start
from tests.support.stack_settings import stack

WINDOW = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU"}
NOW = datetime(2026, 11, 24, tzinfo=UTC)
NO_RECURRENCE = (
    "is not a recurrence by day, week, month or year. Write an RRULE of RFC 5545 without its name, like "
    "FREQ=WEEKLY;BYDAY=SA,SU."
)
TOO_RARE = "and it wants 48. Let the window recur more often, or last longer."
NO_TIME = "Write it like '2026-01-03T04:00:00Z'."


def settings(window: Any) -> Any:
    return parse(stack({"maintenanceWindow": window}))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"start": "soon"}, f'start: "soon" is not a time in UTC (it does not look so). {NO_TIME}'),
        (
            {"end": "2026-01-03T13:00:00+02:00"},
            f'end: "2026-01-03T13:00:00+02:00" is not a time in UTC (it does not look so). {NO_TIME}',
        ),
        (
            {"start": "2026-13-03T05:00:00Z"},
            f'start: "2026-13-03T05:00:00Z" is not a time in UTC (month must be in 1..12). {NO_TIME}',
        ),
        (
            {"end": "2026-01-03T08:59:00Z"},
            'end: "2026-01-03T08:59:00Z" is less than 4 hours after `start`, which is 2026-01-03T05:00:00Z. GKE counts '
            "no shorter window: use a later end.",
        ),
        ({"recurrence": "every weekend"}, f'recurrence: "every weekend" {NO_RECURRENCE}'),
        ({"recurrence": "RRULE:FREQ=DAILY"}, f'recurrence: "RRULE:FREQ=DAILY" {NO_RECURRENCE}'),
        ({"recurrence": "FREQ=HOURLY"}, f'recurrence: "FREQ=HOURLY" {NO_RECURRENCE}'),
        (
            {"recurrence": "FREQ=WEEKLY;BYDAY=XX"},
            "recurrence: \"FREQ=WEEKLY;BYDAY=XX\" is no RRULE of RFC 5545 (invalid 'BYDAY': XX). Write one like "
            "FREQ=WEEKLY;BYDAY=SA,SU.",
        ),
        (
            {"recurrence": "FREQ=DAILY;INTERVAL=0"},
            'recurrence: "FREQ=DAILY;INTERVAL=0" is no RRULE of RFC 5545 (INTERVAL is 0). Write one like '
            "FREQ=WEEKLY;BYDAY=SA,SU.",
        ),
        (
            {"recurrence": "FREQ=WEEKLY;BYDAY=SA"},
            f'recurrence: "FREQ=WEEKLY;BYDAY=SA" leaves GKE 32 hours of maintenance in some 32 days, {TOO_RARE}',
        ),
        (
            {"recurrence": "FREQ=DAILY;UNTIL=20260601T000000Z"},
            'recurrence: "FREQ=DAILY;UNTIL=20260601T000000Z" leaves GKE 0 hours of maintenance in some 32 days, '
            f"{TOO_RARE}",
        ),
        ({"length": 4}, "length: there is no such setting. Allowed: start, end, recurrence. Change its name, or"),
    ],
)
def test_bad_window_is_refused_with_this_line_and_no_other(change: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings({**WINDOW, **change})
    [problem] = str(error.value).splitlines()[1:]
    assert problem.startswith(f"  maintenanceWindow.{line}")


def test_window_needs_all_three() -> None:
    with pytest.raises(SettingsError) as error:
        settings({"start": WINDOW["start"]})
    assert str(error.value).splitlines()[1:] == [
        "  maintenanceWindow.end: is required. Add it.",
        "  maintenanceWindow.recurrence: is required. Add it.",
    ]


@pytest.mark.parametrize(
    ("end", "recurrence", "hours"),
    [
        ("2026-01-03T09:00:00Z", "FREQ=DAILY", 32 * 4),
        ("2026-01-03T11:00:00Z", "FREQ=WEEKLY;BYDAY=SA,SU", 48),  # four weekends and four days: eight windows
        ("2026-01-03T08:00:00Z", "FREQ=DAILY", 0),  # too short to count
        ("2026-01-05T05:00:00Z", "FREQ=DAILY", 32 * 24),  # they overlap, and no hour counts twice
        ("2026-01-05T05:00:00Z", "FREQ=MONTHLY;BYSETPOS=1;BYDAY=SA", 0),  # may be five weeks apart
        ("2026-01-03T13:00:00Z", "FREQ=DAILY;COUNT=400", 0),  # ends in a year
    ],
)
def test_the_worst_32_days_count(end: str, recurrence: str, hours: int) -> None:
    assert fewest_hours(WINDOW["start"], end, recurrence, NOW) == pytest.approx(hours)


def test_recurrence_that_never_comes_is_found_out_at_once() -> None:
    start = time.monotonic()

    assert fewest_hours(WINDOW["start"], WINDOW["end"], "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", NOW) == 0
    assert time.monotonic() - start < 3


def test_a_window_that_begins_later_is_none_until_then() -> None:
    assert fewest_hours("2027-01-02T05:00:00Z", "2027-01-02T13:00:00Z", "FREQ=DAILY", NOW) == 0


def test_window_that_begins_too_late_is_refused_with_the_latest_start() -> None:
    late = {**WINDOW, "start": "2200-01-04T05:00:00Z", "end": "2200-01-04T13:00:00Z"}
    with pytest.raises(SettingsError) as error:
        settings(late)
    [problem] = str(error.value).splitlines()[1:]
    told = re.fullmatch(
        r'  maintenanceWindow.recurrence: "FREQ=WEEKLY;BYDAY=SA,SU" begins too late, with `start` '
        r"2200-01-04T05:00:00Z: GKE wants 48 hours of maintenance in the 32 days from now, too\. Use a `start` of "
        r"(\S+) or earlier\.",
        problem,
    )
    assert told
    end = told[1].replace("T05", "T13")
    assert settings({**WINDOW, "start": told[1], "end": end}).maintenance_window.start == told[1]


@pytest.mark.parametrize(
    ("recurrence", "latest"),
    [
        ("FREQ=WEEKLY;BYDAY=SA,SU", "2026-12-05T05:00:00Z"),  # on the 5th, 6th, 12th, 13th, 19th and 20th
        ("FREQ=DAILY", "2026-12-20T05:00:00Z"),
        ("FREQ=WEEKLY;BYDAY=SA", None),  # too rare, whenever it begins
        ("FREQ=DAILY;COUNT=10", None),
    ],
)
def test_latest_start_leaves_enough_hours_in_the_days_from_now(recurrence: str, latest: str | None) -> None:
    assert latest_start("2027-06-05T05:00:00Z", "2027-06-05T13:00:00Z", recurrence, NOW) == latest
