"""Stops paying for a model, and starts again: `python -m ops pause NAME --stack NAME`, `resume`.

What is written is the field `paused` of the model in the stack file, so every `pulumi up` after it keeps to it, and a
preview shows it. When the nodes are gone, Kubernetes says: GKE deletes a node there with its machine. It is asked again
and again and not watched, as an API server ends a watch when it likes.
"""

import datetime
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kubernetes.client import ApiException

from infra.google.slices import ACCELERATOR, ACCELERATOR_LABEL
from infra.platform.names import VLLM, kserve_labels
from infra.settings.capacity import RESERVATION, kind

from .cli import Cli, CliError
from .diagnose import state
from .diagnose.cluster import UNREACHABLE, Cluster, ClusterError, why
from .keys.configuration import Configuration, ConfigurationError
from .origin import message
from .refusal import refuse
from .say import say

NODES = f"{ACCELERATOR_LABEL}={ACCELERATOR}"
CHIPS = "google.com/tpu"
PATIENCE = 30 * 60
"""Seconds until the nodes have to be gone. The autoscaler deletes one that was idle for 10 minutes
(https://cloud.google.com/kubernetes-engine/docs/concepts/cluster-autoscaler), after the Pod's grace period."""
EVERY = 5.0
"""Seconds between two looks."""
MOST = 1000
"""Nodes, and Pods of a node, that are read at the most. With more of them there is no answer."""

STAYS = "A TPU node stays although its model is paused"
"""The page's entry for a node that does not go."""


class Found(NamedTuple):
    """A model in the stack's configuration: its place in `models`, what it is called, and whether it is paused."""

    place: int
    name: str
    paused: bool


def find(models: Iterable[Any], name: str) -> Found:
    """The model that is meant by `NAME` or `NAMESPACE/NAME`. Raises `LookupError`, which says what there is."""
    entries = [m for m in models if isinstance(m, dict)]
    all_ = [Found(i, f"{m.get('namespace')}/{m.get('name')}", m.get("paused") is True) for i, m in enumerate(entries)]
    meant = [found for found in all_ if name in (found.name, found.name.split("/")[-1])]
    if len(meant) != 1:
        names = ", ".join(found.name for found in all_) or "none"
        raise LookupError(f"{name} is {'several models' if meant else 'no model'} of the stack. There are: {names}")
    return meant[0]


def _uses_chips(pod: Mapping[str, Any]) -> bool:
    """Whether a Pod has chips, and is not on its way out, as a model's that was just paused."""
    limits = [container.get("resources", {}).get("limits") or {} for container in pod["spec"]["containers"]]
    stays = pod["status"].get("phase") in ("Pending", "Running") and "deletionTimestamp" not in pod["metadata"]
    return stays and any(CHIPS in each for each in limits)


def is_of(pod: Mapping[str, Any], model: str) -> bool:
    """Whether a Pod is of a model, `NAMESPACE/NAME`, by the labels that KServe gives it."""
    namespace, name = model.split("/")
    wanted, found = {**kserve_labels(VLLM), "app.kubernetes.io/name": name}, pod["metadata"]
    return found["namespace"] == namespace and wanted.items() <= (found.get("labels") or {}).items()


