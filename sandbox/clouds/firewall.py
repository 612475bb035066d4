"""What the simulated VPC's firewall lets a control plane open towards nodes, and nodes open: functions of the items.

A private cluster's control plane stands outside the VPC, in a range of its own, and what it opens meets the firewall at
the nodes, also what it opens to a Pod. By itself GKE opens `GKE_PORTS` alone, so a webhook on another port takes a rule
(https://cloud.google.com/kubernetes-engine/docs/how-to/private-clusters#add_firewall_rules). A rule counts as Google
counts it (https://cloud.google.com/firewall/docs/firewalls): direction, network, sources, targets, protocol and ports,
priority, `disabled`; of one priority a rule that denies comes first, and what no rule allows is dropped.

The control plane is no instance, so source tags and source service accounts never mean it. A rule that covers a part of
its range does not count, for any of its addresses may call.

What nodes open, and the Pods on them, is let out unless a rule of direction EGRESS denies it. A rule counts if it
covers all the addresses that are asked about: those of a name are not known, so only rules for every address are about
it.

Left out: firewall policies, what nodes of one cluster open to each other (GKE makes rules that let it in, and the
program one that lets it out), and the tunnel by which the control plane of a cluster with public nodes comes back.
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
LAST_PRIORITY = 65535
"""Of what counts if nothing else does (https://cloud.google.com/firewall/docs/firewalls#default_firewall_rules)."""
ANYWHERE = "0.0.0.0/0"
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


def lets_out(items: Iterable[Item], cluster: Item, pool: Item, to: str, port: int) -> bool:
    """Whether a pool's nodes, and the Pods on them, may open a TCP port of all these addresses outside of the nodes."""
    items = list(items)
    counting = [_Rule(LAST_PRIORITY, True, [(1, HIGHEST_PORT)])]
    for rule in items:
        if rule.kind == FIREWALL and _of_network(rule, cluster, items) and _towards(rule.inputs, to):
            counting += _counting(rule, pool)
    return any(first <= port <= last for first, last in _joined(counting))


def reaches_control_plane(items: Iterable[Item], cluster: Item, pool: Item) -> bool:
    """Whether a pool's nodes get through to their control plane; without, none ever registers."""
    block = cluster.inputs.get("privateClusterConfig", {}).get("masterIpv4CidrBlock")
    return lets_out(items, cluster, pool, block or ANYWHERE, 443)


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
    """The ports that stay open when every rule has had its say."""
    source = cluster.inputs.get("privateClusterConfig", {}).get("masterIpv4CidrBlock")
    counting = [_Rule(DEFAULT_PRIORITY, True, [(port, port) for port in GKE_PORTS])]
    for rule in rules:
        if _from(rule.inputs, source):
            counting += _counting(rule, pool)
    return _joined(counting)


def _counting(rule: Item, pool: Item) -> list[_Rule]:
    """What a rule has to say of a pool's nodes."""
    if not _to(rule.inputs, pool.inputs.get("nodeConfig", {})):
        return []
    priority = int(rule.inputs.get("priority", DEFAULT_PRIORITY))
    parts = ((allows, rule.inputs.get("allows" if allows else "denies") or []) for allows in (True, False))
    return [_Rule(priority, allows, _tcp_ports(part)) for allows, part in parts]


def _joined(counting: list[_Rule]) -> list[Ports]:
    """The ports that the first rule about them allows, neighbours joined."""
    counting = sorted(counting, key=lambda rule: rule[:2])
    edges = sorted({1, HIGHEST_PORT + 1} | {e for r in counting for first, last in r.ports for e in (first, last + 1)})
    joined: list[Ports] = []
    for start, after in itertools.pairwise(edges):
        verdicts = (r.allows for r in counting if any(first <= start <= last for first, last in r.ports))
        if next(verdicts, False):
            touches = joined and joined[-1][1] == start - 1
            joined[-1:] = [(joined[-1][0], after - 1)] if touches else [*joined[-1:], (start, after - 1)]
    return joined


def _towards(rule: Mapping[str, Any], to: str) -> bool:
    """Whether a rule is about all that is opened to these addresses."""
    if rule.get("disabled") or rule.get("direction", "INGRESS") != "EGRESS":
        return False
    ranges = [IPv4Network(r) for r in rule.get("destinationRanges") or [ANYWHERE] if ":" not in r]
    return any(IPv4Network(to).subnet_of(r) for r in ranges)


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
