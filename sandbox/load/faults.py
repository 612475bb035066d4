"""What goes wrong, or is changed, while a stack is asked: each a name, how many requests may be lost by it, and what
does it.

Where there are two of a thing nothing may be lost, whether one of them dies, is moved or is made anew. What dies at
once takes with it what it was about to answer: a request to vLLM cannot be asked again by anybody but who has sent it.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from infra.platform.names import PICKER, VLLM
from sandbox.cluster import pods
from sandbox.cluster.control_plane import ClusterError, wait_until
from sandbox.cluster.e2e import setting_of
from sandbox.engine.stack import SandboxError

from .traffic import CLIENTS
from .up import GATEWAY, INGRESS, PATIENCE, Up

ISTIOD, OF_ISTIOD = "istio-system", "app=istiod"
ROLLED = ("gateway", "istiod")
"""Charts whose Pods another release of them starts anew."""
ANNOTATIONS = ("_internal_defaults_do_not_set", "podAnnotations")
"""Where the values of these charts have the Pods' annotations."""

Census = dict[str, tuple[int, int]]


class Fault(NamedTuple):
    """What happens, how many requests may be lost by it (None: as many as are sent meanwhile), and what does it."""

    name: str
    goal: int | None
    do: Callable[[Up], None]


def census(up: Up) -> Census:
    """How many Pods a request passes or is steered by, and how many of them are ready; of two pickers one is."""
    there = {
        "gateway": pods.pods(up.plane, INGRESS, GATEWAY),
        "istiod": pods.pods(up.plane, ISTIOD, OF_ISTIOD),
        "picker": up.of_model(PICKER),
        "vLLM": up.of_model(VLLM),
    }
    return {name: (len(found), sum(map(pods.ready, found))) for name, found in there.items()}


def settled(up: Up, before: Census) -> None:
    """Wait until every Pod is there again, and the model answers."""
    with suppress(ClusterError):  # what dies and is back between two looks is seen by nobody
        wait_until(lambda: census(up) != before, "something happens", 5)
    wait_until(lambda: census(up) == before, f"everything is there again ({before})", PATIENCE)
    wait_until(up.answers, "the model answers", PATIENCE)


def _first_ready(found: list[dict[str, Any]]) -> dict[str, Any]:
    return next(filter(pods.ready, found))


def kill_picker(up: Up) -> None:
    """The one that leads."""
    pods.kill(_first_ready(up.of_model(PICKER)))


def delete_picker(up: Up) -> None:
    """The same, but asked to go, as by a rollout or a drain."""
    leader = _first_ready(up.of_model(PICKER))["metadata"]
    up.plane.kubectl("delete", "pod", leader["name"], f"--namespace={leader['namespace']}")


def kill_vllm(up: Up) -> None:
    """One of the model's Pods."""
    pods.kill(_first_ready(up.of_model(VLLM)))


def restart_istiod(up: Up) -> None:
    """As `kubectl` does it, one Pod after the other."""
    up.plane.kubectl("rollout", "restart", "deployment/istiod", f"--namespace={ISTIOD}")
    up.plane.kubectl("rollout", "status", "deployment/istiod", f"--namespace={ISTIOD}", f"--timeout={PATIENCE}s")


def _drain(up: Up, node: str) -> None:
    """As for an upgrade of the node: its Pods are evicted, as far as budgets let them go, and start elsewhere."""
    try:
        options = ("--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={PATIENCE}s")
        up.plane.kubectl("drain", node, *options)
    finally:
        up.plane.kubectl("uncordon", node)


def drain_system_node(up: Up) -> None:
    """The one with the picker that leads."""
    _drain(up, _first_ready(up.of_model(PICKER))["spec"]["nodeName"])


def drain_gateways_node(up: Up) -> None:
    """One with a Pod of the gateway."""
    _drain(up, _first_ready(pods.pods(up.plane, INGRESS, GATEWAY))["spec"]["nodeName"])


def drain_tpu_node(up: Up) -> None:
    """One with a Pod of the model."""
    _drain(up, _first_ready(up.of_model(VLLM))["spec"]["nodeName"])


def rotate_token(up: Up) -> None:
    """As docs/api-access.md has it: a new signing key, beside the old one, and `up`."""
    command = [sys.executable, "-m", "ops", "keys", "rotate", f"--stack={up.stack.name}"]
    folder = up.stack.stack_file.parent
    done = subprocess.run(  # noqa: S603
        command, check=False, cwd=folder, env=up.stack.environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise SandboxError(f"the signing key was not rotated: {done.stderr.strip()}")
    up.stack.up()


def upgrade_charts(up: Up) -> None:
    """Istio's, to a release that differs in an annotation of their Pods, so that all of them start anew."""
    mirror = up.stack.home / "charts-of-the-next-release"
    shutil.copytree(up.plane.chart_mirror, mirror, dirs_exist_ok=True)
    for chart in ROLLED:
        annotate(mirror / chart / "values.yaml")
    up.stack.set_config("chartMirror", str(mirror))
    up.stack.up()


def annotate(file: Path) -> None:
    """Add an annotation of Pods to the values of one of these charts."""
    values: dict[str, Any] = yaml.safe_load(file.read_text())
    outer, inner = ANNOTATIONS
    values[outer][inner]["gke-tpu-inference/release"] = "next"
    file.write_text(yaml.safe_dump(values, sort_keys=False))


def _change(up: Up, **settings: Any) -> None:
    """Deploy the model that is asked with other settings, and those beside it as they are."""
    models = setting_of(up.stack, "models")
    changed = [{**one, **settings} if (one["namespace"], one["name"]) == up.place else one for one in models]
    up.stack.set_config("models", changed)
    up.stack.up()


def reroute(up: Up) -> None:
    """Another `routing`: the pickers are rolled out anew, in place."""
    _change(up, routing="load")


def replace_model(up: Up) -> None:
    """A flag of vLLM: the model is replaced, old one first, as there may be no second slice (docs/changes.md)."""
    _change(up, extraArgs=["--max-num-seqs=64"])


FAULTS = (
    Fault("a picker is killed", 0, kill_picker),
    Fault("a picker is deleted", 0, delete_picker),
    Fault("a vLLM Pod is killed", CLIENTS, kill_vllm),
    Fault("istiod is restarted", 0, restart_istiod),
    Fault("the picker's node is drained", 0, drain_system_node),
    Fault("a gateway's node is drained", 0, drain_gateways_node),
    Fault("a TPU node is drained", 0, drain_tpu_node),
    Fault("the token's key is rotated", 0, rotate_token),
    Fault("Istio's charts are upgraded", 0, upgrade_charts),
    Fault("pickers are rolled out", 0, reroute),
    Fault("a model is rolled out", None, replace_model),
)
