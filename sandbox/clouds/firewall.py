"""What the simulated VPC's firewall lets a cluster's control plane open towards its nodes: pure functions of the items.

A private cluster's control plane stands outside the VPC, in a range of its own, and what it opens meets the firewall at
the nodes, also what it opens to a Pod. By itself GKE opens `GKE_PORTS` alone, so a webhook on another port takes a rule
(https://cloud.google.com/kubernetes-engine/docs/how-to/private-clusters#add_firewall_rules). A rule counts as Google
counts it (https://cloud.google.com/firewall/docs/firewalls): direction, network, sources, targets, protocol and ports,
priority, `disabled`; of one priority a rule that denies comes first, and what no rule allows is dropped.

The control plane is no instance, so source tags and source service accounts never mean it. A rule that covers a part of
its range does not count, for any of its addresses may call. Left out: what nodes and Pods open themselves (rules of
direction EGRESS among it), firewall policies, and rules between the nodes, which GKE makes by itself.
"""

import itertools
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any, NamedTuple

from .google_kinds import CLUSTER, FIREWALL, NETWORK, POOL, refers
from .inventory import Item

GKE_PORTS = (443, 10250)
"""Opened by the rule `gke-<cluster>-<hash>-master`
(https://cloud.google.com/kubernetes-engine/docs/concepts/firewall-rules#cluster-fws)."""
DEFAULT_PRIORITY = 1000
TCP = ("tcp", "6", "all")
HIGHEST_PORT = 65535
Ports = tuple[int, int]
"""The first and the last."""


class Flow(NamedTuple):
    """TCP ports of a node pool's nodes and their Pods, the first and the last, to which connections may be opened."""

    pool: str
    first: int
    last: int


class _Rule(NamedTuple):
    priority: int
    allows: bool  # at one priority, False sorts first
    ports: list[Ports]


def control_plane_flows(items: Iterable[Item]) -> list[Flow] | None:
    """What the control planes may open to the nodes of their pools; None if there is no cluster.

    Nodes that are not private are called through a tunnel that they open themselves: every port.
    """
    items = list(items)
    clusters = [item for item in items if item.kind == CLUSTER]
    if not clusters:
        return None
    found: list[Flow] = []
    for cluster in clusters:
        rules = [rule for rule in items if rule.kind == FIREWALL and _of_network(rule, cluster, items)]
        for pool in items:
            if pool.kind == POOL and pool.scope.startswith(cluster.id + "/"):
                open_ports = _open(rules, cluster, pool) if private(cluster, pool) else [(1, HIGHEST_PORT)]
                found += [Flow(pool.id, first, last) for first, last in open_ports]
    return found


def private(cluster: Item, pool: Item) -> bool:
    """Whether the pool's nodes have no public addresses."""
    of_cluster = cluster.inputs.get("privateClusterConfig", {}).get("enablePrivateNodes", False)
    return bool(pool.inputs.get("networkConfig", {}).get("enablePrivateNodes", of_cluster))


def network_of(thing: Item, items: Iterable[Item]) -> Item | None:
    """The VPC that a rule, a cluster or the like names."""
    name = thing.inputs.get("network", "default")
    return next((item for item in items if item.kind == NETWORK and refers(name, item)), None)


def _of_network(rule: Item, cluster: Item, items: list[Item]) -> bool:
    return network_of(rule, items) is network_of(cluster, items) is not None


def _open(rules: list[Item], cluster: Item, pool: Item) -> list[Ports]:
    """The ports that stay open when every rule has had its say, neighbours joined."""
    source = cluster.inputs.get("privateClusterConfig", {}).get("masterIpv4CidrBlock")
    node = pool.inputs.get("nodeConfig", {})
    counting = [_Rule(DEFAULT_PRIORITY, True, [(port, port) for port in GKE_PORTS])]
    for rule in rules:
        if _from(rule.inputs, source) and _to(rule.inputs, node):
            priority = int(rule.inputs.get("priority", DEFAULT_PRIORITY))
            counting.append(_Rule(priority, True, _tcp_ports(rule.inputs.get("allows", []))))
            counting.append(_Rule(priority, False, _tcp_ports(rule.inputs.get("denies", []))))
    counting.sort(key=lambda rule: rule[:2])
    edges = sorted({1, HIGHEST_PORT + 1} | {e for r in counting for first, last in r.ports for e in (first, last + 1)})
    joined: list[Ports] = []
    for start, after in itertools.pairwise(edges):
        verdicts = (r.allows for r in counting if any(first <= start <= last for first, last in r.ports))
        if next(verdicts, False):
            touches = joined and joined[-1][1] == start - 1
            joined[-1:] = [(joined[-1][0], after - 1)] if touches else [*joined[-1:], (start, after - 1)]
    return joined


def _from(rule: Mapping[str, Any], source: str | None) -> bool:
    """Whether a rule is about what comes from this range."""
    if rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
        return False
    ranges = rule.get("sourceRanges") or ([] if _of_instances(rule) else ["0.0.0.0/0"])
    here = [IPv4Network(r) for r in ranges if ":" not in r]
    return any(r.prefixlen == 0 or (source and IPv4Network(source).subnet_of(r)) for r in here)


def _of_instances(rule: Mapping[str, Any]) -> bool:
    return bool(rule.get("sourceTags") or rule.get("sourceServiceAccounts"))


def _to(rule: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Whether a rule is about nodes of this kind: every rule without targets is."""
    tags, accounts = rule.get("targetTags") or [], rule.get("targetServiceAccounts") or []
    if tags:
        return not set(tags).isdisjoint(node.get("tags") or [])
    return not accounts or node.get("serviceAccount") in accounts


def _tcp_ports(parts: list[Mapping[str, Any]]) -> list[Ports]:
    """The TCP ports in the `allows` or `denies` of a rule; one without ports means them all."""
    found: list[Ports] = []
    for part in parts:
        if str(part["protocol"]).lower() in TCP:
            for ports in part.get("ports") or [f"1-{HIGHEST_PORT}"]:
                first, _, last = str(ports).partition("-")
                found.append((int(first), int(last or first)))
    return found
