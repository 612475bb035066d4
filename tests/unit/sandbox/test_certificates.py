"""What simulated cert-manager refuses, in cert-manager's words."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.clouds import certificates
from sandbox.clouds.inventory import CloudError, Inventory, Item
from sandbox.clouds.kubernetes_cluster import Cluster
from sandbox.clouds.kubernetes_kinds import CERTIFICATE, CERTIFICATE_REQUEST, ISSUER, SECRET


class Bare(Cluster):
    """A cluster with nothing in it, made without a simulated Google Cloud."""

    def __init__(self, path: Path) -> None:
        self.inventory, self.host = Inventory(path / "inventory.json"), "c"

    def add(self, kind: str, name: str, spec: dict[str, Any], *, waits: bool = True) -> Item:
        """An object that is there once it is Ready; one that is `waits` for raises."""
        annotations = {"pulumi.com/waitFor": "condition=Ready"} if waits else {}
        metadata = {"name": name, "namespace": "n", "annotations": annotations}
        item = Item("kubernetes", kind, self.scope("n"), name, f"n/{name}", {"metadata": metadata, "spec": spec})
        certificates.settle(self, item)
        self.inventory.record("create", item)
        return item


@pytest.fixture
def cluster(tmp_path: Path) -> Bare:
    """With an issuer that signs itself."""
    bare = Bare(tmp_path)
    bare.add(ISSUER, "own", {"selfSigned": {}})
    return bare


def by(issuer: str, kind: str = "Issuer") -> dict[str, Any]:
    return {"secretName": "s", "issuerRef": {"kind": kind, "name": issuer}, "dnsNames": ["a.b"]}


ACME = {"solvers": [{"http01": {"gatewayHTTPRoute": {"parentRefs": [{"name": "g", "sectionName": "http"}]}}}]}


@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        (CERTIFICATE, by("none"), 'Referenced "Issuer" not found: issuer.cert-manager.io "none" not found'),
        (
            CERTIFICATE,
            by("own", "ClusterIssuer"),
            'Referenced "ClusterIssuer" not found: clusterissuer.cert-manager.io',
        ),
        (CERTIFICATE_REQUEST, by("none"), 'Referenced "Issuer" not found'),
        (ISSUER, {"ca": {"secretName": "none"}}, 'Error getting keypair for CA issuer: secrets "none" not found'),
        (ISSUER, {"acme": ACME}, "gateway api is not enabled"),
        (ISSUER, {"vault": {}}, "the sandbox simulates no Issuer of type vault"),
    ],
)
def test_what_cannot_be_signed_is_told(cluster: Bare, kind: str, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(CloudError, match=words):
        cluster.add(kind, "x", spec)
    assert not cluster.find(SECRET)


def test_secret_of_no_authority_signs_nothing(cluster: Bare) -> None:
    cluster.add(CERTIFICATE, "leaf", by("own"))
    with pytest.raises(CloudError, match="certificate is not a CA"):
        cluster.add(ISSUER, "by-leaf", {"ca": {"secretName": "s"}})


def test_issuer_that_is_not_ready_signs_nothing(cluster: Bare) -> None:
    cluster.add(ISSUER, "later", {"ca": {"secretName": "none"}}, waits=False)
    item = cluster.add(CERTIFICATE, "x", by("later"), waits=False)
    [ready] = item.computed["status"]["conditions"]
    assert (ready["status"], ready["message"]) == ("False", "Referenced issuer does not have a Ready status condition")
