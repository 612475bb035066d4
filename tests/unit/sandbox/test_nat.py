"""Which hosts the nodes reach: NAT, Private Google Access, public addresses."""

from typing import Any

import pytest

from sandbox.clouds import nat
from sandbox.clouds.google_kinds import FIREWALL, NAT, NETWORK, ROUTER
from sandbox.clouds.inventory import Item
from tests.support.program import Declared
from tests.support.vpc import SYSTEM, cluster, item, network, pool, subnet

HUB, GOOGLES = "registry-1.docker.io", "us-docker.pkg.dev"


def test_the_programs_own_gateway_leads_out(dev: Declared) -> None:
    ours = item(NAT, "ours", {**dev.one(NAT).inputs, "router": "r"})
    assert reached(router(region=ours.props["region"]), ours, region=ours.props["region"])


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


def test_a_firewall_that_denies_https_ends_the_way_out() -> None:
    def egress(action: str, priority: int, *ports: str) -> Item:
        rule = {"network": "vpc", "direction": "EGRESS", "priority": priority}
        return item(FIREWALL, action, {**rule, action: [{"protocol": "tcp", "ports": list(ports)}]})

    assert not reached(router(), gateway(), egress("denies", 65534))
    assert not reached(router(), gateway(), egress("denies", 65534), host=GOOGLES, privateIpGoogleAccess=True)
    assert not reached(router(), gateway(), egress("denies", 65534), egress("allows", 1000, "80"))
    assert reached(router(), gateway(), egress("denies", 65534), egress("allows", 1000, "443"))
