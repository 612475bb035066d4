"""What of a project belongs to a stack and is not Pulumi's. Reads only, and decides by evidence."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .compute import KINDS, Thing, path
from .tokens import ADDRESS, CLUSTER, NETWORK, SUBNET

CLUSTER_LABEL, LOCATION_LABEL = "goog-k8s-cluster-name", "goog-k8s-cluster-location"
"""What GKE puts on the disks of nodes and claims
(https://cloud.google.com/kubernetes-engine/docs/how-to/creating-managing-labels)."""

MARK = re.compile(r"(?:k8s-fw-)?(a[0-9a-f]{31})$|k8s[123]-(?:(?:tcp|udp|l3)-)?([a-z0-9]{8})-")
"""What no other cluster has in the names that GKE gives: the UID of the Service (`a...`, `k8s-fw-a...`) or a hash of
the cluster's (https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/namer/l4_namer.go)."""


@dataclass(frozen=True)
class Scope:
    """What a stack has, by which its leftovers are known.

    Networks and subnets are paths, `addresses` the numbers that the stack still holds, `clusters` pairs of name and
    location (empty if not known), `marks` the clusters' parts of generated names, `managed` what Pulumi deletes itself.
    """

    project: str
    networks: frozenset[str] = frozenset()
    subnets: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    clusters: frozenset[tuple[str, str]] = frozenset()
    marks: frozenset[str] = frozenset()
    managed: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def named(cls, project: str, networks: list[str], clusters: list[str], marks: list[str]) -> "Scope":
        """What a command line names; a cluster is LOCATION/NAME."""
        pairs = [cluster.rpartition("/") for cluster in clusters]
        return cls(
            project,
            networks=frozenset(f"projects/{project}/global/networks/{name}" for name in networks),
            clusters=frozenset((name, location) for location, _, name in pairs),
            marks=frozenset(marks),
        )

    def command(self) -> str:
        """How to look again once the stack's state is empty."""
        pairs = [("--network", path.rsplit("/", 1)[-1]) for path in sorted(self.networks)]
        pairs += [("--cluster", f"{place}/{name}" if place else name) for name, place in sorted(self.clusters)]
        pairs += [("--mark", mark) for mark in sorted(self.marks)]
        words = ["--leftovers-only", "--project", self.project, *(word for pair in pairs for word in pair)]
        return shlex.join([".venv/bin/python", "-m", "ops", "teardown", *words])


def scope_of(resources: Iterable[dict[str, Any]]) -> Scope | None:
    """What the engine's state tells of the stack's place; None if it never got as far as that.

    The cluster's name is also an output of the stack: it is still there when a destroy has stopped at the VPC.
    """
    of_kind: dict[str, list[dict[str, Any]]] = {}
    managed: set[str] = set()
    name = ""
    for resource in resources:
        outputs = resource.get("outputs") or {}
        of_kind.setdefault(resource["type"], []).append(outputs | {"path": resource.get("id", "")})
        managed.add(resource.get("id", ""))
        if resource["type"] == "pulumi:pulumi:Stack":
            name = outputs.get("clusterName") or ""
    places = [thing["path"] for kind in (NETWORK, CLUSTER, ADDRESS) for thing in of_kind.get(kind, [])]
    if not places:
        return None
    clusters = {(cluster["name"], cluster["location"]) for cluster in of_kind.get(CLUSTER, [])}
    return Scope(
        project=places[0].split("/")[1],
        networks=frozenset(thing["path"] for thing in of_kind.get(NETWORK, [])),
        subnets=frozenset(thing["path"] for thing in of_kind.get(SUBNET, [])),
        addresses=frozenset(thing["address"] for thing in of_kind.get(ADDRESS, [])),
        clusters=frozenset(clusters or ({(name, "")} if name else ())),
        managed=frozenset(managed),
    )


def mark(name: str) -> str | None:
    """The part of a generated name that is the cluster's or the Service's own."""
    match = MARK.match(name)
    return (match[1] or match[2]) if match else None


def _evidence(thing: Thing, scope: Scope) -> str:
    """By what of its own a thing belongs to the stack; empty if by nothing."""
    message = thing.message
    if path(getattr(message, "network", "")) in scope.networks:
        return "in the stack's VPC"
    if path(getattr(message, "subnetwork", "")) in scope.subnets:
        return "in the stack's subnet"
    if thing.collection == "forwardingRules" and message.I_p_address in scope.addresses:
        return "has the stack's address"
    if thing.collection == "disks":
        name, place = message.labels.get(CLUSTER_LABEL, ""), message.labels.get(LOCATION_LABEL, "")
        if any(name == cluster and (not location or place in ("", location)) for cluster, location in scope.clusters):
            return "labelled with the stack's cluster"
    return ""


def leftovers(things: Iterable[Thing], scope: Scope) -> list[tuple[Thing, str]]:
    """What belongs to the stack and is not Pulumi's, and why, in the order in which it can be removed."""
    candidates = [thing for thing in things if thing.path not in scope.managed]
    ours = {thing.path: reason for thing in candidates if (reason := _evidence(thing, scope))}
    marks = scope.marks | {mark(thing.message.name) for thing in candidates if thing.path in ours} - {None}
    for thing in candidates:
        if thing.path in ours:
            continue
        groups = [path(backend.group) for backend in getattr(thing.message, "backends", [])]
        if mark(thing.message.name) in marks:
            ours[thing.path] = "named after the stack's cluster"
        elif groups and all(group in ours for group in groups):
            ours[thing.path] = "its backends are in the stack's VPC"
    order = list(KINDS)
    found = [thing for thing in candidates if thing.path in ours]
    return [(thing, ours[thing.path]) for thing in sorted(found, key=lambda t: (order.index(t.collection), t.path))]


def nodes(instances: Iterable[Any], scope: Scope) -> list[str]:
    """The machines that show that a cluster of the stack is alive, so that nothing of it is left behind yet."""
    return [
        instance.name
        for instance in instances
        if (cluster := instance.labels.get(CLUSTER_LABEL))
        and (
            cluster in [name for name, _ in scope.clusters]
            or any(path(interface.network) in scope.networks for interface in instance.network_interfaces)
        )
    ]
