"""How long whole commands take as a stack grows: `python -m sandbox.growth`.

It brings the dev stack up with so many models on the simulated clouds, each command once on the real engine, with its
state in files and written down as for a user. The clouds answer at once, so what is measured is the program's and the
engine's share, which no bigger project makes shorter: what Google Cloud takes comes on top.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.engine.stack import SandboxStack

from .bench import exit_code, models, positive
from .engine import pulumi_cli

COUNTS = (1, 10, 50, 200)
"""Models, each on a slice of its own."""
COMMANDS = ("preview", "up", "refresh", "destroy")


def _seconds(command: Callable[[], Any]) -> float:
    start = time.perf_counter()
    command()
    return time.perf_counter() - start


def measure(count: int) -> tuple[int, list[float]]:
    """Resources of a stack with so many models, and seconds of each of `COMMANDS`."""
    config = {"models": models("dev", count), "tpuMaxNodes": count}
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxStack(home=Path(folder), config=config) as stack,
    ):
        *before, destroy = COMMANDS
        seconds = [_seconds(getattr(stack, command)) for command in before]
        resources = len(stack.resources())
        return resources, [*seconds, _seconds(getattr(stack, destroy))]


def run(counts: Sequence[int]) -> bool:
    """Measure and print."""
    table = Table("models", "resources", *COMMANDS, caption="seconds, each once")
    for column in table.columns:
        column.justify = "right"
    pulumi_cli.ensure()
    for count in counts:
        resources, seconds = measure(count)
        table.add_row(str(count), str(resources), *(f"{taken:.1f}" for taken in seconds))
    Console().print(table)
    return True


def main() -> int:
    """Parse, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.growth", description=__doc__)
    parser.add_argument("--models", type=positive, nargs="+", default=COUNTS, help="how many (default: 1 10 50 200)")
    return exit_code(partial(run, parser.parse_args().models))


if __name__ == "__main__":
    sys.exit(main())
