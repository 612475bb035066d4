"""What every node has, and the account that it runs under."""

import pytest

from tests.support.dependencies import needs
from tests.support.program import UNKNOWN, Declared, Run, gke


def test_nodes_are_private_shielded_and_use_workload_identity(dev: Declared) -> None:
    assert gke(dev)["privateClusterConfig"]["enablePrivateNodes"] is True
    assert gke(dev)["workloadIdentityConfig"] == {"workloadPool": "my-project.svc.id.goog"}
    pools = dev.all(":NodePool")
    assert len(pools) == 2
    for pool in pools:
        assert pool.inputs["nodeConfig"]["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
        assert pool.inputs["nodeConfig"]["shieldedInstanceConfig"]["enableSecureBoot"] is True


def test_all_nodes_are_shielded_and_leave_access_to_the_accounts_roles(dev: Declared) -> None:
    assert gke(dev)["enableShieldedNodes"] is True
    configs = [gke(dev)["nodeConfig"], *(pool.inputs["nodeConfig"] for pool in dev.all(":NodePool"))]
    for config in configs:
        assert config["oauthScopes"] == ["https://www.googleapis.com/auth/cloud-platform"]
    for config in configs[1:]:
        assert config["shieldedInstanceConfig"] == {"enableSecureBoot": True, "enableIntegrityMonitoring": True}


def test_every_pool_runs_under_the_nodes_own_account_also_the_short_lived_one(dev: Declared, phase: str) -> None:
    email = UNKNOWN if phase == "preview" else "nodes@my-project.iam.gserviceaccount.com"
    assert gke(dev)["nodeConfig"]["serviceAccount"] == email
    for pool in dev.all(":NodePool"):
        assert pool.inputs["nodeConfig"]["serviceAccount"] == email


def test_account_of_the_nodes_says_whose_it_is(dev: Declared) -> None:
    assert dev.one(":Account").inputs["displayName"] == "GKE nodes"


def test_node_account_has_the_least_role_and_has_it_before_any_node(dev: Declared) -> None:
    assert [m.inputs["role"] for m in dev.all(":IAMMember")] == [
        "roles/container.defaultNodeServiceAccount",
        "roles/serviceusage.serviceUsageConsumer",
    ]
    for resource in [dev.one("container/cluster:Cluster"), *dev.all(":NodePool")]:
        assert "IAMMember nodes" in needs(dev, resource)


def test_role_is_given_to_the_account_as_a_member_of_this_project(dev: Declared, phase: str) -> None:
    member = dev.one(":IAMMember", "nodes").inputs
    assert member["project"] == "my-project"
    assert member["member"] == (
        UNKNOWN if phase == "preview" else "serviceAccount:nodes@my-project.iam.gserviceaccount.com"
    )


def test_nodes_read_the_registry_of_the_stack_and_may_before_there_are_any(run: Run, phase: str) -> None:
    declared = run(imageRegistry="europe-docker.pkg.dev/other-project/images/deeper")
    grant = declared.one(":RepositoryIamMember")
    place = {key: grant.inputs[key] for key in ("project", "location", "repository", "role")}

    assert place == {
        "project": "other-project",
        "location": "europe",
        "repository": "images",
        "role": "roles/artifactregistry.reader",
    }
    assert grant.inputs["member"] == (
        UNKNOWN if phase == "preview" else "serviceAccount:nodes@my-project.iam.gserviceaccount.com"
    )
    assert "RepositoryIamMember images" in needs(declared, declared.one("container/cluster:Cluster"))
    assert grant.request.parent.endswith("infra:Cluster::tpu-inference")


@pytest.mark.parametrize("registry", ["publishers", "r.example.com/images"])
def test_nothing_is_granted_where_nothing_is_in_artifact_registry(run: Run, registry: str) -> None:
    assert run(imageRegistry=registry).all(":RepositoryIamMember") == []


@pytest.mark.parametrize("registry", ["cache", "europe-docker.pkg.dev/other-project/images"])
def test_account_that_is_named_is_used_as_it_is_and_nobody_is_granted_anything(run: Run, registry: str) -> None:
    email = "gke-nodes@my-project.iam.gserviceaccount.com"
    declared = run(nodeServiceAccount=email, hardenedCluster=True, imageRegistry=registry)
    assert [r.type for r in declared if r.type.startswith("gcp:serviceaccount/")] == []
    assert {r.name for r in declared if "iammember" in r.type.lower()} == {"gke"}  # GKE's own agent, on its key
    assert gke(declared)["nodeConfig"]["serviceAccount"] == email
    assert {pool.inputs["nodeConfig"]["serviceAccount"] for pool in declared.all(":NodePool")} == {email}
    rules = [rule.inputs["targetServiceAccounts"] for rule in declared.all(":Firewall")]
    assert len(rules) > 2
    assert all(accounts == [email] for accounts in rules)


def test_stack_whose_account_and_key_are_named_grants_nobody_anything(run: Run) -> None:
    named = run(
        nodeServiceAccount="gke-nodes@my-project.iam.gserviceaccount.com",
        hardenedCluster=True,
        kmsKey="projects/my-project/locations/europe-west4/keyRings/r/cryptoKeys/k",
        imageRegistry="europe-docker.pkg.dev/other-project/images",
    )
    assert [r.type for r in named if "role" in r.inputs and "member" in r.inputs] == []


def test_system_pool_starts_with_a_node_and_every_pool_repairs_and_upgrades_itself(dev: Declared) -> None:
    assert dev.one(":NodePool", "system").inputs["initialNodeCount"] == 1
    for pool in dev.all(":NodePool"):
        assert pool.inputs["management"] == {"autoRepair": True, "autoUpgrade": True}
