"""Brings a model up with each strategy in turn and has it asked; runs inside `sandbox.cluster.isolation`.

    python -m sandbox.routing.compare --home FOLDER

The dev stack serves one model at a time, named after its strategy, so that each begins with empty caches and a picker
that knows nothing. What asks gets to it through Envoy, and Envoy asks the picker, as in a cluster.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from pulumi import automation
from rich.console import Console

from infra.platform.names import VLLM, VLLM_PORT, kserve_labels
from infra.settings.routing import STRATEGIES, Strategy
from ops.load import generator
from ops.load.generator import GeneratorError
from sandbox.cluster.control_plane import ClusterError, ControlPlane, wait_until
from sandbox.cluster.e2e import setting_of
from sandbox.cluster.isolation import HOME
from sandbox.cluster.kubelet import Kubelet
from sandbox.cluster.pods import pods, ready
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.lifecycle import line, step
from sandbox.engine.stack import SandboxError, SandboxStack
from sandbox.programs.prefix_cache import PREFILL

from . import workload
from .environment import PROGRAM
from .report import MEASURES_ROUTING, Measured, measured, table
from .workload import Pod, Workload

STACK = "dev"
PATIENCE = 120


def settings(model: Mapping[str, Any], strategy: Strategy, replicas: int) -> dict[str, Any]:
    """What a stack is told to serve a model with a strategy. The model before it goes when this one is there."""
    of_strategy = {"name": strategy, "routing": strategy, "replicas": replicas, "extraArgs": workload.flags(Pod())}
    return {"models": [{**model, **of_strategy}], "tpuMaxNodes": 2 * replicas, "warmUp": False}


def addresses(plane: ControlPlane, namespace: str, name: str) -> list[str]:
    """Those of a model's Pods that are ready."""
    labels = {**kserve_labels(VLLM), "app.kubernetes.io/name": name}
    found = pods(plane, namespace, ",".join(f"{key}={value}" for key, value in labels.items()))
    return [pod["status"]["podIP"] for pod in found if ready(pod)]


def answers(url: str, model: str) -> bool:
    """Whether a completion comes back, which only the picker lets through."""
    try:
        asked = {"model": model, "prompt": "ready", "max_tokens": 1}
        return httpx2.post(f"{url}/v1/completions", json=asked, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


def asked(sandbox: SandboxStack, folder: Path, load: Workload) -> dict[str, Any]:
    """Have the stack's model asked. What inference-perf sums up, once it has."""
    outputs = sandbox.outputs()
    wait_until(partial(answers, outputs["baseUrl"], outputs["model"]), "the model answers through the picker", PATIENCE)
    tokenizer = folder / "tokenizer"
    workload.write_tokenizer(tokenizer)
    config = workload.config(
        load, url=outputs["baseUrl"], model=outputs["model"], tokenizer=tokenizer, report=folder / "report"
    )
    try:
        generator.ask(PROGRAM, config, folder, {"HF_HUB_OFFLINE": "1"})
    except GeneratorError as error:
        raise SandboxError(str(error)) from None
    summary = folder / "report" / "summary_lifecycle_metrics.json"
    found = json.loads(summary.read_text())
    if not found["successes"]["count"]:
        raise SandboxError(f"no request was answered: {folder} has what inference-perf said")
    return found


def compared(
    plane: ControlPlane, sandbox: SandboxStack, load: Workload, replicas: int, home: Path
) -> Iterator[Measured]:
    """Each strategy, once it has been asked."""
    [model] = setting_of(sandbox, "models")
    for strategy in STRATEGIES:
        for key, value in settings(model, strategy, replicas).items():
            sandbox.set_config(key, value)
        step(f"up {strategy}", sandbox.up, verbose=False)
        here = partial(addresses, plane, model["namespace"], strategy)
        wait_until(lambda here=here: len(here()) == replicas, f"{replicas} Pods are ready", PATIENCE)
        folder = home / strategy
        folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        summary = asked(sandbox, folder, load)
        line(f"asked {strategy}", start, f"{summary['successes']['count']} answers")
        said = [httpx2.get(f"http://{address}:{VLLM_PORT}/metrics").text for address in here()]
        yield measured(strategy, summary, said)


@contextmanager
def destroyed(sandbox: SandboxStack) -> Iterator[None]:
    """Destroy the stack at the end, however that comes."""
    try:
        yield
    finally:
        step("destroy", sandbox.destroy, verbose=False)


def run(arguments: argparse.Namespace) -> None:
    """Every strategy, and the table of them all."""
    load = Workload(rate=arguments.rate, seconds=arguments.seconds)
    os.environ[PREFILL] = str(Pod().prefill)  # which the kubelet's containers get
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane())
        stack.enter_context(Kubelet(plane))
        sandbox = stack.enter_context(on_control_plane(STACK, plane=plane, home=arguments.home / "stack"))
        stack.enter_context(destroyed(sandbox))
        rows = list(compared(plane, sandbox, load, arguments.replicas, arguments.home))
    console = Console()
    console.print(table(rows))
    console.print(MEASURES_ROUTING)


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.routing.compare", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--replicas", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    try:
        run(parser.parse_args())
    except KeyboardInterrupt:
        return 130
    except (automation.CommandError, ClusterError, SandboxError) as error:
        if not isinstance(error, automation.CommandError):  # of those, the engine has said why
            print(error, file=sys.stderr)
        print(f"what each program said is in {HOME / 'logs'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
