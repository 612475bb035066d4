"""A stack under load, on the real control plane: `python -m sandbox.load load|overhead|chaos --stack NAME`.

`make load SANDBOX=1`, `make overhead` and `make chaos`. `load` takes Python 3.12 to 3.14 for the load generator, which
it looks for or takes from PYTHON_ROUTING; the other two do not.
"""

import shutil
import sys

from sandbox.build import lock, parts, places, programs
from sandbox.build.go import BuildError
from sandbox.build.pythons import LackError
from sandbox.cluster import isolation
from sandbox.routing import environment

from .inside import parser

HOME = places.HOME / "load"
FAILURES = (BuildError, isolation.IsolationError, lock.LockError, LackError, OSError)


def run(what: str, given: list[str]) -> int:
    """Get ready outside, run inside."""
    parts.ensure()
    if what == "load":
        environment.ensure("load")
    if what == "overhead":
        programs.build(programs.FORTIO)
    with lock.held(HOME.with_name("load.lock"), refusal=f"another load uses {HOME}: wait until it ends"):
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)
        return isolation.run([sys.executable, "-m", "sandbox.load.inside", *given, f"--home={HOME}"])


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    given = sys.argv[1:]
    try:
        return run(parser().parse_args(given).what, given)
    except KeyboardInterrupt:
        return 130
    except FAILURES as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