class Nodes:
    """The TPU nodes of a cluster, beside a model that is paused. Raises `ClusterError`, which says why there is no
    answer: a list that is not there or not whole is none, as a node that is not in it would be taken for gone."""

    def __init__(self, cluster: Cluster, paused: str) -> None:
        self._cluster, self._paused = cluster, paused

    def _objects(self, path: str, **query: str) -> list[dict[str, Any]]:
        try:
            found, whole = self._cluster.page(path, MOST, **query)
        except ApiException as error:
            raise ClusterError(f"{self._cluster.server} refuses to list {path}: {why(error)}") from None
        except UNREACHABLE as error:
            raise self._cluster.silent(error) from None
        if not whole:
            raise ClusterError(f"{self._cluster.server} has more than {MOST} objects of {path}, which are not all read")
        return found

    def all(self) -> list[str]:
        """The names of all of them."""
        return sorted(node["metadata"]["name"] for node in self._objects("/api/v1/nodes", labelSelector=NODES))

    def idle(self) -> list[str]:
        """Those that nobody uses but the paused model, whose Pods may not even be on their way out yet: that it is not
        Ready is all that `pulumi up` waits for."""
        return [name for name in self.all() if not any(map(self._keeps, self._pods(name)))]

    def _keeps(self, pod: Mapping[str, Any]) -> bool:
        """Whether a Pod keeps its node."""
        return _uses_chips(pod) and not is_of(pod, self._paused)

    def _pods(self, node: str) -> list[dict[str, Any]]:
        return self._objects("/api/v1/pods", fieldSelector=f"spec.nodeName={node}")


def wait(nodes: Nodes, seconds: float) -> list[str]:
    """Look until none is idle; those that are when the time is over.

    The first answer has to come, and the last one. In between an API server may be away for a while, as that of a
    zonal cluster is during an upgrade.
    """
    end, left, said = time.monotonic() + seconds, nodes.idle(), False
    while left and time.monotonic() < end:
        time.sleep(EVERY)
        try:
            left = nodes.idle()
        except ClusterError as error:
            if time.monotonic() >= end:
                raise
            if not said:
                say(f"{error}. Asked again until {seconds / 60:g} minutes are over.")
            said = True
    return left


def paid_anyway(values: Mapping[str, Any]) -> str:
    """What is said of chips that are paid for when no node is left, by a stack's configuration."""
    reserved = [str(name) for name in values.get("tpuCapacity") or [] if kind(str(name)) == RESERVATION]
    return f"{reserved[0]} is paid for all the same." if reserved else "Nothing is paid for TPUs."


def _wait(stack: str, folder: Path, model: str, beside: str) -> int:
    try:
        nodes = Nodes(Cluster(state.of_stack(stack, folder).kubeconfig), model)
        say("Waiting for the nodes that nobody uses to go; the autoscaler takes about 10 minutes.")
        left, serving = wait(nodes, PATIENCE), len(nodes.all())
    except (state.StateError, ClusterError) as error:
        refuse(f"stack {stack}: {error}")
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    if left:
        say(
            f"Still there after {PATIENCE // 60} minutes, and paid for: {', '.join(left)}. `tpuMinNodes` keeps nodes; "
            f'what else does is in docs/operations.md, "{STAYS}".'
        )
        return 1
    others = f"{serving} TPU nodes serve other models, and are paid for." if serving else beside
    print(f"Since {now} no TPU node is idle. {others}")
    return 0


def run(name: str, stack: str, folder: Path, *, paused: bool, up: bool, waits: bool) -> int:
    """Write, deploy if asked to, wait for the nodes of a pause; the exit code."""
    cli = Cli(stack, folder)
    try:
        configuration = Configuration(stack, folder)
        values = configuration.values()
        found = find(values.get("models") or [], name)
        if found.paused != paused:
            configuration.set_at(f"models[{found.place}].paused", "true" if paused else None)
    except LookupError as wrong:
        refuse(str(wrong.args[0]))
    except ConfigurationError as wrong:
        refuse(str(wrong))
    state = "paused" if paused else "resumed"
    file = f"Pulumi.{stack.rsplit('/', 1)[-1]}.yaml"
    say(f"{found.name} is {state} in {file}{'' if found.paused != paused else ' already'}.")
    if up:
        try:
            told = message("pause" if paused else "resume", folder)
            cli("up", "--yes", f"--message={told}", shown=True)
        except CliError:
            return 1
    elif not waits:
        say(f"Nothing is deployed yet: commit it and let CI, or run `pulumi up --stack {stack}`, or this with --up.")
    return _wait(stack, folder, found.name, paid_anyway(values)) if paused and (up or waits) else 0
