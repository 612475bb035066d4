"""Whether a node may take a Pod beside others: required node affinity, Pod affinity and Pod anti-affinity.

As the scheduler has them (https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/), also the other way
round: who is there keeps off whom it does not want beside itself. Preferences refuse nothing. Left out, and refused
with an error as nothing here uses them: namespaces selected by their labels, other than all, and `matchLabelKeys`.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sandbox.api_client import Json

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
Labels = Mapping[str, str]


class Placed(NamedTuple):
    """A Pod, and the labels of the node that it is on."""

    pod: Json
    node: Labels


def _expression(expression: Json, labels: Labels) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", [])
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(values[0])
        case "Lt":
            return value is not None and int(value) < int(values[0])
        case other:
            raise NotImplementedError(other)


def selected(selector: Json | None, labels: Labels) -> bool:
    """Whether a selector takes something; none takes nothing, an empty one everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(_expression(e, labels) for e in selector.get("matchExpressions", []))


def _takes(term: Json, owner: Json, other: Json) -> bool:
    """Whether a term of a Pod speaks of another one."""
    if term.get("namespaceSelector") or "matchLabelKeys" in term or "mismatchLabelKeys" in term:
        raise NotImplementedError(f"the sandbox knows no such affinity: {term}")
    named = term.get("namespaces", [])
    namespaces = named or ([] if "namespaceSelector" in term else [owner["metadata"]["namespace"]])
    meta = other["metadata"]
    everywhere = not namespaces
    return (everywhere or meta["namespace"] in namespaces) and selected(
        term.get("labelSelector"), meta.get("labels", {})
    )


def _terms(pod: Json, kind: str) -> list[Json]:
    return ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(REQUIRED) or []


def _together(term: Json, a: Labels, b: Labels) -> bool:
    """Whether two nodes are one place to a term."""
    key = term["topologyKey"]
    return key in a and a[key] == b.get(key)


def likes(pod: Json, node: Labels) -> bool:
    """Whether a Pod's required node affinity takes a node with these labels."""
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    terms = affinity["nodeSelectorTerms"] if affinity else [{}]
    if any("matchFields" in term for term in terms):
        raise NotImplementedError("the sandbox knows no affinity to fields of nodes")
    return any(all(_expression(e, node) for e in term.get("matchExpressions", [])) for term in terms)


def fits_beside(pod: Json, node: Labels, placed: Iterable[Placed]) -> bool:
    """Whether a node with these labels may take a Pod, for those that are on nodes already."""
    others = [other for other in placed if other.pod is not pod]  # one that is to move is on a node itself
    for term in _terms(pod, "podAntiAffinity"):
        if any(_together(term, node, other.node) and _takes(term, pod, other.pod) for other in others):
            return False
    for other in others:
        for term in _terms(other.pod, "podAntiAffinity"):
            if _together(term, node, other.node) and _takes(term, other.pod, pod):
                return False
    for term in _terms(pod, "podAffinity"):
        wanted = [other for other in others if _takes(term, pod, other.pod)]
        first = not wanted and _takes(term, pod, pod)
        if not first and not any(_together(term, node, other.node) for other in wanted):
            return False
    return True
