"""The load generator's virtualenv, `sandbox/routing/.venv`, from `requirements.txt` with its hashes.

It is inference-perf (https://github.com/kubernetes-sigs/inference-perf), which wants Python 3.12 and no torch, and
matplotlib, which draws what `make load` has measured. `python -m sandbox.routing.environment` installs it.
"""

import subprocess
import sys
from pathlib import Path

from sandbox.build import pythons
from sandbox.build.pythons import LackError
from sandbox.engine.stack import REPO

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
VENV = Path(__file__).with_name(".venv")
PROGRAM = VENV / "bin" / "inference-perf"


def ensure(target: str = "routing") -> None:
    """Install what is not installed yet; `make` has what wants it as `target`. Raises `LackError`."""
    stamp = VENV / REQUIREMENTS.name
    if PROGRAM.exists() and stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text():
        return
    python = pythons.find("PYTHON_ROUTING", what="the load generator", target=target)
    command = [python, "-m", "sandbox.build.packages", str(VENV), str(REQUIREMENTS)]
    if subprocess.run(command, check=False, cwd=REPO).returncode:  # noqa: S603
        raise LackError("the load generator is not installed; see above.")


def main() -> int:
    """Install it for `make load`; what the user can fix is one line."""
    try:
        ensure("load")
    except LackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
