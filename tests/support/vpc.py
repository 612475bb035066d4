"""A VPC with a cluster of one private pool, as the simulated Google Cloud has it."""

from typing import Any

from sandbox.clouds.google_kinds import CLUSTER, NETWORK, POOL, SUBNET
from sandbox.clouds.inventory import Item

RANGE = "172.16.0.0/28"
CLUSTER_ID = "projects/p/locations/us-east5-a/clusters/c"
SYSTEM = f"{CLUSTER_ID}/nodePools/system"


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
