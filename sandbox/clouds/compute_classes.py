"""GKE's ComputeClass in a simulated cluster: what its API server refuses, and which node pools it leads a Pod to.

The schema is the one that the real API server of the sandbox has, `data/compute_class.yaml`, which says what it refuses
beyond GKE's.
"""

from collections.abc import Iterator
from typing import Any

from .capacity import bought
from .google_machines import data, machines, zones_of
from .inventory import Item
from .kubernetes_cluster import Cluster
from .kubernetes_kinds import COMPUTE_CLASS

LABEL = "cloud.google.com/compute-class"
TYPES: dict[str, type] = {"object": dict, "array": list, "string": str, "boolean": bool}


def problems(compute_class: dict[str, Any]) -> Iterator[str]:
    """What the API server refuses of a ComputeClass."""
    schema = data("compute_class.yaml")["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    yield from _problems({k: v for k, v in compute_class.items() if not k.startswith("__")}, schema, "")


def _problems(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if not isinstance(value, TYPES[schema["type"]]):
        yield f"{path}: must be of type {schema['type']}"
    elif value not in schema.get("enum", [value]):
        yield f"{path}: Unsupported value: {value!r}"
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{path}: should have at least {schema['minItems']} items"
        for i, item in enumerate(value):
            yield from _problems(item, schema["items"], f"{path}[{i}]")
    elif isinstance(value, dict) and "properties" in schema:
        yield from (f"{path}.{key}: Required value" for key in schema.get("required", ()) if key not in value)
        for key, item in value.items():
            if key in schema["properties"]:
                yield from _problems(item, schema["properties"][key], f"{path}.{key}")
            else:
                yield f"{path}.{key}: field not declared in schema"


def pools(cluster: Cluster, wanted: str) -> list[Item]:
    """The node pools that Pods with this class are led to, in order; for Pods without one, those that want none."""
    of_cluster = [pool for _, pool in cluster.pools]
    if not wanted:
        return [pool for pool in of_cluster if not _class_of(pool)]
    named = [
        name
        for found in cluster.find(COMPUTE_CLASS, "", wanted)
        for priority in found.inputs["spec"]["priorities"]
        for name in priority["nodepools"]
    ]
    by_name = {pool.name: pool for pool in of_cluster if _class_of(pool) == wanted}
    return [by_name[name] for name in named if name in by_name]


def _class_of(pool: Item) -> str:
    """The class that a pool belongs to, if its label and its taint say the same."""
    config = pool.inputs.get("nodeConfig", {})
    taints = {taint["key"]: taint["value"] for taint in config.get("taints", [])}
    label = str(config.get("labels", {}).get(LABEL, ""))
    return label if taints.get(LABEL, "") == label else "nobody's"


def sold_out(cluster: Cluster, pool: Item) -> list[str]:
    """Where and how the pool's machine was asked for in vain, if it was everywhere: else nothing."""
    config = pool.inputs.get("nodeConfig", {})
    chips, how = machines()[config["machineType"]].chips, bought(config)
    zones = pool.inputs.get("nodeLocations") or zones_of(cluster.gke.inputs["location"])
    tried = [f"{how} in {zone}" for zone in zones if not cluster.inventory.capacity.has(chips, zone, how)]
    return tried if len(tried) == len(zones) else []
