"""Builds what a real control plane takes (`make tools`), or the programs of one folder of `tools` (`make lint`)."""

import argparse
import sys

from . import lock, parts, programs
from .go import BuildError


def main() -> None:
    """Parse, build, and turn what the user can fix into one message."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.build", description=__doc__)
    choices = programs.MODULES
    parser.add_argument("module", nargs="?", choices=choices, help="build this alone (default: the control plane)")
    arguments = parser.parse_args()
    try:
        programs.build(arguments.module) if arguments.module else parts.ensure()
    except KeyboardInterrupt:
        sys.exit(130)
    except (BuildError, lock.LockError, OSError) as error:
        sys.exit(f"cannot build: {error}")


if __name__ == "__main__":
    main()
