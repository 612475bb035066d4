"""What the command `status` is told; what it does is in `run.py`, imported only when it is needed."""

from pathlib import Path
from typing import Annotated

import typer

from ops.options import Folder, Stack
from ops.refusal import need_pulumi


def status(
    stack: Stack,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON in place of tables")] = False,
    cwd: Folder = Path(),
) -> None:
    """How is a stack: is it up, since when, of which commit?

    It asks each model for its health by the public URL, without a key and without a prompt; the stack's state and
    history; the cluster for nodes and replicas; Cloud Monitoring for requests, times to the first token and open
    alerts; and the stack file for costs, an estimate at list prices, and the maintenance window. A model that is paused
    or asleep is told from one that is down. It changes nothing.

    It needs `pulumi` and the stack's backend. What it cannot ask is unknown, and it says why: the cluster takes what
    `diagnose` takes, Cloud Monitoring application-default credentials with roles/monitoring.viewer, and a stack with
    `monitoring`. It prints one screen, or with --json an object. It exits with 0 if a model serves and each other one
    does, is paused or asleep, 1 if not, and 2 if it cannot tell.
    """
    need_pulumi()
    from . import run

    raise typer.Exit(run.status(stack, cwd, as_json=as_json))
