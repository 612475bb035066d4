"""What the command `status` does."""

from pathlib import Path

from ops.console import console

from . import judge
from .judge import Status
from .look import look
from .show import show

SERVING, NOT_SERVING, CANNOT_TELL = 0, 1, 2


def code(of: Status) -> int:
    """The exit code."""
    return CANNOT_TELL if of.serving is None else SERVING if of.serving else NOT_SERVING


def status(stack: str, folder: Path, *, as_json: bool) -> int:
    """Look, print; the exit code."""
    found = judge.status(look(stack, folder))
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        show(found, console())
    return code(found)
