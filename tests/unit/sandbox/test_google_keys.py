"""Service agents, keys, and what GKE encrypts with them."""

from typing import Any

import pytest

from sandbox.clouds import google_provider
from sandbox.clouds.google_kinds import CLUSTER, KEY, KEY_MEMBER, KEY_RING, SERVICE, SERVICE_IDENTITY
from sandbox.clouds.inventory import CloudError, Inventory
from tests.support.google_project import Project

RING = "projects/p/locations/europe-west4/keyRings/ring"
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


def agent(project: Project) -> dict[str, Any]:
    return project.create(SERVICE_IDENTITY, service="container.googleapis.com")


def key(project: Project, location: str = "europe-west4") -> str:
    """The name of a new key."""
    project.create(SERVICE, service="cloudkms.googleapis.com")
    project.create(KEY_RING, name="ring", location=location)
    project.create(KEY, name="key", keyRing=RING.replace("europe-west4", location))
    return f"{RING.replace('europe-west4', location)}/cryptoKeys/key"


def encrypted(name: str) -> dict[str, Any]:
    return {"databaseEncryption": {"state": "ENCRYPTED", "keyName": name}}


# Agents


def test_agent_is_the_same_one_however_often_it_is_asked_for(project: Project) -> None:
    first = agent(project)
    assert first["member"] == f"serviceAccount:{first['email']}"
    assert first["email"].endswith("@container-engine-robot.iam.gserviceaccount.com")
    assert agent(project) == first


def test_service_without_an_agent_gives_none(project: Project) -> None:
    assert "member" not in project.create(SERVICE_IDENTITY, service="compute.googleapis.com")


def test_agent_is_given_roles_once_it_is_there(project: Project) -> None:
    name = key(project)
    with pytest.raises(CloudError, match="does not exist"):
        project.create(KEY_MEMBER, cryptoKeyId=name, role=USE, member="serviceAccount:service-1@example.com")
    project.create(KEY_MEMBER, cryptoKeyId=name, role=USE, member=agent(project)["member"])


def test_agent_is_remembered_and_is_nothing_that_is_left(project: Project) -> None:
    before = project.google.inventory.find()
    email = agent(project)["email"]
    assert Inventory(project.google.inventory.path).agents == {email}
    assert project.google.inventory.find() == before


def test_provider_reads_nothing_of_an_agent(project: Project) -> None:
    known = {"service": "container.googleapis.com"}
    assert project.google.read(project.call(SERVICE_IDENTITY, known), "projects/p/services/x") == known


# Keys


def test_cluster_is_encrypted_with_a_key_that_gke_may_use(project: Project) -> None:
    name = key(project)
    project.create(KEY_MEMBER, cryptoKeyId=name, role=USE, member=agent(project)["member"])
    assert project.cluster(**encrypted(name))["databaseEncryption"]["keyName"] == name


def test_key_that_gke_may_not_use_is_refused(project: Project) -> None:
    name = key(project)
    with pytest.raises(CloudError, match=r"has no permission cloudkms\.cryptoKeyVersions\.useToEncrypt"):
        project.cluster(**encrypted(name))
    member = agent(project)["member"]
    project.create(KEY_MEMBER, cryptoKeyId=name, role="roles/cloudkms.viewer", member=member)
    with pytest.raises(CloudError, match="has no permission"):
        project.cluster(**encrypted(name))


def test_key_that_does_not_exist_is_refused(project: Project) -> None:
    with pytest.raises(CloudError, match="was not found"):
        project.cluster(**encrypted(f"{RING}/cryptoKeys/key"))


def test_key_of_another_place_is_refused(project: Project) -> None:
    name = key(project, "us-east5")
    project.create(KEY_MEMBER, cryptoKeyId=name, role=USE, member=agent(project)["member"])
    with pytest.raises(CloudError, match="is not in the location of the cluster"):
        project.cluster(**encrypted(name))


def test_both_words_for_a_cluster_with_a_key_are_the_same() -> None:
    read = google_provider.read_back(CLUSTER, encrypted("k"))
    assert read["databaseEncryption"] == {"state": "ALL_OBJECTS_ENCRYPTION_ENABLED", "keyName": "k"}
    assert google_provider.unchanged(CLUSTER, read, encrypted("k"))["databaseEncryption"] == read["databaseEncryption"]
    off = {"databaseEncryption": {"state": "DECRYPTED"}}
    assert google_provider.unchanged(CLUSTER, read, off)["databaseEncryption"] == {"state": "DECRYPTED"}


# What else a cluster is told


def test_binary_authorization_takes_its_api(project: Project) -> None:
    asks = {"binaryAuthorization": {"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"}}
    with pytest.raises(CloudError, match="Binary Authorization API is not enabled"):
        project.cluster(**asks)
    project.cluster(binaryAuthorization={"evaluationMode": "DISABLED"})
    project.create(SERVICE, service="binaryauthorization.googleapis.com")
    project.cluster(name="other", **asks)


def test_control_plane_without_addresses_is_read_back_as_private_and_without_callers(project: Project) -> None:
    told = {"privateClusterConfig": {"enablePrivateEndpoint": False}, "masterAuthorizedNetworksConfig": {}}
    off = project.cluster(**told, controlPlaneEndpointsConfig={"ipEndpointsConfig": {"enabled": False}})
    assert off["privateClusterConfig"]["enablePrivateEndpoint"] is True
    assert "masterAuthorizedNetworksConfig" not in off
    on = project.cluster(name="other", **told, controlPlaneEndpointsConfig={"ipEndpointsConfig": {"enabled": True}})
    assert on["privateClusterConfig"]["enablePrivateEndpoint"] is False
    assert "masterAuthorizedNetworksConfig" in on


# What others have made


def test_key_of_others_is_used_in_its_region_and_they_have_granted_it(project: Project) -> None:
    name = f"{RING}/cryptoKeys/theirs"
    with pytest.raises(CloudError, match="was not found"):
        project.cluster(**encrypted(name))
    project.google.inventory.outside |= {name, name.replace("europe-west4", "us-east5")}
    with pytest.raises(CloudError, match="is not in the location"):
        project.cluster(**encrypted(name.replace("europe-west4", "us-east5")))
    assert project.cluster(**encrypted(name))["databaseEncryption"]["keyName"] == name


def test_account_of_others_is_there(project: Project) -> None:
    nodes = {"nodeConfig": {"serviceAccount": "theirs@p.iam.gserviceaccount.com"}}
    with pytest.raises(CloudError, match=r"theirs@p\.iam\.gserviceaccount\.com does not exist"):
        project.cluster(**nodes)
    project.google.inventory.outside.add("theirs@p.iam.gserviceaccount.com")
    assert project.cluster(**nodes)["nodeConfig"] == nodes["nodeConfig"]
