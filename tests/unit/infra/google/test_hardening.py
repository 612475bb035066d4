"""What a hardened cluster has that others have not, and what a cluster that is not hardened any more is told."""

import pytest

from tests.support.dependencies import needs
from tests.support.program import UNKNOWN, Declared, Run, gke
from tests.support.project import protected


@pytest.fixture
def hardened(run: Run) -> Declared:
    """The dev stack with a hardened cluster."""
    return run(hardenedCluster=True)


def test_nobody_without_a_name_gets_in(hardened: Declared) -> None:
    assert gke(hardened)["anonymousAuthenticationConfig"] == {"mode": "LIMITED"}
    assert gke(hardened)["rbacBindingConfig"] == {
        "enableInsecureBindingSystemAuthenticated": False,
        "enableInsecureBindingSystemUnauthenticated": False,
    }


def test_images_are_admitted_by_the_projects_policy_and_findings_are_shown(hardened: Declared) -> None:
    assert gke(hardened)["binaryAuthorization"] == {"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"}
    assert gke(hardened)["securityPostureConfig"] == {"mode": "BASIC"}


def test_control_plane_and_network_are_logged(hardened: Declared) -> None:
    assert set(gke(hardened)["loggingConfig"]["enableComponents"]) == {
        *("SYSTEM_COMPONENTS", "WORKLOADS"),
        *("APISERVER", "SCHEDULER", "CONTROLLER_MANAGER"),
    }
    assert gke(hardened)["enableIntranodeVisibility"] is True
    assert hardened.one(":Subnetwork").inputs["logConfig"] == {
        "aggregationInterval": "INTERVAL_10_MIN",
        "flowSampling": 0.5,
        "metadata": "INCLUDE_ALL_METADATA",
    }
    assert hardened.one(":RouterNat").inputs["logConfig"] == {"enable": True, "filter": "ALL"}


def test_control_plane_has_no_addresses_and_is_told_nothing_about_who_may_use_them(hardened: Declared) -> None:
    assert gke(hardened)["controlPlaneEndpointsConfig"] == {
        "dnsEndpointConfig": {"allowExternalTraffic": True},
        "ipEndpointsConfig": {"enabled": False},
    }
    assert gke(hardened)["privateClusterConfig"] == {
        "enablePrivateNodes": True,
        "enablePrivateEndpoint": True,  # what GKE reads back then
        "masterIpv4CidrBlock": "172.16.0.0/28",
    }
    assert "masterAuthorizedNetworksConfig" not in gke(hardened)


def test_no_node_has_the_kubelets_open_port(hardened: Declared) -> None:
    configs = [gke(hardened)["nodeConfig"], *(pool.inputs["nodeConfig"] for pool in hardened.all(":NodePool"))]
    assert len(configs) == 3
    for config in configs:
        assert config["kubeletConfig"] == {"insecureKubeletReadonlyPortEnabled": "FALSE"}


def test_apis_that_it_needs_are_on(hardened: Declared, dev: Declared) -> None:
    def apis(declared: Declared) -> set[str]:
        return {a.inputs["service"] for a in declared.all("projects/service:Service")}

    assert apis(hardened) - apis(dev) == {
        f"{name}.googleapis.com" for name in ("binaryauthorization", "cloudkms", "containersecurity")
    }


# Its key


def test_secrets_are_encrypted_with_a_key_of_the_clusters_region(hardened: Declared, phase: str) -> None:
    ring, key = hardened.one(":KeyRing"), hardened.one(":CryptoKey")
    assert ring.inputs["location"] == "europe-west4"
    assert key.inputs["keyRing"] == (UNKNOWN if phase == "preview" else "tpu-inference-id")
    assert key.inputs["rotationPeriod"] == "7776000s"
    name = UNKNOWN if phase == "preview" else "tpu-inference-id"
    assert gke(hardened)["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": name}


def test_gke_may_use_that_key_alone_before_the_cluster_is_made(hardened: Declared, phase: str) -> None:
    agent, grant = hardened.one(":ServiceIdentity"), hardened.one(":CryptoKeyIAMMember")
    assert agent.inputs == {"project": "my-project", "service": "container.googleapis.com"}
    assert grant.inputs["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    robot = "serviceAccount:service-1@container-engine-robot.iam.gserviceaccount.com"
    assert grant.inputs["member"] == (UNKNOWN if phase == "preview" else robot)
    assert "CryptoKeyIAMMember gke" in needs(hardened, hardened.one("container/cluster:Cluster"))


def test_names_of_ring_and_key_are_made_up_as_they_can_never_be_used_again(hardened: Declared) -> None:
    for kind in (":KeyRing", ":CryptoKey"):
        assert "name" not in hardened.one(kind).inputs


@pytest.mark.parametrize("protect", [True, False])
def test_key_of_a_protected_stack_is_protected(run: Run, protect: bool) -> None:
    declared = run(hardenedCluster=True, **(protected() if protect else {}))
    for kind in (":KeyRing", ":CryptoKey"):
        assert declared.one(kind).request.protect is protect


def test_key_of_the_user_is_used_and_left_alone(run: Run) -> None:
    key = "projects/my-keys/locations/europe-west4/keyRings/main/cryptoKeys/gke"
    declared = run(hardenedCluster=True, kmsKey=key)
    assert gke(declared)["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": key}
    assert not [r.name for r in declared if r.type.startswith("gcp:kms/") or r.type.endswith(":ServiceIdentity")]


# Not hardened, or not any more


def test_cluster_that_was_hardened_is_told_to_do_without_the_key_and_with_addresses(dev: Declared) -> None:
    assert gke(dev)["databaseEncryption"] == {"state": "DECRYPTED"}
    assert gke(dev)["controlPlaneEndpointsConfig"]["ipEndpointsConfig"] == {"enabled": True}


def test_nothing_else_is_said_of_a_cluster_that_is_not_hardened(dev: Declared, hardened: Declared) -> None:
    of_hardening = {
        *("anonymousAuthenticationConfig", "rbacBindingConfig", "binaryAuthorization", "securityPostureConfig"),
        *("loggingConfig", "enableIntranodeVisibility"),
    }
    assert gke(hardened).keys() - gke(dev).keys() == of_hardening
    assert "logConfig" not in dev.one(":Subnetwork").inputs
    assert "logConfig" not in dev.one(":RouterNat").inputs
    for pool in dev.all(":NodePool"):
        assert "kubeletConfig" not in pool.inputs["nodeConfig"]
