"""Finds the Pulumi CLI, or builds it from its public Go module.

Standard library only, so that `python3 -m sandbox.engine.pulumi_cli` can run while the SDKs are still being installed.
"""

import shutil
import sys
from pathlib import Path

from sandbox.build import places, programs
from sandbox.build.go import BuildError
from sandbox.build.lock import LockError

__all__ = ["BuildError", "ensure", "root"]


def root() -> str | None:
    """Where the Automation API finds the CLI: None for the one on PATH, else the folder whose `bin` has it."""
    return None if shutil.which("pulumi") else str(ensure().parent.parent)


def ensure() -> Path:
    """The CLI on PATH, or the one built here before, or one built now."""
    on_path = shutil.which("pulumi")
    if on_path:
        return Path(on_path)
    try:
        programs.build("pulumi")
    except (BuildError, LockError) as error:
        raise BuildError(f"{error}\nOr install Pulumi: https://www.pulumi.com/docs/install/") from None
    return places.BIN / "pulumi"


if __name__ == "__main__":
    try:
        print(ensure())
    except KeyboardInterrupt:
        sys.exit(130)
    except (BuildError, OSError) as error:
        sys.exit(str(error))
