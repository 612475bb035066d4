"""Simulated Google Cloud: what it refuses, and that it answers as the official provider does."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap import trust
from infra.google.cluster import NODE_ROLE
from infra.google.pools import SYSCTLS
from infra.google.slices import KNOWN_ZONES, SLICES
from sandbox.clouds import google_machines, google_nodes, google_provider, google_rules
from sandbox.clouds.calls import Call
from sandbox.clouds.google import Google
from sandbox.clouds.google_kinds import (
    ACCOUNT,
    BUCKET,
    CLUSTER,
    FIREWALL,
    KINDS,
    MEMBER,
    NAT,
    NETWORK,
    POOL,
    ROUTER,
    SERVICE,
    SUBNET,
)
from sandbox.clouds.inventory import CloudError, Inventory
from tests.support.project import ROOT

APIS = ("compute", "container", "storage", "cloudresourcemanager", "iam")
RANGES = [
    {"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"},
    {"rangeName": "services", "ipCidrRange": "10.8.0.0/20"},
]
URL = "https://www.googleapis.com/compute/v1/projects/p/global/networks/net"


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


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def with_cluster(project: Project) -> Project:
    project.cluster()
    return project


# What nobody has is refused


def test_unknown_role_is_refused_as_iam_refuses_it(project: Project) -> None:
    email = project.create(ACCOUNT, accountId="nodes")["email"]
    with pytest.raises(CloudError) as refusal:
        project.create(MEMBER, project="p", role="roles/no.suchRole", member=f"serviceAccount:{email}")
    assert str(refusal.value) == (
        f'Request `Create IAM Members roles/no.suchRole serviceAccount:{email} for project "p"` returned error: Error '
        'applying IAM policy for project "p": Error setting IAM policy for project "p": googleapi: Error 400: Role '
        "roles/no.suchRole is not supported for this resource., badRequest"
    )


def test_every_role_that_we_grant_or_ask_for_is_known() -> None:
    ours = {NODE_ROLE, *trust.READ_ROLES, *trust.DEPLOY_ROLES, *trust.GRANTABLE}
    assert ours <= google_rules.roles()


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


@pytest.mark.parametrize("location", ["europe-west4-z", "europe-west99"])
def test_unknown_location_of_a_cluster_is_refused(project: Project, location: str) -> None:
    with pytest.raises(CloudError, match=f'Location "{location}" does not exist'):
        project.cluster(location=location)


def test_unknown_zone_of_a_pool_is_refused(with_cluster: Project) -> None:
    with pytest.raises(CloudError, match='Location "europe-west4-z" does not exist'):
        with_cluster.pool(nodeLocations=["europe-west4-z"])


def test_unknown_region_is_refused(project: Project) -> None:
    with pytest.raises(CloudError, match=r"'region': 'europe-west99'\. Unknown region"):
        project.create(ROUTER, name="r", network="net", region="europe-west99")


@pytest.mark.parametrize("tpu_slice", SLICES.values(), ids=lambda s: s.name)
def test_every_slice_can_be_had_in_every_zone_that_settings_know(tpu_slice: Any) -> None:
    assert all(google_machines.is_in(tpu_slice.machine_type, zone) for zone in KNOWN_ZONES)
    assert google_machines.TPU_MACHINES[tpu_slice.machine_type] == (tpu_slice.chips, tpu_slice.topology)


@pytest.mark.parametrize(
    ("kind", "vcpus", "gb"), [("e2-standard-4", 4, 16), ("n2-highmem-128", 128, 864), ("n1-standard-4", 4, 15)]
)
def test_a_node_has_the_size_of_its_machine(kind: str, vcpus: int, gb: float) -> None:
    machine = google_machines.machine(kind)
    assert (machine.vcpus, machine.gb) == (vcpus, gb)


# Boot disks


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


# Labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"App": "x"}, "Label key 'App' violates format constraints."),
        ({"1st": "x"}, "Label key '1st' violates"),
        ({"": "x"}, "Label key '' violates"),
        ({"k" * 64: "x"}, "violates format constraints. The key must start with a lowercase character"),
        ({"é" * 63 + "": "ü" * 65}, "Label value"),
        ({"app": "head.default"}, "Label value 'head.default' violates format constraints."),
        ({"app": "V"}, "Label value 'V' violates"),
        ({"goog-gke-node": ""}, "Label key 'goog-gke-node' is reserved."),
        ({f"k{i}": "" for i in range(65)}, "There are 65 labels, the limit is 64."),
    ],
)
def test_labels_against_the_rules_are_refused(labels: dict[str, str], message: str) -> None:
    with pytest.raises(CloudError) as refusal:
        google_rules.refuse_labels(CLUSTER, labels)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith("googleapi: Error 400: Invalid value for field 'resource.labels'")


def test_labels_within_the_rules_are_taken() -> None:
    google_rules.refuse_labels(
        CLUSTER, {"app": "", "größe_1": "9-a", "k" * 63: "v" * 63, "goog-pulumi-provisioned": "true"}
    )


def test_the_providers_own_label_counts(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="There are 65 labels"):
        Project(tmp_path, defaultLabels={f"k{i}": "" for i in range(64)}).cluster()


# What does not go together

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


def test_firewall_without_a_source_is_refused(project: Project) -> None:
    with pytest.raises(CloudError, match="one of source_tags, source_ranges, or source_service_accounts"):
        project.create(FIREWALL, name="f", network="net", direction="INGRESS")


# What the official provider replaces


def test_every_simulated_type_has_its_row_with_its_source() -> None:
    for kind in KINDS:
        assert google_provider.rules(kind).source.startswith("google/"), kind


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


# What the official provider reads back


def test_network_is_read_back_as_its_url_and_a_region_as_its_name(project: Project) -> None:
    router = project.create(ROUTER, name="r", network="projects/p/global/networks/net", region="europe-west4")
    assert (router["network"], router["region"]) == (URL, "europe-west4")
    assert router["selfLink"] == "https://www.googleapis.com/compute/v1/projects/p/regions/europe-west4/routers/r"


def test_buckets_location_is_read_back_in_upper_case(project: Project) -> None:
    assert project.create(BUCKET, name="b", location="europe-west4")["location"] == "EUROPE-WEST4"


def test_nat_has_no_self_link(project: Project) -> None:
    project.create(ROUTER, name="r", network="net", region="europe-west4")
    nat = project.create(NAT, name="n", router="r", region="europe-west4")
    assert "selfLink" not in nat
    assert nat["type"] == "PUBLIC"


def test_tpu_hosts_are_read_back_without_multithreading_and_no_others(with_cluster: Project) -> None:
    tpu = with_cluster.pool(nodeConfig={"machineType": "ct6e-standard-4t"})
    assert tpu["nodeConfig"]["advancedMachineFeatures"] == {"threadsPerCore": 1}
    system = with_cluster.pool(name="other", nodeConfig={"machineType": "e2-standard-4"})
    assert "advancedMachineFeatures" not in system["nodeConfig"]


def test_what_google_filled_in_and_the_program_does_not_say_is_a_change(with_cluster: Project) -> None:
    inputs = {"nodeConfig": {"machineType": "ct6e-standard-4t"}}
    state = with_cluster.pool(**inputs)
    [pool] = with_cluster.google.inventory.find(POOL)
    assert with_cluster.google.drift(with_cluster.call(POOL, state), pool.id, inputs) == [
        "nodeConfig.advancedMachineFeatures"
    ]


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


def test_data_files_name_their_sources() -> None:
    for file in (ROOT / "sandbox/clouds/data").glob("google_*.yaml"):
        assert "github.com/" in file.read_text(), file
