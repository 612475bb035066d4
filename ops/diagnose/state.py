"""What a stack's state says of its cluster, its models and its TPU node pools, also while an `up` runs.

Outputs are there only when the first `up` has ended; the state has each resource as soon as it is made, and those that
are being made. Nothing is decrypted.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from infra.google.slices import SLICES
from ops.cli import Cli, CliError
from ops.tokens import MODEL, POOL
from ops.words import one_line

from .observed import Pool

TOPOLOGIES = {of.machine_type: of.topology for of in SLICES.values()}
PROVIDER = "pulumi:providers:kubernetes"
Json = dict[str, Any]


class StateError(Exception):
    """The state cannot be read, or has no cluster; the message says what to do."""


class NoClusterError(StateError):
    """The stack has no cluster yet, or no more."""


class State(NamedTuple):
    """What is known of a stack."""

    kubeconfig: Json
    models: list[str]
    pools: list[Pool]


def capacity(config: Mapping[str, Any]) -> str:
    """The class of capacity of a node pool, of its `nodeConfig`."""
    reservation = config.get("reservationAffinity") or {}
    if names := reservation.get("values"):
        return f"reservation:{names[0].rsplit('/', 1)[-1]}"
    return "spot" if config.get("spot") else "flex-start" if config.get("flexStart") else "on-demand"


def _pools(resources: Iterable[Json]) -> list[Pool]:
    """The node pools whose machines have a TPU: https://cloud.google.com/kubernetes-engine/docs/concepts/tpus."""
    found: list[Pool] = []
    for resource in resources:
        inputs = resource.get("inputs") or {}
        config = inputs.get("nodeConfig") or {}
        if resource["type"] == POOL and str(config.get("machineType", "")).startswith("ct"):
            name = (resource.get("outputs") or {}).get("name") or inputs.get("name", "")
            zones, topology = inputs.get("nodeLocations") or [], TOPOLOGIES.get(config["machineType"], "")
            found.append(Pool(name=name, zones=zones, capacity=capacity(config), topology=topology))
    return found


def read(deployment: Json) -> State:
    """What a state says, as `pulumi stack export` prints it. Raises `NoClusterError`."""
    resources: list[Json] = list(deployment.get("resources") or [])
    made = [one["resource"] for one in deployment.get("pending_operations") or [] if one["type"] != "deleting"]
    provider = next((r for r in resources if r["type"] == PROVIDER), {})
    text = (provider.get("inputs") or {}).get("kubeconfig")
    if not isinstance(text, str):
        raise NoClusterError("its state has no cluster: `pulumi up` has not come as far, or has been undone")
    metas = [r["inputs"]["metadata"] for r in [*resources, *made] if r["type"] == MODEL]
    return State(
        json.loads(text),
        list(dict.fromkeys(f"{meta['namespace']}/{meta['name']}" for meta in metas)),
        _pools(resources),
    )


def exported(stack: str, folder: Path) -> Json:
    """The deployment of a stack's state, empty if there is none. Raises `StateError` with the CLI's own words."""
    try:
        text = Cli(stack, folder)("stack", "export")
    except CliError as error:
        raise StateError(one_line(error)) from None
    return json.loads(text).get("deployment") or {}


def of_stack(stack: str, folder: Path) -> State:
    """What the state of a stack says. Raises `StateError`."""
    return read(exported(stack, folder))
