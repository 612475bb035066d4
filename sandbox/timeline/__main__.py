"""`python -m sandbox.timeline`: how long a stack would take to its first token, and what holds it up, in seconds.

It brings the stack up on the real engine, with Google Cloud and Kubernetes simulated, takes the graph of its resources
from the state, and reckons with the durations of `durations.yaml` in place of waiting. None of it was measured.
"""

import argparse
import io
import json
import sys
import tempfile
from pathlib import Path

from pulumi import automation
from pulumi.automation import EngineEvent
from rich.console import Console, Group
from rich.table import Table

from docs.generate import page
from ops.console import WIDTH, console
from ops.report.events import collect
from ops.timeline import show
from sandbox.build.go import BuildError
from sandbox.engine import pulumi_cli
from sandbox.engine.stack import SandboxError, SandboxStack

from .durations import Durations, UnknownError, durations
from .graph import NoModelError, served
from .model import Start, compiled_in, length, starts

FAILURES = (
    *(SandboxError, BuildError, UnknownError, NoModelError),
    *(automation.InvalidVersionError, OSError),
)
"""What the user can mend. Each is one line."""
LEAST = 10
"""Seconds from which a part is drawn."""


class CheckError(SandboxError):
    """The file of `make tpu-check` has nothing for the stack; the message says so."""


def checked(row: Durations, file: Path, resources: list[dict[str, object]]) -> Durations:
    """The durations with the compilation that `make tpu-check JSON=FILE` has estimated for the model that is drawn.
    Raises `CheckError` and `NoModelError`."""
    try:
        estimates = {estimate["repository"]: float(estimate["seconds"]) for estimate in json.loads(file.read_text())}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise CheckError(f"--tpu-check {file} is not what `make tpu-check JSON=FILE` writes: {problem}") from None
    repository = served(resources).repository
    if repository not in estimates:
        raise CheckError(
            f"--tpu-check {file} has nothing for {repository}, the model that is drawn, but for "
            f"{', '.join(estimates) or 'nothing'}"
        )
    return compiled_in(row, estimates[repository])


def of_stack(stack: str, home: Path) -> list[dict[str, object]]:
    """The resources of a stack that was brought up on the engine. Raises `SandboxError` with what the engine refused,
    which is most often what the program says of the stack file."""
    pulumi_cli.ensure()
    events: list[EngineEvent] = []
    with SandboxStack(stack, home=home) as sandbox:
        try:
            sandbox.up(on_event=events.append)
        except automation.CommandError as refused:
            said = collect(events).errors or [str(refused)]
            raise SandboxError(" ".join(said[0].split())) from None
        return sandbox.resources()


def summary(found: list[Start]) -> Table:
    """Each way to a first token, at the least and at the most."""
    drawn = Table()
    drawn.add_column("to the first token")
    drawn.add_column("at least", justify="right")
    drawn.add_column("at most", justify="right")
    for start in found:
        drawn.add_row(start.name, show.clock(length(start.low)), show.clock(length(start.high)))
    return drawn


def shown(found: list[Start]) -> Group:
    """All of it: every way, then the first one drawn, and its critical path."""
    cold = found[0]
    return Group(
        summary(found),
        *("", f"{cold.name}, if everything takes as little as it may:", show.table(cold.low, least=LEAST)),
        *("critical path, at the least:", f"  {show.path(cold.low)}"),
        *("critical path, at the most:", f"  {show.path(cold.high)}"),
    )


def text(found: list[Start]) -> str:
    """The same for a page."""
    file = io.StringIO()
    Console(width=WIDTH, file=file, color_system=None).print(shown(found), highlight=False)
    return "```text\n" + "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines()) + "```\n"


def write(file: Path, found: list[Start]) -> None:
    """Write it between the markers of a page. Raises `SandboxError` if they are not there."""
    try:
        file.write_text(page(file.read_text(), {"timeline": text(found)}, by="make timeline"))
    except ValueError as problem:
        raise SandboxError(f"--page {file}: {problem}") from None


def run(arguments: argparse.Namespace) -> None:
    """Reckon and print; raises what `main` tells."""
    with tempfile.TemporaryDirectory() as folder:
        resources = of_stack(arguments.stack, Path(folder))
    row = checked(durations(), arguments.tpu_check, resources) if arguments.tpu_check else durations()
    found = starts(resources, row)
    console().print(shown(found), highlight=False)
    if arguments.svg:
        show.svg(found[0].low, arguments.svg, f"{arguments.stack}: {found[0].name}, at the least")
    if arguments.page:
        write(arguments.page, found)


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.timeline", description=__doc__)
    parser.add_argument("--stack", default="dev", help="of whose Pulumi.<stack>.yaml (default: dev)")
    parser.add_argument("--tpu-check", type=Path, metavar="FILE", help="what `make tpu-check JSON=FILE` has written")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the first way there as well")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write it between the markers of a page")
    try:
        run(parser.parse_args())
    except FAILURES as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
