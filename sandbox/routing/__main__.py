"""Compares what `routing` may be set to: `python -m sandbox.routing`, or `make routing`.

The same load, questions that share how they begin, on each strategy, on the real control plane: through the real
gateway and endpoint picker, to stand-ins for vLLM that have a cache each. It takes what `make e2e` takes, and Python
3.12 to 3.14 for the load generator, which it looks for or takes from PYTHON_ROUTING.
"""

import argparse
import shutil
import sys

from sandbox.bench import positive
from sandbox.build import lock, parts, places
from sandbox.build.go import BuildError
from sandbox.build.pythons import LackError
from sandbox.cluster import isolation
from sandbox.engine.stack import SandboxError

from . import environment
from .workload import Workload

HOME = places.HOME / "routing"
FAILURES = (BuildError, isolation.IsolationError, lock.LockError, LackError, SandboxError, OSError)


def run(arguments: argparse.Namespace) -> int:
    """Get ready outside, compare inside."""
    parts.ensure()
    environment.ensure()
    with lock.held(HOME.with_name("routing.lock"), refusal=f"another comparison uses {HOME}: wait until it ends"):
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)
        given = [f"--{name}={getattr(arguments, name)}" for name in ("replicas", "rate", "seconds")]
        return isolation.run([sys.executable, "-m", "sandbox.routing.compare", f"--home={HOME}", *given])


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    usual = Workload()
    parser = argparse.ArgumentParser(prog="python -m sandbox.routing", description=__doc__)
    parser.add_argument("--replicas", type=positive, default=3, help="Pods of the model (default: 3)")
    parser.add_argument("--rate", type=positive, default=usual.rate, help=f"requests a second (default: {usual.rate})")
    help_ = f"of each strategy (default: {usual.seconds})"
    parser.add_argument("--seconds", type=positive, default=usual.seconds, help=help_)
    try:
        return run(parser.parse_args())
    except KeyboardInterrupt:
        return 130
    except FAILURES as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
