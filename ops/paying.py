"""What the commands about money are told: `cost`, `pause`, `resume`. What they do is in the file of each."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Folder, Stack
from .refusal import need_pulumi


def cost(
    stack: Stack,
    tokens_per_second: Annotated[
        float | None, typer.Option(min=0.001, metavar="TOKENS", help="what all models make, for the price of a million")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="ask for today's prices of the region first")] = False,
    cwd: Folder = Path(),
) -> None:
    """What does a stack cost, running and idle?

    Cluster, nodes, disks, forwarding rule, NAT and key of the stack file, at the list prices of
    infra/costs/prices.json: docs/cost.md says what is counted. With --refresh that file is written anew, from the Cloud
    Billing catalogue.

    It needs the stack file, and for --refresh application-default credentials. It prints a table in US dollars, and
    below it whose price is not known and how old prices are. It exits with 0, and with 2 if it cannot run.
    """
    from .cost import run

    raise typer.Exit(run(stack, cwd, tokens_per_second=tokens_per_second, refresh=refresh))


Model = Annotated[str, typer.Argument(metavar="NAME", help="the model, as NAME or NAMESPACE/NAME")]
Up = Annotated[bool, typer.Option("--up", help="run `pulumi up` afterwards, without asking")]


def pause(
    model: Model,
    stack: Stack,
    up: Up = False,
    wait: Annotated[bool, typer.Option("--wait", help="wait until its node is gone; --up does, too")] = False,
    cwd: Folder = Path(),
) -> None:
    """Stops paying for the TPU of a model, and keeps everything else.

    It sets the model's `paused` in the stack file, for you to commit: a preview shows it, and no deployment undoes it.
    In force, its Pods go, its paths answer 503 with Retry-After, and some ten minutes later GKE deletes the node.

    It needs `pulumi` and the stack's backend, and for --up the credentials of an update. To wait it finds the cluster
    in the stack's state, as `diagnose` does, with gke-gcloud-auth-plugin on PATH and roles/container.viewer. It prints
    since when nothing is paid for TPUs. It exits with 0, with 1 if the update failed or nodes are still there after
    half an hour, and with 2 if it cannot run or the cluster does not answer.
    """
    need_pulumi()
    from .pause import run

    raise typer.Exit(run(model, stack, cwd, paused=True, up=up, waits=wait))


def resume(model: Model, stack: Stack, up: Up = False, cwd: Folder = Path()) -> None:
    """Ends the pause of a model.

    It removes `paused` from the stack file. In force, the model needs a node, image, weights and compilation: as long
    as a first start. There may be no TPU capacity.

    It needs `pulumi` and the stack's backend, and for --up the credentials of an update. It prints what it has written.
    It exits with 0, with 1 if the update failed, and with 2 if it cannot run.
    """
    need_pulumi()
    from .pause import run

    raise typer.Exit(run(model, stack, cwd, paused=False, up=up, waits=False))
