"""What a stack has, by which is known what Google Cloud has left of it."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from infra.platform.names import GATEWAY, ISTIO_INGRESS

from .tokens import ADDRESS, CLUSTER, LOAD_BALANCER, NETWORK, SUBNET

OWN_VPC = re.compile(r"[a-z][-a-z0-9]*-[0-9a-f]{7}")
"""Pulumi makes up the name of the stack's VPC. One that somebody has named, such as `default`, has others in it."""
MARK = re.compile(r"a[0-9a-f]{31}|[a-z0-9]{8}")
"""A load balancer's name, of the UID of its Service, or the hash of a cluster's."""


class ScopeError(Exception):
    """What is known of a stack would match things of others; the message says what to do."""


@dataclass(frozen=True)
class Scope:
    """What a stack has, by which its leftovers are known. What is empty matches everything, so it is refused.

    Networks and subnets are paths of what Pulumi has made for the stack alone, `addresses` the numbers that the stack
    still holds, `clusters` pairs of name and location (empty if not known), `marks` the clusters' and Services' parts
    of generated names, `services` the program's own load balancers in a cluster, `managed` what Pulumi deletes itself.
    Raises `ScopeError`.
    """

    project: str
    networks: frozenset[str] = frozenset()
    subnets: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    clusters: frozenset[tuple[str, str]] = frozenset()
    marks: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset({f"{ISTIO_INGRESS}/{GATEWAY}"})
    managed: frozenset[str] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        """Refuse what would match the things of others."""
        if not self.project:
            raise ScopeError("the project is empty: say its id with --project")
        for one in fields(self)[1:]:
            if any(not (value[0] if one.name == "clusters" else value) for value in getattr(self, one.name)):
                raise ScopeError(
                    f"one of the stack's {one.name} is empty, and would match what is not the stack's; nothing was "
                    "removed. If its state has a resource without an id, `pulumi refresh` puts that right"
                )

    @classmethod
    def named(cls, project: str, networks: list[str], clusters: list[str], marks: list[str]) -> "Scope":
        """What a command line names; a cluster is LOCATION/NAME."""
        if shared := [name for name in networks if not OWN_VPC.fullmatch(name)]:
            raise ScopeError(
                f"--network {shared[0]!r} is no name that Pulumi makes up, such as tpu-inference-c3f688e: a VPC that "
                "others use too says nothing of what is whose. Leave it out"
            )
        if wrong := [mark for mark in marks if not MARK.fullmatch(mark)]:
            raise ScopeError(f"--mark {wrong[0]!r} is no mark: 8 letters or digits, or `a` and 31 hexadecimal digits")
        pairs = [cluster.rpartition("/") for cluster in clusters]
        return cls(
            project,
            networks=frozenset(f"projects/{project}/global/networks/{name}" for name in networks),
            clusters=frozenset((name, location) for location, _, name in pairs),
            marks=frozenset(marks),
        )

    def command(self) -> str:
        """How to look again once the stack's state is empty."""
        names = [network.rsplit("/", 1)[-1] for network in sorted(self.networks)]
        pairs = [("--network", name) for name in names if OWN_VPC.fullmatch(name)]
        pairs += [("--cluster", f"{place}/{name}" if place else name) for name, place in sorted(self.clusters)]
        pairs += [("--mark", mark) for mark in sorted(self.marks)]
        words = ["--leftovers-only", "--project", self.project, *(word for pair in pairs for word in pair)]
        return shlex.join([".venv/bin/python", "-m", "ops", "teardown", *words])


def _made(resources: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Outputs and ids by type of what Pulumi has made: not of what it has only read or taken over."""
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        if not (resource.get("external") or resource.get("importID")):
            outputs = (resource.get("outputs") or {}) | {"path": resource.get("id", "")}
            found.setdefault(resource["type"], []).append(outputs)
    return found


def scope_of(resources: Iterable[dict[str, Any]]) -> Scope | None:
    """What the engine's state tells of the stack's place; None if it never got as far as that.

    The cluster's name is also an output of the stack: it is still there when a destroy has stopped at the VPC. The name
    of a load balancer is made of its Service's UID, and nobody else's.
    """
    resources = list(resources)
    made = _made(resources)
    places = [thing["path"] for kind in (NETWORK, CLUSTER, ADDRESS) for thing in made.get(kind, [])]
    if not places:
        return None
    if not all(places):
        raise ScopeError("the state has a VPC, cluster or address without an id: `pulumi refresh` puts that right")
    names = [stack["clusterName"] for stack in made.get("pulumi:pulumi:Stack", []) if stack.get("clusterName")]
    clusters = {(cluster["name"], cluster["location"]) for cluster in made.get(CLUSTER, [])}
    uids = [(service.get("metadata") or {}).get("uid", "") for service in made.get(LOAD_BALANCER, [])]
    return Scope(
        project=places[0].split("/")[1],
        networks=frozenset(thing["path"] for thing in made.get(NETWORK, [])),
        subnets=frozenset(thing["path"] for thing in made.get(SUBNET, [])),
        addresses=frozenset(thing["address"] for thing in made.get(ADDRESS, [])),
        clusters=frozenset(clusters or {(name, "") for name in names}),
        marks=frozenset("a" + uid.replace("-", "")[:31] for uid in uids if uid),
        managed=frozenset(resource["id"] for resource in resources if resource.get("id")),
    )
