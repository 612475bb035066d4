"""What the simulated Google Cloud refuses of machines, disks and node pools."""

from typing import Any

import pytest

from infra.google.pools import SYSCTLS
from sandbox.clouds import google_nodes
from sandbox.clouds.google_kinds import POOL
from sandbox.clouds.inventory import CloudError
from tests.support.google_project import Project


@pytest.mark.parametrize(
    ("kind", "zone"),
    [
        ("n9-standard-4", "europe-west4-a"),
        ("e2-standard-5", "europe-west4-a"),
        ("e2-standard-4", "us-south1-ai1b"),  # a zone of AI
        ("ct6e-standard-4t", "europe-west4-b"),
    ],
)
def test_machine_that_a_zone_does_not_have_is_refused(with_cluster: Project, kind: str, zone: str) -> None:
    with pytest.raises(CloudError) as refusal:
        with_cluster.pool(nodeLocations=[zone], nodeConfig={"machineType": kind})
    assert str(refusal.value) == f'googleapi: Error 400: Invalid machine type "{kind}" in zone "{zone}": GCE_NOT_FOUND'


def test_machine_is_refused_in_an_update_too(with_cluster: Project) -> None:
    with_cluster.pool(nodeConfig={"machineType": "e2-standard-4"})
    [pool] = with_cluster.google.inventory.find(POOL)
    with pytest.raises(CloudError, match="n9-standard-4"):
        with_cluster.google.update(
            with_cluster.call(POOL), pool.id, {**pool.inputs, "nodeConfig": {"machineType": "n9-standard-4"}}
        )


def test_unknown_zone_of_a_pool_is_refused(with_cluster: Project) -> None:
    with pytest.raises(CloudError, match='Location "europe-west4-z" does not exist'):
        with_cluster.pool(nodeLocations=["europe-west4-z"])


def test_boot_disk_smaller_than_the_image_is_refused(with_cluster: Project) -> None:
    with pytest.raises(
        CloudError, match=r"diskSizeGb': '10'\. Disk cannot be smaller than the chosen image .*12\.0 GB"
    ):
        with_cluster.pool(nodeConfig={"machineType": "ct6e-standard-4t", "diskSizeGb": 10})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"diskSizeGb": 65537}, "diskSizeGb': '65537'"),
        ({"diskType": "pd-fast"}, "diskType': 'pd-fast'. The referenced diskType resource cannot be found."),
        ({"machineType": "n4-standard-4", "diskType": "pd-balanced"}, "[pd-balanced, n4-standard-4] features are not"),
        ({"machineType": "ct6e-standard-4t", "diskType": "pd-ssd"}, "[pd-ssd, ct6e-standard-4t] features are not"),
    ],
)
def test_boot_disk_that_the_machine_cannot_have_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(CloudError) as refusal:
        google_nodes.refuse_nodes(config, ["europe-west4-a"])
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "disk"), [("e2-standard-4", "pd-balanced"), ("ct6e-standard-4t", "hyperdisk-balanced")]
)
def test_boot_disk_is_by_default_one_that_the_machine_has(with_cluster: Project, kind: str, disk: str) -> None:
    config = with_cluster.pool(nodeConfig={"machineType": kind})["nodeConfig"]
    assert (config["diskType"], config["diskSizeGb"]) == (disk, 100)


FLEX: dict[str, Any] = {
    "management": {"autoRepair": False},
    "nodeConfig": {"machineType": "ct6e-standard-4t", "flexStart": True, "maxRunDuration": "604800s"},
}
RESERVATION = {"consumeReservationType": "SPECIFIC_RESERVATION", "key": "k", "values": ["r"]}


def flex(**config: Any) -> dict[str, Any]:
    return {**FLEX, "nodeConfig": {**FLEX["nodeConfig"], **config}}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (flex(spot=True), "Flex start node pools don't support Spot"),
        (flex(reservationAffinity=RESERVATION), "Flex start node pools don't support reservations"),
        (flex(maxRunDuration="604801s"), "live for 604800s at most"),
        ({**FLEX, "management": {"autoRepair": True}}, "don't support auto repair"),
        ({**FLEX, "initialNodeCount": 1}, "don't support static nodes"),
        ({**FLEX, "upgradeSettings": {"strategy": "SURGE"}}, "upgrade strategies but SHORT_LIVED"),
        ({**FLEX, "upgradeSettings": {"strategy": "SHORT_LIVED"}}, "got SHORT_LIVED"),
        ({**FLEX, "queuedProvisioning": {"enabled": True}}, "don't support TPUs with queued provisioning"),
        ({"nodeConfig": {"spot": True, "reservationAffinity": RESERVATION}}, "Spot VMs cannot consume a reservation"),
        ({"nodeConfig": {"spot": True, "preemptible": True}}, "spot and preemptible"),
        (
            {"nodeConfig": {"reservationAffinity": {"consumeReservationType": "SPECIFIC_RESERVATION"}}},
            "needs the key and the values",
        ),
        (
            {"nodeConfig": {"machineType": "ct6e-standard-4t"}, "placementPolicy": {"tpuTopology": "2x2"}},
            "is not allowed on single-host ct6e-standard-4t",
        ),
        (
            {"nodeConfig": {"machineType": "ct6e-standard-4t", "guestAccelerators": [{"type": "t4", "count": 1}]}},
            "accelerators cannot be attached to the TPU machine type ct6e-standard-4t",
        ),
        ({"placementPolicy": {"tpuTopology": "2x2"}}, "is not allowed on e2-medium, which has no TPU"),
        ({"autoscaling": {"totalMinNodeCount": 2, "totalMaxNodeCount": 1}}, "is greater than totalMaxNodeCount"),
        ({"autoscaling": {"totalMaxNodeCount": 1, "maxNodeCount": 1}}, "all zones together"),
        ({"nodeConfig": {"linuxNodeConfig": {"sysctls": {"vm.swappiness": "1"}}}}, '"vm.swappiness" is not supported'),
        ({"nodeConfig": {"linuxNodeConfig": {"sysctls": {"vm.max_map_count": "65530"}}}}, 'cannot be "65530"'),
    ],
)
def test_parts_of_a_pool_that_do_not_go_together_are_refused(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(CloudError) as refusal:
        google_nodes.refuse_pool(inputs, ["europe-west4-a"])
    assert message in str(refusal.value)
    assert str(refusal.value).startswith("googleapi: Error 400: ")


@pytest.mark.parametrize("inputs", [FLEX, {"nodeConfig": {"linuxNodeConfig": {"sysctls": SYSCTLS}}}])
def test_parts_of_a_pool_that_go_together_are_taken(inputs: dict[str, Any]) -> None:
    google_nodes.refuse_pool(inputs, ["europe-west4-a"])
