"""Points in time as cron writes them, and what KEDA's parser takes of it."""

import re

import pytest

from infra.settings import cron

GOOD = (
    *("0 8 * * 1-5", "*/15 * * * *", "0,30 8-18/2 1,15 * *", "59 23 31 12 6", "0 0 1 1 0"),
    *("0 8 * jan-MAR mon-Fri", "5/10 ? * DEC sun", "0  8 *\t* *", "0 8 * * sat"),
)
BAD = {
    "60 8 * * *": ("60", "minute", 0, 59),
    "-1 8 * * *": ("-1", "minute", 0, 59),
    "0 24 * * *": ("24", "hour", 0, 23),
    "0 8 0 * *": ("0", "day of the month", 1, 31),
    "0 8 32 * *": ("32", "day of the month", 1, 31),
    "0 8 * 0 *": ("0", "month", 1, 12),
    "0 8 * 13 *": ("13", "month", 1, 12),
    "0 8 * mon *": ("mon", "month", 1, 12),
    "0 8 * * 7": ("7", "day of the week", 0, 6),
    "0 8 * * may": ("may", "day of the week", 0, 6),
    "0 8 * * 5-1": ("5-1", "day of the week", 0, 6),
    "0 8 * * 1-2-3": ("1-2-3", "day of the week", 0, 6),
    "0 8 * * 1-": ("1-", "day of the week", 0, 6),
    "0 8 * * 1,": ("1,", "day of the week", 0, 6),
    "*/0 8 * * *": ("*/0", "minute", 0, 59),
    "*/ 8 * * *": ("*/", "minute", 0, 59),
    "*/100 8 * * *": ("*/100", "minute", 0, 59),
    "000 8 * * *": ("000", "minute", 0, 59),
    "1** 8 * * *": ("1**", "minute", 0, 59),
}


@pytest.mark.parametrize("text", GOOD)
def test_time_is_taken_as_it_is(text: str) -> None:
    assert cron._cron(text) == text


@pytest.mark.parametrize("text", BAD)
def test_time_that_never_comes_is_told_by_its_field(text: str) -> None:
    field, what, low, high = BAD[text]
    told = f"has {field!r} as its {what}. Use numbers of {low} to {high}, `*`, lists, ranges, steps."
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        cron._cron(text)


@pytest.mark.parametrize(("text", "fields"), [("", 0), ("@daily", 1), ("0 0 8 * * *", 6)])
def test_time_of_another_form_is_told(text: str, fields: int) -> None:
    with pytest.raises(ValueError, match=f"has {fields} fields, and cron has five"):
        cron._cron(text)


def test_time_zone_is_one_of_the_machines_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron, "available_timezones", lambda: {"UTC"})
    assert cron._timezone("UTC") == "UTC"
    with pytest.raises(ValueError, match="is no time zone"):
        cron._timezone("utc")


def test_time_zone_is_taken_as_it_is_where_no_machine_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron, "available_timezones", set)
    assert cron._timezone("Mars") == "Mars"


@pytest.mark.parametrize("name", ["Factory", "localtime", "posixrules"])
def test_time_zone_of_a_machine_is_none_of_kedas(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(cron, "available_timezones", lambda: {name})
    with pytest.raises(ValueError, match="is no time zone"):
        cron._timezone(name)


@pytest.mark.parametrize("text", ["0 8 31 2 *", "0 8 30-31 feb ?", "0 8 31 4,6,9,nov */1", "0 8 31 2 1,*"])
def test_day_that_no_such_month_has_never_comes(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^never comes, as no such month has such a day\. Use another day or month\.$"
    ):
        cron._cron(text)


@pytest.mark.parametrize(
    "text",
    [
        *("0 8 29 2 *", "0 8 31 2,3 *", "0 8 30 4 *", "0 8 30 6 *", "0 8 30 9 *", "0 8 30 11 *"),
        *(f"0 8 31 {month} *" for month in (1, 3, 5, 7, 8, 10, 12)),
        "0 8 31 2 1",  # either the 31st or a Monday
        "0 8 31 2 */2",
    ],
)
def test_day_that_comes_in_some_year_is_taken(text: str) -> None:
    assert cron._cron(text) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0 8 * * *", "00 08 ? * *"),
        ("0,30 8 * * *", "*/30 8 * * *"),
        ("5/20 8-10 * * *", "5,25,45 8,9,10 * * *"),
        ("0 8-12/2 * jan-mar sun", "0 8,10,12 */1 1,2,3 0"),
    ],
)
def test_two_texts_of_one_meaning_are_the_same_times(one: str, other: str) -> None:
    assert cron.times(one) == cron.times(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0 8 * * *", "0 9 * * *"),
        ("0 8 * * 1", "0 8 1-31 * 1"),  # Mondays, and every day
        ("0 8 1 * *", "0 8 1 * 0-6"),
        ("0 8 1 * 1", "0 8 1 * 2"),
    ],
)
def test_two_texts_of_another_meaning_are_not(one: str, other: str) -> None:
    assert cron.times(one) != cron.times(other)
