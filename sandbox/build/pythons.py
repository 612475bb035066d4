"""Finds a Python of 3.12 to 3.14 on this machine, for packages that are published for no other."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LOWEST, HIGHEST = (3, 12), (3, 14)
"""The Pythons that libtpu 0.0.44 and jaxlib 0.11.0 have wheels for, and inference-perf's packages."""


class LackError(Exception):
    """This machine lacks something that the user can bring; the message is one line."""


def _candidates() -> Iterator[str]:
    yield sys.executable
    names = [f"python3.{minor}" for minor in range(LOWEST[1], HIGHEST[1] + 1)]
    yield from filter(None, map(shutil.which, [*names, "python3"]))
    # What a version manager has, and may not show on PATH.
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv"), "versions").expanduser()
    uv = Path("~/.local/share/uv/python").expanduser()
    yield from (str(python) for folder in (pyenv, uv) for python in sorted(folder.glob("*/bin/python3")))


def _suits(python: str) -> bool:
    try:
        asked = subprocess.run(  # noqa: S603
            [python, "-c", "import ensurepip, sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return False
    return asked.returncode == 0 and LOWEST <= tuple(map(int, asked.stdout.split())) <= HIGHEST


def find(variable: str, *, what: str, target: str) -> str:
    """A Python of these versions that can make a virtualenv: the one that a variable names alone, if it does.

    `what` is published for no other, and `make` has it as `target`. Raises `LackError`.
    """
    chosen = os.environ.get(variable)
    candidates = [chosen] if chosen else _candidates()
    if python := next(filter(_suits, candidates), None):
        return python
    wanted = f"Python {'.'.join(map(str, LOWEST))} to {'.'.join(map(str, HIGHEST))} with venv"
    found = f"{variable} is {chosen}, which is no {wanted}" if chosen else f"no {wanted} was found"
    raise LackError(
        f"{found}: {what} is published for nothing else. Install one, and if it is not on PATH, run "
        f"`make {target} {variable}=/path/to/python3.12`."
    )
