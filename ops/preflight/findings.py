"""What a check has found."""

from enum import Enum
from typing import NamedTuple


class Status(Enum):
    """How a check ended. With `FAIL` the stack does not come up; `LEFT_OUT` is what could not be asked."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    LEFT_OUT = "left out"


class Finding(NamedTuple):
    """One line for a person: the check, what was found, and what to do about it, if anything."""

    status: Status
    check: str
    found: str
    do: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(Status.OK, check, found)


def warn(check: str, found: str, do: str) -> Finding:
    """It may go wrong."""
    return Finding(Status.WARN, check, found, do)


def fail(check: str, found: str, do: str) -> Finding:
    """It goes wrong."""
    return Finding(Status.FAIL, check, found, do)


def left_out(check: str, found: str, do: str) -> Finding:
    """Not asked, and why."""
    return Finding(Status.LEFT_OUT, check, found, do)
