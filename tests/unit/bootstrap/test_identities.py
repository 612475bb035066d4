"""What each identity may do, and that the pages say so."""

import re
from typing import Any

import pytest

from bootstrap import identities
from infra.google import node_account, secrets_key
from tests.support.bootstrap import program
from tests.support.program import Declared, Resource, Run
from tests.support.project import ROOT

PLACES = ("project", "managedFolder", "cryptoKeyId", "serviceAccountId")


def place(resource: Resource) -> str:
    return next(resource.inputs[key] for key in PLACES if key in resource.inputs)


def grants(shared: Declared, account: str) -> set[tuple[str, str]]:
    """What a service account has been given: (role, on what)."""
    member = f"serviceAccount:{account}@my-project.iam.gserviceaccount.com"
    return {(r.inputs["role"], place(r)) for r in shared if r.inputs.get("member") == member}


READS = {
    "roles/artifactregistry.reader",
    "roles/compute.viewer",
    "roles/container.viewer",
    "roles/dns.reader",
    "roles/monitoring.alertPolicyViewer",
    "roles/monitoring.dashboardViewer",
    "roles/monitoring.notificationChannelViewer",
    "roles/monitoring.uptimeCheckConfigViewer",
    "roles/serviceusage.serviceUsageViewer",
    "roles/storage.objectViewer",
    "roles/cloudkms.cryptoKeyDecrypter",
}
TAKES_OVER = {
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountTokenCreator",
    "roles/resourcemanager.projectIamAdmin",
    "roles/cloudkms.admin",
    "roles/owner",
    "roles/editor",
}
"""Roles by which whoever has them can become somebody else, or give away what is not theirs."""


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_preview_has_no_role_that_writes_and_none_that_reads_secrets_in_clusters(
    shared: Declared, environment: str
) -> None:
    assert {role for role, _ in grants(shared, f"preview-{environment}")} == READS


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_drift_reads_the_secrets_in_clusters_too_and_writes_nothing(shared: Declared, environment: str) -> None:
    roles = {role for role, _ in grants(shared, f"drift-{environment}")}
    assert roles - READS == {f"projects/acme-{environment}/roles/pulumiDriftSecrets"}
    role = shared.one("IAMCustomRole", f"{environment}-secrets")
    assert role.inputs["permissions"] == ["container.secrets.get", "container.secrets.list"]


@pytest.mark.parametrize("identity", ["preview", "drift", "deploy"])
@pytest.mark.parametrize(("environment", "other"), [("dev", "prod"), ("prod", "dev")])
def test_identity_has_nothing_of_another_environment(
    shared: Declared, identity: str, environment: str, other: str
) -> None:
    there = {where for _, where in grants(shared, f"{identity}-{environment}")}
    own = {f"acme-{environment}", f"{environment}/", f"{environment}-id"}
    assert there == own | ({f"{environment}-nodes-1a2b3c4"} if identity == "deploy" else set())
    assert not {where for where in there if other in where}


def test_nobody_is_given_anything_on_the_whole_bucket_a_key_ring_or_the_project_of_the_state(shared: Declared) -> None:
    assert not [r.type for r in shared if "BucketIAM" in r.type or "KeyRingIAM" in r.type]
    assert "acme-ci" not in {r.inputs["project"] for r in shared.all("projects/iAMMember:IAMMember")}


def test_nobody_of_ci_may_grant_roles_make_accounts_or_act_for_any(shared: Declared) -> None:
    given = {r.inputs["role"] for r in shared if r.type.lower().endswith("iammember")}
    assert len(given) > 10
    assert not given & TAKES_OVER
    on_projects = {r.inputs["role"] for r in shared.all("projects/iAMMember:IAMMember")}
    assert "roles/iam.serviceAccountUser" not in on_projects


