"""What the command `preflight` is told; what it does is in `run.py`, imported only when it is needed."""

import os
from typing import Annotated

import typer


def preflight(
    stack: Annotated[str, typer.Option(metavar="NAME", help="the stack to look at: it need not exist yet")],
    project: Annotated[str, typer.Option(metavar="ID", help="instead of its file's gcp:project")] = "",
    probe: Annotated[
        bool, typer.Option("--probe", help="ask for a TPU machine, and give it back at once: costs minutes of it")
    ] = False,
) -> None:
    """Will a stack come up? Asked before anything is created.

    Tools, APIs, permissions, quotas of chips, processors, disks and addresses, machine types, reservations, neighbours,
    organisation policies, GKE's versions, models and whether they fit, all asked side by side. docs/preflight.md has
    each line, and what it asks. Nothing is changed, unless with --probe.

    It needs the stack's file, and for all but tools, models and fit the application-default credentials and
    `gcp:project`; for a model that takes a token, that in HF_TOKEN. It prints a line for each finding: ok, warn, fail,
    or left out, which is what could not be asked, and what to do. It exits with 0 if nothing fails, 1 if something
    does, and 2 if it cannot run.
    """
    from .run import run

    raise typer.Exit(run(stack, os.environ.get("HF_TOKEN", ""), project=project, probing=probe))
