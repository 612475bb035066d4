"""A project of the simulated Google Cloud, for tests of what it does."""

from pathlib import Path
from typing import Any

from sandbox.clouds.calls import Call
from sandbox.clouds.google import Google
from sandbox.clouds.google_kinds import CLUSTER, NETWORK, POOL, SERVICE, SUBNET
from sandbox.clouds.inventory import Inventory

APIS = ("artifactregistry", "compute", "container", "storage", "cloudresourcemanager", "iam")
RANGES = [
    {"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"},
    {"rangeName": "services", "ipCidrRange": "10.8.0.0/20"},
]


class Project:
    """A project `p` with the APIs on, a network `net` and a subnet in it."""

    def __init__(self, path: Path, **config: Any) -> None:
        self.google = Google(Inventory(path / "inventory.json"))
        self.config = {"project": "p", **config}
        for api in APIS:
            self.create(SERVICE, service=f"{api}.googleapis.com")
        self.create(NETWORK, name="net", autoCreateSubnetworks=False)
        self.create(SUBNET, name="sub", **self.subnet())

    def subnet(self, cidr: str = "10.0.0.0/20") -> dict[str, Any]:
        ranges = {"ipCidrRange": cidr, "secondaryIpRanges": RANGES}
        return {"network": "projects/p/global/networks/net", "region": "europe-west4", **ranges}

    def call(self, kind: str, state: dict[str, Any] | None = None) -> Call:
        return Call(kind, f"urn::{kind}::x", "x", self.config, state or {})

    def create(self, kind: str, **inputs: Any) -> dict[str, Any]:
        """The outputs of a new object."""
        return self.google.create(self.call(kind), inputs)[1]

    def cluster(self, **inputs: Any) -> dict[str, Any]:
        given = {"name": "c", "location": "europe-west4-a", "network": "net", "subnetwork": "sub"}
        return self.create(CLUSTER, **given | inputs)

    def pool(self, **inputs: Any) -> dict[str, Any]:
        place = "projects/p/locations/europe-west4-a/clusters/c"
        return self.create(POOL, **{"name": "pool", "cluster": place} | inputs)
