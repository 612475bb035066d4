"""What the control plane may open to nodes: the firewall's rules."""

from typing import Any

import pytest

from infra.google.firewall import WEBHOOK_PORTS
from sandbox.clouds.firewall import Flow, control_plane_flows, lets_out, reaches_control_plane
from sandbox.clouds.google_kinds import CLUSTER, FIREWALL, NETWORK, POOL
from sandbox.clouds.inventory import Item
from tests.support.program import ADDRESS, UNKNOWN, Declared, Run
from tests.support.vpc import RANGE, SYSTEM, cluster, item, network, pool


def rule(name: str = "webhooks", ports: tuple[str, ...] = ("9443",), **inputs: Any) -> Item:
    allows = [{"protocol": "tcp", "ports": list(ports)}]
    return item(FIREWALL, name, {"network": "vpc", "sourceRanges": [RANGE], "allows": allows, **inputs})


def opened(*rules: Item, others: tuple[Item, ...] = ()) -> set[tuple[int, int]]:
    """The ports of the system pool's Pods."""
    flows = control_plane_flows([network(), *others, cluster(), pool(), *rules])
    assert flows is not None
    return {(first, last) for _, first, last in flows}


GKES = {(443, 443), (10250, 10250)}
WITH_RULE = GKES | {(9443, 9443)}


def test_the_programs_own_rule_opens_its_webhooks_and_no_more(dev: Declared) -> None:
    ours = item(FIREWALL, "ours", {**dev.one(FIREWALL).inputs, "network": "vpc"})
    config = dev.one(CLUSTER).inputs["privateClusterConfig"]
    nodes = pool(nodeConfig=dev.one(POOL, "system").inputs["nodeConfig"])
    flows = control_plane_flows([network(), cluster(**config), nodes, ours])
    ports = {443, 10250, *map(int, WEBHOOK_PORTS)}
    assert {(first, last) for _, first, last in flows or []} == {(port, port) for port in ports}


def test_without_a_cluster_nothing_is_said() -> None:
    assert control_plane_flows([network(), rule()]) is None


def test_a_cluster_without_pools_has_no_flows() -> None:
    assert control_plane_flows([network(), cluster(), rule()]) == []


def test_gke_opens_the_kubelet_and_https_alone() -> None:
    assert opened() == GKES


def test_nodes_with_public_addresses_are_reached_on_every_port() -> None:
    flows = control_plane_flows([network(), cluster(enablePrivateNodes=False), pool()])
    assert flows == [Flow(SYSTEM, 1, 65535)]


@pytest.mark.parametrize(
    "counts",
    [
        {},
        {"sourceRanges": ["172.16.0.0/12"]},
        {"sourceRanges": ["10.0.0.0/8", "0.0.0.0/0"]},
        {"sourceRanges": [], "direction": "INGRESS"},
        {"allows": [{"protocol": "6", "ports": ["9443"]}]},
        {"network": f"https://www.googleapis.com/compute/v1/{NETWORK}/vpc"},
        {"targetTags": ["system"]},
        {"targetServiceAccounts": ["nodes@p"]},
        {"priority": 65534},
    ],
)
def test_a_rule_counts(counts: dict[str, Any]) -> None:
    nodes = pool(nodeConfig={"tags": ["system"], "serviceAccount": "nodes@p"})
    flows = control_plane_flows([network(), cluster(), nodes, rule(**counts)])
    assert Flow(SYSTEM, 9443, 9443) in (flows or [])


@pytest.mark.parametrize(
    "counts",
    [
        {"sourceRanges": ["172.16.0.0/29"]},
        {"sourceRanges": ["10.0.0.0/8"]},
        {"sourceRanges": [], "sourceTags": ["bastion"]},
        {"sourceRanges": [], "sourceServiceAccounts": ["control@p"]},
        {"direction": "EGRESS"},
        {"disabled": True},
        {"allows": [{"protocol": "udp", "ports": ["9443"]}]},
        {"network": "another"},
        {"targetTags": ["others"]},
        {"targetServiceAccounts": ["others@p"]},
    ],
)
def test_a_rule_does_not_count(counts: dict[str, Any]) -> None:
    another = item(NETWORK, "another", {})
    assert opened(rule(**counts), others=(another,)) == GKES


def test_ranges_of_ports_are_joined() -> None:
    assert opened(rule(ports=("9000-9443", "9444", "15017"))) == GKES | {(9000, 9444), (15017, 15017)}


def test_a_protocol_without_ports_means_them_all() -> None:
    assert opened(rule(allows=[{"protocol": "tcp"}])) == {(1, 65535)}
    assert opened(rule(allows=[{"protocol": "all"}])) == {(1, 65535)}


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [(1000, 1000, GKES), (999, 1000, WITH_RULE), (1000, 999, GKES)],
)
def test_the_lower_number_decides_and_a_deny_at_equal_ones(
    allow: int, deny: int, expected: set[tuple[int, int]]
) -> None:
    denies = rule("no", allows=[], denies=[{"protocol": "tcp", "ports": ["9000-9999"]}], priority=deny)
    assert opened(rule(priority=allow), denies) == expected


