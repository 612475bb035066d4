"""GKE's rules for a maintenance window, and the line that each mistake gets."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.settings import maintenance
from infra.settings.configuration import SettingsError
from infra.settings.load import parse
from infra.settings.maintenance import fewest_hours, following, latest_start
from tests.support.stack_settings import stack

WINDOW = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU"}
EVERY_DAY = f"FREQ=DAILY;BYMONTHDAY={','.join(map(str, range(1, 32)))}"
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
        (
            {"start": "1969-12-31T05:00:00Z"},
            'start: "1969-12-31T05:00:00Z" is not of these times. Write the first window that is to come, like '
            "'2026-01-03T04:00:00Z'.",
        ),
        ({"start": "2300-01-01T05:00:00Z"}, 'start: "2300-01-01T05:00:00Z" is not of these times.'),
        (
            {"end": "2026-02-04T05:00:01Z"},
            'end: "2026-02-04T05:00:01Z" is more than 32 days after `start`, which is 2026-01-03T05:00:00Z. Use the '
            "end of one window; `recurrence` says how often it comes.",
        ),
        *(
            (
                {"recurrence": f"FREQ=DAILY;{by}=1"},
                f'recurrence: "FREQ=DAILY;{by}=1" names a time of day, which is that of `start`. Remove BYHOUR, '
                "BYMINUTE and BYSECOND.",
            )
            for by in ("BYHOUR", "BYMINUTE", "BYSECOND")
        ),
        *(
            (
                {"recurrence": f"FREQ=DAILY;{rule}"},
                f'recurrence: "FREQ=DAILY;{rule}" is no RRULE of RFC 5545 ({why}). Write one like '
                "FREQ=WEEKLY;BYDAY=SA,SU.",
            )
            for rule, why in (
                ("FREQ=WEEKLY", "it says something twice"),
                ("COUNT=0", "COUNT is 0"),
                ("INTERVAL=10000", "INTERVAL is 10000"),
            )
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


@pytest.mark.parametrize(
    "change",
    [
        {"end": "2026-01-03T09:00:00Z", "recurrence": "FREQ=DAILY"},
        {"end": "2026-02-04T05:00:00Z", "recurrence": "FREQ=DAILY"},
        {"start": "1970-01-01T05:00:00Z", "end": "1970-01-01T13:00:00Z"},
        {"recurrence": "FREQ=DAILY;UNTIL=99991231T000000Z"},
        {"recurrence": "FREQ=DAILY;UNTIL=20990101T000000Z"},
        {"recurrence": "FREQ=DAILY;INTERVAL=1;COUNT=9999"},
        {"recurrence": "FREQ=MONTHLY;BYMONTHDAY=-1,1,5,9,13,17,21"},
        {"recurrence": f"{EVERY_DAY}{',1' * 196},10"},  # 500 characters
    ],
)
def test_window_at_the_limits_is_accepted(change: dict[str, Any]) -> None:
    assert settings({**WINDOW, **change}).maintenance_window


def test_recurrence_of_one_character_too_many_is_not_followed() -> None:
    with pytest.raises(SettingsError, match="it is longer than 500 characters"):
        settings({**WINDOW, "recurrence": f"{EVERY_DAY}{',1' * 198}"})


@pytest.mark.parametrize("key", ["start", "end"])
def test_recurrence_is_not_judged_without_its_times(key: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings({**WINDOW, key: "soon", "recurrence": "FREQ=YEARLY"})
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize("raised", [OverflowError, AttributeError, IndexError, TypeError])
def test_rule_that_breaks_the_reader_is_no_rule(raised: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """dateutil does not say which errors it raises."""

    def read(*_: object) -> float:
        raise raised("x")

    monkeypatch.setattr(maintenance, "fewest_hours", read)
    with pytest.raises(SettingsError, match=r"is no RRULE of RFC 5545 \(x\)"):
        settings(WINDOW)


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
        ("2026-01-03T13:00:00Z", "FREQ=DAILY;COUNT=701", 10 * 8),  # in 376 days, and a year ahead counts
    ],
)
def test_the_worst_32_days_count(end: str, recurrence: str, hours: int) -> None:
    assert fewest_hours(WINDOW["start"], end, recurrence, NOW) == pytest.approx(hours)


@pytest.mark.parametrize(
    ("end", "hour", "hours"),
    [
        ("2026-01-04T05:00:00Z", 3, 32 * 24),  # one window without a gap, though a day begins two hours later
        ("2026-01-03T13:00:00Z", 6, 7 + 31 * 8),  # the window that runs counts as far as it goes on
    ],
)
def test_days_count_from_now(end: str, hour: int, hours: int) -> None:
    assert fewest_hours(WINDOW["start"], end, "FREQ=DAILY", NOW.replace(hour=hour)) == pytest.approx(hours)


def test_latest_start_may_be_today() -> None:
    latest = latest_start("2027-06-24T05:00:00Z", "2027-06-27T05:00:00Z", "FREQ=MONTHLY;BYMONTHDAY=24", NOW)
    assert latest == "2026-11-24T05:00:00Z"


def test_recurrence_that_never_comes_is_found_out_at_once() -> None:
    start = time.process_time()  # a loaded machine is no fault of ours

    assert fewest_hours(WINDOW["start"], WINDOW["end"], "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", NOW) == 0
    assert time.process_time() - start < 3


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


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}Z")


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        ("2026-11-30T12:00:00", "2026-12-05T05:00:00", "2026-12-05T13:00:00"),
        ("2026-12-05T05:00:00", "2026-12-05T05:00:00", "2026-12-05T13:00:00"),
        ("2026-12-05T12:59:59", "2026-12-05T05:00:00", "2026-12-05T13:00:00"),
        ("2026-12-05T13:00:00", "2026-12-06T05:00:00", "2026-12-06T13:00:00"),
        ("2025-11-30T12:00:00", "2026-01-03T05:00:00", "2026-01-03T13:00:00"),
    ],
)
def test_window_that_is_open_or_comes_next(now: str, begins: str, ends: str) -> None:
    assert following(**WINDOW, now=time_of(now)) == (time_of(begins), time_of(ends))


def test_window_that_never_comes_again_is_none() -> None:
    over = {**WINDOW, "recurrence": "FREQ=DAILY;COUNT=3"}
    assert following(**over, now=time_of("2026-01-05T12:00:00")) == (
        time_of("2026-01-05T05:00:00"),
        time_of("2026-01-05T13:00:00"),
    )
    assert following(**over, now=time_of("2026-01-05T13:00:00")) is None
