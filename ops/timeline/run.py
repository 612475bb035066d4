"""What the command `timeline` does."""

from pathlib import Path

from kubernetes.config import ConfigException
from pulumi.automation.events import EngineEvent
from rich.console import Console

from ops.console import console
from ops.diagnose.cluster import Cluster, ClusterError
from ops.diagnose.observe import observe
from ops.diagnose.state import StateError, exported
from ops.diagnose.state import read as read_state
from ops.refusal import refuse
from ops.report.events import LogError, read
from ops.tokens import MODEL

from . import events, pods, show, state
from .state import Json
from .tasks import critical


def _read(log: Path) -> list[EngineEvent]:
    try:
        return read(log)
    except LogError as error:
        refuse(str(error))


def _deployment(stack: str, cwd: Path) -> Json:
    """A stack's state, nothing without a stack; ends the command if it cannot be read."""
    try:
        return exported(stack, cwd) if stack else {}
    except StateError as error:
        refuse(f"--stack {stack}: {error}")


def _places(resources: list[Json]) -> dict[str, str]:
    """The URNs of the models, by `namespace/name`."""
    of_models = [resource for resource in resources if resource["type"] == MODEL]
    metas = {one["urn"]: one["inputs"]["metadata"] for one in of_models}
    return {f"{meta['namespace']}/{meta['name']}": urn for urn, meta in metas.items()}


def _with_pods(run: events.Run, deployment: Json, places: dict[str, str], out: Console) -> events.Run:
    """A run with what its Pods tell; without it, and with the reason, if the cluster does not answer."""
    try:
        told = read_state(deployment)
        seen = observe(Cluster(told.kubeconfig), told.models, told.pools)
    except (StateError, ClusterError, ConfigException) as error:
        out.print(f"without the times of Pods: {error}", highlight=False, soft_wrap=True)
        return run
    return run._replace(tasks=pods.refined(run.tasks, seen, run.began, places))


def timeline(log: Path, stack: str, cwd: Path, svg: Path | None) -> int:
    """Show the log; 0 if the engine came to its end, 1 if something failed."""
    out = console()
    deployment = _deployment(stack, cwd)
    resources: list[Json] = deployment.get("resources") or []
    run = events.collect(_read(log), state.needs(resources) if stack else None)
    if not run.tasks:
        refuse(f"{log}: no event of it says that anything was made or changed. It is written by an `up` of the engine")
    if stack:
        run = _with_pods(run, deployment, _places(resources), out)
    end = max(task.end for task in run.tasks)
    out.print(show.table(run.tasks))
    held = critical(run.tasks)
    by = "dependencies" if stack else "times alone, as the log has no dependencies: --stack NAME reads them"
    out.print(f"{show.clock(end)} since {run.began:%Y-%m-%d %H:%M:%S} UTC; critical path by {by}:", highlight=False)
    out.print("  " + show.path(run.tasks), highlight=False, soft_wrap=True)
    waited = end - sum(task.seconds for task in held)
    if waited >= 1:
        out.print(f"on it, {show.clock(waited)} are of nothing that is recorded", highlight=False)
    if svg:
        try:
            show.svg(run.tasks, svg, f"pulumi up, {run.began:%Y-%m-%d %H:%M} UTC")
        except OSError as error:
            refuse(f"--svg {svg}: {error.strerror}")
    return int(run.failed)
