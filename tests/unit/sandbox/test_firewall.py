"""What the sandbox's control plane may open to Pods, and what its nodes reach, as the simulated VPC says."""

from typing import Any

import pytest

from infra.google.network import WEBHOOK_PORTS
from sandbox.clouds import nat
from sandbox.clouds.firewall import Flow, control_plane_flows
from sandbox.clouds.google_kinds import CLUSTER, FIREWALL, NAT, NETWORK, POOL, ROUTER, SUBNET
from sandbox.clouds.inventory import Item
from tests.support.program import Declared

RANGE = "172.16.0.0/28"
CLUSTER_ID = "projects/p/locations/us-east5-a/clusters/c"
SYSTEM = f"{CLUSTER_ID}/nodePools/system"
HUB, GOOGLES = "registry-1.docker.io", "us-docker.pkg.dev"


def item(kind: str, name: str, inputs: dict[str, Any], id_: str = "", scope: str = "") -> Item:
    return Item("gcp", kind, scope, name, id_ or f"{kind}/{name}", {"region": "us-east5", **inputs})


def network(**inputs: Any) -> Item:
    return item(NETWORK, "vpc", inputs)


def subnet(**inputs: Any) -> Item:
    return item(SUBNET, "nodes", {"network": "vpc", **inputs})


def cluster(**private: Any) -> Item:
    config = {"enablePrivateNodes": True, "masterIpv4CidrBlock": RANGE, **private}
    return item(CLUSTER, "c", {"network": "vpc", "subnetwork": "nodes", "privateClusterConfig": config}, CLUSTER_ID)


def pool(name: str = "system", **inputs: Any) -> Item:
    return item(POOL, name, inputs, f"{CLUSTER_ID}/nodePools/{name}", f"{CLUSTER_ID}/nodePools")


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


# The firewall


def test_the_programs_own_rule_opens_its_webhooks_and_no_more(dev: Declared) -> None:
    ours = item(FIREWALL, "ours", {**dev.one(FIREWALL).inputs, "network": "vpc"})
    config = dev.one(CLUSTER).inputs["privateClusterConfig"]
    flows = control_plane_flows([network(), cluster(**config), pool(), ours])
    ports = {443, 10250, *map(int, WEBHOOK_PORTS)}
    assert {(first, last) for _, first, last in flows or []} == {(port, port) for port in ports}


def test_the_programs_own_gateway_leads_out(dev: Declared) -> None:
    ours = item(NAT, "ours", {**dev.one(NAT).inputs, "router": "r"})
    assert reached(router(region=ours.props["region"]), ours, region=ours.props["region"])


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


# NAT


def gateway(**inputs: Any) -> Item:
    return item(NAT, "nat", {"router": "r", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES", **inputs})


def router(**inputs: Any) -> Item:
    return item(ROUTER, "r", {"network": "vpc", **inputs})


def reached(*more: Item, host: str = HUB, **of_subnet: Any) -> bool:
    return nat.reaches([network(), subnet(**of_subnet), cluster(), pool(), *more], SYSTEM, host)


def listed(*ranges: str, name: str = "nodes") -> dict[str, Any]:
    of_subnet = {"name": name, "sourceIpRangesToNats": list(ranges)}
    return {"sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS", "subnetworks": [of_subnet]}


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES"},
        listed("ALL_IP_RANGES"),
        listed("PRIMARY_IP_RANGE", "LIST_OF_SECONDARY_IP_RANGES"),
    ],
)
def test_a_gateway_for_the_nodes_range_leads_out(inputs: dict[str, Any]) -> None:
    assert reached(router(), gateway(**inputs))


@pytest.mark.parametrize(
    "inputs",
    [
        {"sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS"},
        {"sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS", "subnetworks": []},
        listed("LIST_OF_SECONDARY_IP_RANGES"),
        listed("ALL_IP_RANGES", name="others"),
        {"sourceSubnetworkIpRangesToNat": "UNKNOWN"},
        {"type": "PRIVATE"},
        {"router": "another"},
    ],
)
def test_a_gateway_for_others_does_not(inputs: dict[str, Any]) -> None:
    assert not reached(router(), gateway(**inputs))


def test_a_gateway_of_another_region_does_not() -> None:
    assert not reached(router(region="europe-west4"), gateway(region="europe-west4"))


def test_a_router_of_another_network_does_not() -> None:
    assert not reached(item(NETWORK, "another", {}), router(network="another"), gateway())


def test_without_a_gateway_private_google_access_leads_to_google_alone() -> None:
    assert reached(host=GOOGLES, privateIpGoogleAccess=True)
    assert reached(host="gcr.io", privateIpGoogleAccess=True)
    assert not reached(host=GOOGLES)
    assert not reached(host=HUB, privateIpGoogleAccess=True)
    assert not reached(host="notgcr.io", privateIpGoogleAccess=True)


def test_nodes_with_public_addresses_need_no_gateway() -> None:
    items = [network(), subnet(), cluster(), pool(networkConfig={"enablePrivateNodes": False})]
    assert nat.reaches(items, SYSTEM, HUB)


def test_no_way_out_without_a_default_route() -> None:
    items = [network(deleteDefaultRoutesOnCreate=True), subnet(), cluster(), pool(), router(), gateway()]
    assert not nat.reaches(items, SYSTEM, HUB)


@pytest.mark.parametrize(
    ("reference", "host", "full", "path"),
    [
        ("vllm/vllm-tpu:v0.27.0", HUB, "docker.io/vllm/vllm-tpu:v0.27.0", "vllm/vllm-tpu/manifests/v0.27.0"),
        ("busybox", HUB, "docker.io/library/busybox:latest", "library/busybox/manifests/latest"),
        ("quay.io/a/b:1", "quay.io", "quay.io/a/b:1", "a/b/manifests/1"),
        ("localhost:5000/a@sha256:12", "localhost:5000", "localhost:5000/a@sha256:12", "a/manifests/sha256:12"),
    ],
)
def test_a_registry_out_of_reach_is_told_in_containerds_words(reference: str, host: str, full: str, path: str) -> None:
    said = nat.timed_out(reference)
    assert said.startswith(f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": ')
    assert f'failed to do request: Head "https://{host}/v2/{path}": dial tcp ' in said
    assert said.endswith(": i/o timeout")


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("hf://Qwen/Qwen2.5-3B-Instruct", "huggingface.co"),
        ("gs://bucket/model", "storage.googleapis.com"),
        ("https://models.example.com:8443/m", "models.example.com"),
        ("pvc://claim/m", None),
    ],
)
def test_a_models_address_tells_which_host_is_asked(uri: str, host: str | None) -> None:
    assert nat.model_host(uri) == host
