"""What the commands `diagnose` and `watch` are told; what they do is in `run.py`, imported only when it is needed."""

from pathlib import Path
from typing import Annotated

import typer

from ops.options import Folder, Stack
from ops.refusal import need_pulumi, refuse

Kubeconfig = Annotated[
    Path | None, typer.Option(metavar="FILE", help="ask the cluster of this one (default: the stack's)")
]


def _check(stack: str, kubeconfig: Path | None) -> None:
    """Refuse to go on without a way to the cluster."""
    if not stack and not kubeconfig:
        refuse("--stack is missing: the name of the stack, or a way to its cluster with --kubeconfig")
    if kubeconfig and not kubeconfig.is_file():
        refuse(f"--kubeconfig {kubeconfig}: there is no such file")
    if stack:
        need_pulumi()


def diagnose(stack: Stack = "", kubeconfig: Kubeconfig = None, cwd: Folder = Path()) -> None:
    """Why is a model not Ready, and what next?

    It looks at the models of a stack and at what stands around them: Pods, events, conditions, Deployments, the
    gateway's Service, certificates, and the last lines of what does not get ready. For each cause it says whose words
    these are, since when, and the next command; docs/troubleshooting.md has the whole of each. It changes nothing, and
    works while `pulumi up` runs.

    It needs `pulumi` and the stack's backend, or --kubeconfig; gke-gcloud-auth-plugin on PATH; roles/container.viewer,
    which reads everything but Secrets; and for logs container.pods.getLogs, which that role does not have and
    roles/container.developer has. In the terms of Kubernetes: list of pods, events, services, serviceaccounts,
    deployments, llminferenceservices, gateways and cert-manager's kinds, and get of pods/log, in all namespaces. What
    it may not read it leaves out, and says so. It reads no Secret, and what looks like a token is not shown. It prints
    the causes of each model. It exits with 0 if every model is Ready, paused or asleep, 1 if not or if something around
    them is wrong, and 2 if it cannot run or could not read how a model is.
    """
    _check(stack, kubeconfig)
    from . import run
    from .look import Look

    raise typer.Exit(run.diagnose(Look(stack, cwd, kubeconfig), stack))


def watch(
    stack: Stack = "",
    kubeconfig: Kubeconfig = None,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="how long at the most")] = 5400,
    cwd: Folder = Path(),
) -> None:
    """Shows how far each model is, while `pulumi up` runs.

    The phases are node, image, weights, load, compilation, route, ready, each with when it began and how long it took,
    and how far it is as far as the logs say. Begin it in another terminal as soon as `pulumi up` runs. It ends when
    every model is Ready that is not paused, when a cause has lasted for a minute that is not on its way, or when it
    could not read for as long how a model is.

    It needs what `diagnose` needs. It prints a table that changes, or where there is no terminal a line for each
    change. It exits with 0 if every model is Ready, 1 if not, and 2 if it cannot run or read that.
    """
    _check(stack, kubeconfig)
    from . import run
    from .look import Look

    raise typer.Exit(run.watch(Look(stack, cwd, kubeconfig), stack, timeout))