def test_a_deny_closes_what_gke_opens() -> None:
    denies = rule("no", allows=[], denies=[{"protocol": "all"}], priority=10)
    assert opened(denies) == set()


def test_a_rule_for_some_nodes_opens_those_pools_alone() -> None:
    tagged = pool("tagged", nodeConfig={"tags": ["webhooks"]})
    flows = control_plane_flows([network(), cluster(), pool(), tagged, rule(targetTags=["webhooks"])])
    assert [flow.pool for flow in flows or [] if flow.first == 9443] == [tagged.id]


# What nodes open

INTERNET = "0.0.0.0/0"
NODES = pool(nodeConfig={"tags": ["system"], "serviceAccount": "nodes@p"})


def way(name: str = "out", ports: tuple[str, ...] = ("443",), priority: int = 1000, **inputs: Any) -> Item:
    allows = [{"protocol": "tcp", "ports": list(ports)}]
    given = {"network": "vpc", "direction": "EGRESS", "destinationRanges": [INTERNET], "allows": allows}
    return item(FIREWALL, name, {**given, "priority": priority, **inputs})


def closed(priority: int = 65534, **inputs: Any) -> Item:
    return way("no", priority=priority, allows=[], denies=[{"protocol": "all"}], **inputs)


def out(*rules: Item, to: str = INTERNET, port: int = 443) -> bool:
    return lets_out([network(), cluster(), NODES, *rules], cluster(), NODES, to, port)


def test_without_a_rule_everything_is_let_out() -> None:
    assert out()
    assert out(port=25)


def test_a_rule_that_denies_closes_what_no_rule_before_it_opens() -> None:
    assert not out(closed())
    assert out(closed(), way())
    assert not out(closed(), way(), port=25)
    assert not out(closed(priority=1000), way())
    assert out(closed(), way(ports=("400-500",)))


@pytest.mark.parametrize(
    "of_others",
    [
        {"direction": "INGRESS"},
        {"disabled": True},
        {"network": "another"},
        {"targetTags": ["others"]},
        {"targetServiceAccounts": ["others@p"]},
        {"destinationRanges": ["10.0.0.0/8"]},
    ],
)
def test_a_rule_about_something_else_neither_opens_nor_closes(of_others: dict[str, Any]) -> None:
    another = item(NETWORK, "another", {})
    assert out(another, closed(**of_others))
    assert not out(another, closed(), way(**of_others))


def test_a_rule_for_a_range_is_about_what_lies_in_it() -> None:
    into_the_vpc = way(allows=[{"protocol": "all"}], destinationRanges=["10.0.0.0/8", "fd00::/8"])
    assert out(closed(), into_the_vpc, to="10.4.0.0/14", port=8000)
    assert not out(closed(), into_the_vpc, to="172.16.0.0/28", port=8000)
    assert out(closed(destinationRanges=None), way(destinationRanges=None))


def hardened(run: Run) -> list[Item]:
    """The program's own rules of a hardened cluster, and the pool that they are about."""
    declared = run(hardenedCluster=True)
    ours = [item(FIREWALL, r.name, {**r.inputs, "network": "vpc"}) for r in declared.all(FIREWALL)]
    for rule in ours:  # a preview does not know the gateway's address yet
        rule.inputs["destinationRanges"] = [r for r in rule.inputs.get("destinationRanges", []) if r != UNKNOWN] or [
            f"{ADDRESS}/32"
        ]
    return [network(), cluster(), pool(nodeConfig=declared.one(POOL, "system").inputs["nodeConfig"]), *ours]


@pytest.mark.parametrize(
    ("to", "port", "expected"),
    [
        (INTERNET, 443, True),
        *((INTERNET, port, False) for port in (22, 25, 53, 80, 3306, 8080, 8132)),
        ("172.16.0.0/28", 443, True),
        ("172.16.0.0/28", 8132, True),
        ("172.16.0.0/28", 6443, False),
        ("10.4.0.0/14", 8000, True),
        ("10.0.0.0/20", 10250, True),
        ("192.168.0.0/16", 2049, False),
    ],
)
def test_a_hardened_clusters_own_rules_let_out(run: Run, to: str, port: int, expected: bool) -> None:
    items = hardened(run)
    assert lets_out(items, items[1], items[2], to, port) is expected


def test_nodes_reach_their_control_plane_unless_it_is_denied() -> None:
    def reached(*rules: Item, of: Item = cluster()) -> bool:  # noqa: B008 - never changed
        return reaches_control_plane([network(), of, NODES, *rules], of, NODES)

    assert reached()
    assert not reached(closed())
    assert reached(closed(), way(destinationRanges=[RANGE]))
    assert not reached(closed(), way(destinationRanges=[RANGE]), of=cluster(masterIpv4CidrBlock=None))
