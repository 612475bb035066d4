"""What the command `timeline` is told; what it does is in `run.py`, imported only when it is needed."""

from pathlib import Path
from typing import Annotated

import typer

from ops.options import Folder
from ops.refusal import need_pulumi, refuse


def timeline(
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="the engine's event log of an `up`")],
    stack: Annotated[str, typer.Option(metavar="NAME", help="the stack, for dependencies and times of Pods")] = "",
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="draw it there as well")] = None,
    cwd: Folder = Path(),
) -> None:
    """Where did the time of an `up` go?

    It needs the log that the engine writes with `pulumi up --event-log EVENTS`, a flag that the CLI takes if
    PULUMI_DEBUG_COMMANDS is true. With --stack it also needs `pulumi` and the stack's backend, for what waited for
    what, and if the cluster answers (as for `diagnose`), when each model's Pod had its node, its images and its
    weights. Without it the critical path goes by times alone: before each step, the one that had ended last.

    It prints a table with a bar for each resource and marks the critical path; docs/start.md says how to read it. It
    exits with 0 if nothing failed, 1 if something did or had not ended, and 2 if it cannot run.
    """
    if not events.is_file():
        refuse(f"{events}: there is no such file")
    if stack:
        need_pulumi()
    from .run import timeline as run

    raise typer.Exit(run(events, stack, cwd, svg))
