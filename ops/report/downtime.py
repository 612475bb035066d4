"""Which changes lose state or cost downtime, and what they cost."""

import re
from typing import NamedTuple

from ops import tokens

from .events import Change, Outcome


class Watched(NamedTuple):
    """A type of resource that holds state or costs downtime, by the end of its qualified type, and what that means."""

    kind: str
    what: str
    replace: str
    delete: str
    name: str = ""


WATCHED = (
    Watched(
        tokens.CLUSTER,
        "cluster",
        replace="replaced with everything in it: no model answers for as long as a destroy and an up",
        delete="deleted with everything in it",
    ),
    Watched(
        tokens.ADDRESS,
        "gateway address",
        replace="another address, so another base URL for every client",
        delete="the base URL is gone, and Google may give the address to somebody else",
    ),
    Watched(
        tokens.KEY,
        "KMS key",
        replace="what the old one encrypted cannot be read any more 30 days later, unless it is encrypted anew before",
        delete="what it encrypted cannot be read any more 30 days later",
    ),
    Watched(
        f"TpuPool${tokens.POOL}",
        "TPU node pool",
        replace=(
            "deleted and made anew: models on it are down for pool, node and start time, and need free TPU capacity"
        ),
        delete="models on it are down for node and start time, if another pool takes them, else for good",
    ),
    Watched(
        tokens.MODEL,
        "model",
        replace="deleted, then made anew: down for its start time",
        delete="down for good",
    ),
    Watched(
        tokens.NETWORK,
        "VPC",
        replace="replaced with all that stands in it, the cluster too",
        delete="deleted with all that stands in it",
    ),
    Watched(
        tokens.SUBNET,
        "subnet",
        replace="replaced with the cluster that stands in it",
        delete="deleted with the cluster that stands in it",
    ),
    Watched(
        tokens.POOL,
        "node pool",
        replace="what runs on it moves: a few minutes, at worst for all models",
        delete="what runs on it has to find room elsewhere",
    ),
    *(
        Watched(f"Gateway${kind}", what, replace="no model answers until it is back", delete="no model answers")
        for kind, what in ((tokens.LOAD_BALANCER, "load balancer"), (tokens.RELEASE, "proxy"))
    ),
    *(
        Watched(kind, what, replace=gone, delete=gone, name=name)
        for kind, what, name, gone in (
            (tokens.RELEASE, "CRDs", "kserve-llmisvc-crd", "every model is deleted with its type"),
            (tokens.NAMESPACE, "namespace", "", "deleted with everything in it, volume claims included"),
        )
    ),
)
"""In the order of the report. The first that fits counts."""

_NEW_NODES = r"nodeConfig\.(machineType|diskSizeGb|diskType|imageType|linuxNodeConfig|kubeletConfig|gcfsConfig)"
IN_PLACE = (
    (
        tokens.MODEL,
        r'metadata\.annotations\["serving\.kserve\.io/stop"\]',
        "model",
        "paused, so down until it is resumed, or resumed: down for its start time",
    ),
    (
        f"TpuPool${tokens.POOL}",
        _NEW_NODES,
        "TPU node pool",
        "GKE makes its nodes anew, one after the other: the models on them are down for node and start time",
    ),
    (
        f"TpuPool${tokens.POOL}",
        "nodeLocations",
        "TPU node pool",
        "models in a zone that is taken away are down for node and start time",
    ),
    (
        tokens.POOL,
        _NEW_NODES,
        "node pool",
        "GKE makes its nodes anew: a few minutes, at worst for all models",
    ),
)
"""Updates that cost downtime: end of the qualified type, property paths, what it is, what it costs."""


class Cost(NamedTuple):
    """What changes of the same kind for the same reason cost together."""

    op: str
    what: str
    names: list[str]
    price: str
    causes: tuple[str, ...]
    """Property paths, of a replacement only."""


def _watched(change: Change) -> tuple[str, str, str] | None:
    """What a change costs: the operation, what it is, the price in a phrase; None if nothing."""
    if change.op == "update":
        for kind, pattern, what, price in IN_PLACE:
            if change.kind.endswith(kind) and any(re.match(pattern, path) for path in change.paths):
                return "change", what, price
    if change.op in ("replace", "delete"):
        for watched in WATCHED:
            if change.kind.endswith(watched.kind) and watched.name in ("", change.name):
                return change.op, watched.what, getattr(watched, change.op)
    return None


def costs(outcome: Outcome) -> list[Cost]:
    """What replacements, deletions and updates cost that hold state or cost downtime, in the order of `WATCHED`."""
    groups: dict[tuple[str, str, str, tuple[str, ...]], Cost] = {}
    found = [(change, watched) for change in outcome.changes.values() if (watched := _watched(change))]
    without_cluster = any(what == "cluster" for _, (_, what, _) in found)
    for change, (op, what, price) in found:
        if without_cluster and "kubernetes:" in change.kind and what != "model":
            continue  # the cluster's line has said so
        causes = tuple(change.causes) if op == "replace" else ()
        groups.setdefault((op, what, price, causes), Cost(op, what, [], price, causes)).names.append(change.name)
    order = [watched.what for watched in WATCHED]
    return sorted(groups.values(), key=lambda cost: order.index(cost.what))