def test_deployment_may_run_nodes_as_their_account_and_as_no_other(shared: Declared) -> None:
    acts = {(role, where) for role, where in grants(shared, "deploy-dev") if role.startswith("roles/iam.")}
    assert acts == {("roles/iam.serviceAccountUser", "dev-nodes-1a2b3c4")}


def test_nodes_account_is_what_a_stack_makes_without_bootstrap(shared: Declared, run: Run) -> None:
    own = shared.one(":Account", "dev-nodes").inputs
    assert (own["project"], own["accountId"]) == ("acme-dev", "gke-nodes")
    given = [m.inputs for m in shared.all("projects/iAMMember:IAMMember") if m.name.startswith("dev-nodes")]
    made = [m.inputs["role"] for m in run() if m.type.lower().endswith("iammember")]
    assert len(given) == 3
    assert {(m["role"], m["project"]) for m in given} == {(role, "acme-dev") for role in made}
    assert {m["member"] for m in given} == {shared.one("IAMMember", "dev-nodes").inputs["member"]}
    assert identities.NODE_ROLE == node_account.NODE_ROLE
    assert identities.NODES_READ == (node_account.READER_ROLE, node_account.STREAMING_ROLE)
    assert shared.outputs["nodeServiceAccounts"] == {
        environment: f"gke-nodes@acme-{environment}.iam.gserviceaccount.com" for environment in ("dev", "prod")
    }


# The key of a hardened cluster


def test_without_a_region_there_is_no_key_for_a_cluster(shared: Declared) -> None:
    assert sorted(key.name for key in shared.all(":CryptoKey")) == ["dev", "prod"]
    assert shared.outputs["kmsKeys"] == {}
    kms = {r.inputs["project"] for r in shared.all(":Service") if "cloudkms." in r.inputs["service"]}
    assert kms == {"acme-ci"}


def test_key_of_a_cluster_is_in_its_environments_project_and_gkes_agent_alone_may_use_it() -> None:
    made = program(clusterKeys={"prod": "us-east5"})
    ring, key = made.one(":KeyRing", "prod-cluster"), made.one(":CryptoKey", "prod-cluster")
    assert (ring.inputs["project"], ring.inputs["location"]) == ("acme-prod", "us-east5")
    assert key.inputs["keyRing"] == "prod-cluster-id"
    assert key.inputs["rotationPeriod"] == secrets_key.ROTATION
    agent = made.one(":ServiceIdentity", "prod").inputs
    assert (agent["project"], agent["service"]) == ("acme-prod", "container.googleapis.com")
    users = [m.inputs for m in made.all(":CryptoKeyIAMMember") if m.inputs["cryptoKeyId"] == "prod-cluster-id"]
    assert [(m["role"], m["member"]) for m in users] == [
        (secrets_key.USE, "serviceAccount:service-1@container-engine-robot.iam.gserviceaccount.com")
    ]
    assert made.outputs["kmsKeys"] == {"prod": "prod-cluster-id"}
    apis = {r.inputs["service"] for r in made.all("projects/service:Service") if r.inputs["project"] == "acme-prod"}
    assert {"cloudkms.googleapis.com", "container.googleapis.com"} <= apis


@pytest.mark.parametrize("protect", [True, False])
def test_key_of_a_cluster_is_protected_as_set(protect: bool) -> None:
    made = program(clusterKeys={"prod": "us-east5"}, protect=protect)
    for kind in (":KeyRing", ":CryptoKey"):
        assert made.one(kind, "prod-cluster").request.protect is protect


# What the pages say


def section(page: str, heading: str) -> str:
    return (ROOT / "docs" / page).read_text().split(heading)[1].split("\n## ")[0]


def test_deployment_has_the_roles_that_the_page_lists(shared: Declared) -> None:
    rows = re.findall(r"^\| `(roles/[\w.]+)` \| ([^|]+) \|", section("deploy.md", "## 4. Credentials"), re.MULTILINE)
    with_bootstrap = {role for role, says in rows if says == "yes"}
    assert len(rows) > len(with_bootstrap) > 5
    assert {role for role, where in grants(shared, "deploy-dev") if where == "acme-dev"} == with_bootstrap
    assert {role for role, says in rows if says == "on the nodes' account"} == {identities.RUN_NODES_AS}


