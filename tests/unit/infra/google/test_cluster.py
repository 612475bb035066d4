"""The cluster, its system nodes, and the provider of all that is in it."""

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from tests.support.dependencies import needs
from tests.support.program import UNKNOWN, Declared, Run, gke
from tests.support.project import protected


def test_network_policy_can_be_enforced_later_without_new_node_pools(dev: Declared) -> None:
    assert gke(dev)["datapathProvider"] == "ADVANCED_DATAPATH"


def test_gke_owns_the_standard_gateway_api_crds(dev: Declared) -> None:
    assert gke(dev)["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}


def test_what_is_read_back_of_the_default_pool_replaces_no_cluster(dev: Declared) -> None:
    assert list(dev.one("container/cluster:Cluster").request.ignoreChanges) == ["nodeConfig"]


def test_version_is_the_channels_unless_set(run: Run) -> None:
    assert "minMasterVersion" not in gke(run())
    assert gke(run(gkeVersion="1.34.1-gke.1000"))["minMasterVersion"] == "1.34.1-gke.1000"
    assert gke(run(releaseChannel="STABLE"))["releaseChannel"] == {"channel": "STABLE"}


def test_control_plane_has_no_open_public_address(run: Run) -> None:
    closed = gke(run())["masterAuthorizedNetworksConfig"]
    assert (closed.get("cidrBlocks", []), closed["gcpPublicCidrsAccessEnabled"]) == ([], False)
    opened = gke(run(authorizedNetworks=["192.0.2.0/24"]))["masterAuthorizedNetworksConfig"]
    assert opened["cidrBlocks"] == [{"cidrBlock": "192.0.2.0/24"}]


def test_cluster_is_regional_when_location_is_a_region(run: Run) -> None:
    declared = run(location="us-east5", tpuZones=["us-east5-a", "us-east5-b"])
    assert gke(declared)["location"] == "us-east5"
    assert declared.one(":NodePool", "tpu").inputs["nodeLocations"] == ["us-east5-a", "us-east5-b"]
    assert declared.one(":Subnetwork").inputs["region"] == "us-east5"


def test_system_pool_is_autoscaled_and_its_size_now_replaces_nothing(run: Run) -> None:
    pool = run(systemMinNodes=2, systemMaxNodes=5, systemMachineType="n2-standard-8").one(":NodePool", "system")
    assert pool.inputs["autoscaling"] == {
        "totalMinNodeCount": 2,
        "totalMaxNodeCount": 5,
        "locationPolicy": "BALANCED",
    }
    assert pool.inputs["nodeConfig"]["machineType"] == "n2-standard-8"
    assert "initialNodeCount" in pool.request.ignoreChanges


def test_a_replaced_cluster_takes_every_object_along_without_the_provider_asking_for_it(dev: Declared) -> None:
    provider = dev.one("pulumi:providers:kubernetes")
    assert list(provider.request.replaceOnChanges) == ["kubeconfig"]
    assert provider.inputs["clusterIdentifier"] == "tpu-inference"


def test_every_object_notices_that_its_cluster_was_lost(dev: Declared, phase: str) -> None:
    objects = [r for r in dev if r.type.startswith("kubernetes:")]
    assert len(objects) >= 13
    for resource in objects:
        trigger: Any = MessageToDict(resource.request.replacement_trigger)
        noticed = trigger if isinstance(trigger, list) else [trigger]  # the cluster, and what else there is to notice
        assert noticed[0] == (UNKNOWN if phase == "preview" else "tpu-inference-id"), resource.name


def test_a_new_cluster_or_subnet_comes_after_the_old_one(dev: Declared) -> None:
    for kind in ("container/cluster:Cluster", ":Subnetwork"):
        assert dev.one(kind).request.deleteBeforeReplace is True
    assert list(dev.one(":Subnetwork").request.replaceOnChanges) == ["secondaryIpRanges"]


def test_every_kubernetes_object_waits_for_system_pool_nat_and_firewall(dev: Declared) -> None:
    objects = [r for r in dev if r.type.startswith("kubernetes:")]
    assert len(objects) >= 13
    for resource in objects:
        missing = {
            "NodePool system",
            "RouterNat tpu-inference",
            "Firewall tpu-inference-webhooks",
        } - needs(dev, resource)
        assert not missing, (resource.name, missing)


@pytest.mark.parametrize("protect", [True, False])
def test_protection_is_googles_and_pulumis_together(run: Run, protect: bool) -> None:
    declared = run(**(protected() if protect else {}))
    cluster = declared.one("container/cluster:Cluster")
    assert (cluster.inputs["deletionProtection"], cluster.request.protect) == (protect, protect)
    assert declared.one("compute/address:Address").request.protect is protect


def test_cluster_takes_pods_and_services_from_the_subnets_own_ranges(dev: Declared) -> None:
    pods, services = [r["rangeName"] for r in dev.one(":Subnetwork").inputs["secondaryIpRanges"]]
    assert gke(dev)["networkingMode"] == "VPC_NATIVE"
    assert gke(dev)["ipAllocationPolicy"] == {"clusterSecondaryRangeName": pods, "servicesSecondaryRangeName": services}


def test_control_plane_has_its_own_range_and_is_reached_by_the_dns_endpoint(run: Run) -> None:
    cluster = gke(run(controlPlaneCidr="172.20.0.16/28"))
    assert cluster["privateClusterConfig"] == {
        "enablePrivateNodes": True,
        "enablePrivateEndpoint": False,
        "masterIpv4CidrBlock": "172.20.0.16/28",
    }
    assert cluster["controlPlaneEndpointsConfig"]["dnsEndpointConfig"] == {"allowExternalTraffic": True}


def test_default_pool_lives_for_a_moment_only(dev: Declared) -> None:
    assert (gke(dev)["initialNodeCount"], gke(dev)["removeDefaultNodePool"]) == (1, True)


def test_a_zone_makes_a_zonal_cluster_with_its_pools_there(dev: Declared) -> None:
    assert gke(dev)["location"] == "europe-west4-a"
    assert {pool.inputs["location"] for pool in dev.all(":NodePool")} == {"europe-west4-a"}


def test_window_reaches_the_cluster_and_without_one_there_is_no_policy(run: Run) -> None:
    window = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU"}
    assert gke(run(maintenanceWindow=window))["maintenancePolicy"] == {
        "recurringWindow": {
            "startTime": window["start"],
            "endTime": window["end"],
            "recurrence": window["recurrence"],
        }
    }
    assert "maintenancePolicy" not in gke(run())
