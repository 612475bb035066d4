"""Finds the Pulumi CLI, or builds it from its public Go module.

Standard library only, so that `python3 -m sandbox.engine.pulumi_cli` can run while the SDKs are still being installed.
"""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from sandbox.build import places, programs
from sandbox.build.go import BuildError
from sandbox.build.lock import LockError

PROJECT = Path(__file__).resolve().parents[2] / "Pulumi.yaml"


def root() -> str | None:
    """Where the Automation API finds the CLI: None for the one on PATH, else the folder whose `bin` has it."""
    return None if on_path() else str(ensure().parent.parent)


def ensure() -> Path:
    """The CLI on PATH if the project takes it, or the one built here before, or one built now."""
    found = on_path()
    if found:
        return found
    try:
        programs.build("pulumi")
    except (BuildError, LockError) as error:
        raise BuildError(f"{error}\nOr install Pulumi: https://www.pulumi.com/docs/install/") from None
    return places.BIN / "pulumi"


def on_path() -> Path | None:
    """The CLI on PATH, unless it is older than the project requires."""
    found = shutil.which("pulumi")
    return Path(found) if found and _version(found) >= required() else None


def required() -> list[int]:
    """The oldest CLI that the project takes: `requiredPulumiVersion`, which the CLI checks itself."""
    text = PROJECT.read_text()
    found = re.search(r'^requiredPulumiVersion: ">=([\d.]+)"$', text, re.MULTILINE)
    if not found:
        raise BuildError(f'{PROJECT} has no requiredPulumiVersion such as ">=3.1.0"')
    return _numbers(found[1])


@cache
def _version(cli: str) -> list[int]:
    """Empty if it does not run."""
    try:
        done = subprocess.run([cli, "version"], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return []
    return _numbers(done.stdout)


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)][:3]


if __name__ == "__main__":
    try:
        print(ensure())
    except KeyboardInterrupt:
        sys.exit(130)
    except (BuildError, OSError) as error:
        sys.exit(str(error))
