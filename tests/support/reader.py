"""A reading of NetworkPolicies in a few lines, for tests that have no evaluator of others: the parts that ours use.

It is checked against that one, flow by flow, in `tests/cluster/test_isolation_policies.py`.
"""

from ipaddress import ip_address, ip_network
from typing import Any

from sandbox.cluster.flows import Flow

Json = dict[str, Any]


def _selects(selector: Json, labels: Json) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", []))


def _is(peer: Json, who: Json, home: str) -> bool:
    if block := peer.get("ipBlock"):
        address = ip_address(who["address"])
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(excepted) for excepted in block.get("except", [])
        )
    if "namespace" not in who or not _selects(peer["podSelector"], who["labels"]):
        return False
    where = peer.get("namespaceSelector")
    return _selects(where, who["namespaceLabels"]) if where else who["namespace"] == home


def _opens(rule: Json, end: str, who: Json, flow: Flow, home: str) -> bool:
    port = {"protocol": flow.protocol, "port": flow.port} in rule["ports"]
    return port and (end not in rule or any(_is(peer, who, home) for peer in rule[end]))


def passes(policies: list[Json], peers: dict[str, Json], flow: Flow) -> bool:
    """Whether the policies of both ends let a flow through."""
    source, destination = peers[flow.source], peers[flow.destination]
    for direction, end, here, there in (
        ("egress", "to", source, destination),
        ("ingress", "from", destination, source),
    ):
        homes = [p for p in policies if p["metadata"]["namespace"] == here.get("namespace")]
        held = [p for p in homes if _selects(p["spec"]["podSelector"], here["labels"])]
        rules = [rule for p in held for rule in p["spec"].get(direction, [])]
        if held and not any(_opens(rule, end, there, flow, here["namespace"]) for rule in rules):
            return False
    return True
