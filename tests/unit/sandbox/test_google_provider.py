"""What the official provider replaces, and what it takes for the same."""

from typing import Any

import pytest

from sandbox.clouds import google_provider
from sandbox.clouds.google_kinds import BUCKET, CLUSTER, FIREWALL, KINDS, MEMBER, POOL, SUBNET
from tests.support.google_project import Project

URL = "https://www.googleapis.com/compute/v1/projects/p/global/networks/net"


def test_every_simulated_type_has_its_row_with_its_source() -> None:
    for kind in KINDS:
        assert google_provider.rules(kind).source.startswith(("google/", "google-beta/")), kind


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (CLUSTER, "networkingMode"),
        (CLUSTER, "privateClusterConfig.masterIpv4CidrBlock"),
        (CLUSTER, "nodeConfig.serviceAccount"),
        (POOL, "nodeConfig.oauthScopes[0]"),
        (POOL, "nodeConfig.shieldedInstanceConfig.enableSecureBoot"),
        (POOL, "nodeConfig.advancedMachineFeatures"),
        (POOL, 'nodeConfig.metadata["a.b"]'),
        (POOL, "nodeConfig.reservationAffinity"),
        (FIREWALL, "direction"),
        (MEMBER, "condition.expression"),
    ],
)
def test_change_replaces(kind: str, path: str) -> None:
    assert google_provider.forces(kind, path)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (POOL, "nodeConfig.machineType"),
        (POOL, "nodeConfig.diskSizeGb"),
        (POOL, "nodeConfig.linuxNodeConfig"),
        (POOL, "nodeLocations[1]"),
        (FIREWALL, "network"),
        (FIREWALL, "sourceRanges[0]"),
        (SUBNET, "ipCidrRange"),
        (SUBNET, "secondaryIpRanges[0].ipCidrRange"),
        (CLUSTER, "privateClusterConfig.enablePrivateEndpoint"),
    ],
)
def test_change_does_not_replace(kind: str, path: str) -> None:
    assert not google_provider.forces(kind, path)


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        ("10.0.0.0/20", "10.0.0.0/21", True),
        ("10.0.0.0/20", "10.0.16.0/20", True),
        ("10.0.16.0/20", "10.0.0.0/19", False),
        ("10.0.0.0/20", "10.0.0.0/20", False),
    ],
)
def test_range_that_loses_an_address_replaces_its_subnet(project: Project, old: str, new: str, replaced: bool) -> None:
    state = project.subnet(old)
    [subnet] = project.google.inventory.find(SUBNET)
    found = project.google.drift(project.call(SUBNET, state), subnet.id, project.subnet(new))
    assert found == (["__meta"] if replaced else [])
    assert google_provider.forces(SUBNET, "__meta")


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        (SUBNET, {"network": URL}, {"network": "projects/p/global/networks/net"}),
        (SUBNET, {"network": URL}, {"network": "net"}),
        (BUCKET, {"location": "EU"}, {"location": "eu"}),
        (POOL, {"nodeConfig": {"machineType": "e2-standard-4"}}, {"nodeConfig": {}}),  # Optional and Computed
    ],
)
def test_other_form_of_the_same_is_no_change(kind: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    assert google_provider.unchanged(kind, old, new) == old


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        (SUBNET, {"network": URL}, {"network": "projects/p/global/networks/other"}),
        (SUBNET, {"network": URL}, {"network": "et"}),
        (BUCKET, {"location": "EU"}, {"location": "us"}),
        (POOL, {"nodeConfig": {"spot": True}}, {"nodeConfig": {}}),
    ],
)
def test_another_value_is_a_change(kind: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    assert google_provider.unchanged(kind, old, new) == new