@pytest.mark.parametrize(
    ("account", "row"), [("preview-dev", 0), ("preview-prod", 1), ("drift-dev", 2), ("deploy-prod", 3)]
)
def test_table_has_every_role_that_an_identity_is_granted(shared: Declared, account: str, row: int) -> None:
    _, _, reads, changes, decrypts, worst = identities.table()[row]
    environment = account.split("-")[1]
    project = f"acme-{environment}"
    told = set(re.findall(r"`([\w.]+)`", reads + changes))
    given = {role.removeprefix("roles/") for role, where in grants(shared, account) if where == project}
    if (secrets := f"projects/acme-{environment}/roles/pulumiDriftSecrets") in given:
        given.remove(secrets)
        assert "Secrets in clusters" in reads
    else:
        assert "Secrets" not in reads
    assert told - {"iam.serviceAccountUser"} == given
    assert ("the state" in changes) == (("roles/storage.objectUser", f"{environment}/") in grants(shared, account))
    assert decrypts
    assert worst


def test_page_has_the_table(shared: Declared) -> None:
    page = section("bootstrap.md", "## Who may do what")
    for row in identities.table():
        assert f"| {' | '.join(row)} |" in page
    accounts = {r.inputs["accountId"] for r in shared.all(":Account")}
    named = {row[0].split("`")[1] for row in identities.table()}
    assert {name.replace("-ENV", f"-{env}") for name in named for env in ("dev", "prod")} == accounts


# What a project gets before


def audits(declared: Declared, project: str) -> dict[str, Any]:
    return {
        r.inputs["service"]: {c["logType"] for c in r.inputs["auditLogConfigs"]}
        for r in declared.all(":IAMAuditConfig")
        if r.inputs["project"] == project
    }


@pytest.mark.parametrize("project", ["acme-ci", "acme-dev", "acme-prod"])
def test_tokens_keys_and_state_are_logged_in_every_project(shared: Declared, project: str) -> None:
    logged = audits(shared, project)
    assert logged == {
        "cloudkms.googleapis.com": {"ADMIN_READ", "DATA_READ", "DATA_WRITE"},
        "iam.googleapis.com": {"ADMIN_READ", "DATA_READ"},
        "storage.googleapis.com": {"ADMIN_READ", "DATA_READ", "DATA_WRITE"},
        "sts.googleapis.com": {"ADMIN_READ"},
    }


@pytest.mark.parametrize(("project", "number"), [("acme-ci", "1"), ("acme-dev", "1"), ("acme-prod", "1")])
def test_default_accounts_are_no_editors_before_anything_else_changes_the_projects_policy(
    shared: Declared, project: str, number: str
) -> None:
    removed = [r for r in shared.all(":IamMemberRemove") if r.inputs["project"] == project]
    assert {(r.inputs["role"], r.inputs["member"]) for r in removed} == {
        ("roles/editor", f"serviceAccount:{number}-compute@developer.gserviceaccount.com"),
        ("roles/editor", f"serviceAccount:{project}@appspot.gserviceaccount.com"),
    }
    compute, app = removed
    apis = [urn for urn in compute.request.dependencies if "projects/service:Service" in urn]
    assert len(apis) > 3
    assert project == "acme-ci" or any(urn.endswith("-compute") for urn in apis)
    assert any(urn.endswith(f"IamMemberRemove::{compute.name}") for urn in app.request.dependencies)
    changes = [r for r in shared if r.type.startswith("gcp:projects/iAM") and r.inputs.get("project") == project]
    assert len(changes) >= 4
    for change in changes:
        assert any(urn.endswith(f"IamMemberRemove::{app.name}") for urn in change.request.dependencies), change.name
