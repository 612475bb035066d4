"""Who may act as whom, and what each may do."""

import re

import pytest

from bootstrap import trust
from tests.support.bootstrap import MAIN, POOL, accounts, cel, program
from tests.support.program import Declared, Run
from tests.support.project import ROOT

# Who may act as whom


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"ref": "refs/pull/7/merge"}, {"pulumi-preview"}),
        ({"ref": "refs/heads/feature", "environment": "prod"}, {"pulumi-preview"}),
        ({"ref": "refs/heads/main-2", "environment": "prod"}, {"pulumi-preview"}),
        ({"ref": "refs/tags/main", "environment": "prod"}, {"pulumi-preview"}),
        ({}, {"pulumi-preview", "pulumi-drift"}),
        ({"environment": "qa"}, {"pulumi-preview", "pulumi-drift"}),
        ({"environment": "dev"}, {"pulumi-preview", "pulumi-drift", "deploy-dev"}),
        ({"environment": "prod"}, {"pulumi-preview", "pulumi-drift", "deploy-prod"}),
        ({"environment": "prod", "repository_id": "1234567"}, set()),
        ({"environment": "prod", "repository_id": "12345", "repository": "acme/inference"}, set()),
    ],
    ids=lambda v: str(v) if isinstance(v, dict) else "",
)
def test_job_may_act_as(shared: Declared, claims: dict[str, str], expected: set[str]) -> None:
    assert accounts(shared, {**MAIN, **claims}) == expected


def test_deployments_come_from_the_branch_that_is_set() -> None:
    release = program(mainBranch="release/v1")
    prod = {**MAIN, "environment": "prod"}
    assert accounts(release, prod) == {"pulumi-preview"}
    assert "deploy-prod" in accounts(release, {**prod, "ref": "refs/heads/release/v1"})


def test_principals_are_these_and_no_others(shared: Declared) -> None:
    members = {m.name: m.inputs["member"] for m in shared.all("serviceaccount/iAMMember:IAMMember")}
    of_pool = f"principalSet://iam.googleapis.com/{POOL}"
    assert members == {
        "pulumi-preview": f"{of_pool}/attribute.repository_id/123456",
        "pulumi-drift": f"{of_pool}/attribute.main/true",
        "deploy-dev": f"{of_pool}/attribute.deploy/dev",
        "deploy-prod": f"{of_pool}/attribute.deploy/prod",
    }


def test_only_githubs_tokens_are_taken(shared: Declared) -> None:
    assert shared.one("WorkloadIdentityPoolProvider").inputs["oidc"] == {
        "issuerUri": "https://token.actions.githubusercontent.com"
    }


def test_subject_fits_into_googles_127_bytes(shared: Declared) -> None:
    mapping = shared.one("WorkloadIdentityPoolProvider").inputs["attributeMapping"]
    claims = {**MAIN, "run_id": "9" * 20, "ref": "refs/heads/" + "x" * 200, "sub": "x" * 300}
    assert len(cel(mapping["google.subject"], claims)) < 127


def test_there_are_no_keys_of_service_accounts(shared: Declared) -> None:
    assert not [r.type for r in shared if "serviceaccount/key" in r.type]


# What each may do


def grants(shared: Declared, account: str) -> set[tuple[str, str]]:
    """What a service account has been given: (role, on what)."""
    return {
        (r.inputs["role"], next(r.inputs[k] for k in ("project", "managedFolder", "cryptoKeyId") if k in r.inputs))
        for r in shared
        if r.inputs.get("member") == f"serviceAccount:{account}@p"
    }


READS = {
    "roles/browser",
    "roles/compute.viewer",
    "roles/container.viewer",
    "roles/dns.reader",
    "roles/iam.serviceAccountViewer",
    "roles/serviceusage.serviceUsageViewer",
    "roles/storage.objectViewer",
    "roles/cloudkms.cryptoKeyDecrypter",
}


KEYS = {"dev-keys-1a2b3c4", "prod-keys-1a2b3c4"}


def test_preview_has_no_role_that_writes_and_none_that_reads_secrets_in_clusters(shared: Declared) -> None:
    assert {role for role, _ in grants(shared, "pulumi-preview")} == READS | KEYS


def test_drift_reads_the_secrets_in_clusters_too_and_writes_nothing(shared: Declared) -> None:
    roles = {role for role, _ in grants(shared, "pulumi-drift")}
    assert roles - READS - KEYS == {"dev-secrets-1a2b3c4", "prod-secrets-1a2b3c4"}
    for name in ("dev-secrets", "prod-secrets"):
        role = shared.one("IAMCustomRole", name)
        assert role.inputs["permissions"] == ["container.secrets.get", "container.secrets.list"]


def test_readers_of_keys_see_them_and_who_may_use_them_and_can_use_none(shared: Declared) -> None:
    for name in ("dev-keys", "prod-keys"):
        role = shared.one("IAMCustomRole", name)
        assert role.inputs["roleId"] == "pulumiReadKeys"
        assert role.inputs["permissions"] == [
            "cloudkms.cryptoKeys.get",
            "cloudkms.cryptoKeys.getIamPolicy",
            "cloudkms.keyRings.get",
        ]


@pytest.mark.parametrize(("environment", "other"), [("dev", "prod"), ("prod", "dev")])
def test_deployment_has_nothing_of_another_environment(shared: Declared, environment: str, other: str) -> None:
    there = {where for _, where in grants(shared, f"deploy-{environment}")}
    assert there == {f"acme-{environment}", f"{environment}/", f"{environment}-id"}
    assert not {where for where in there if other in where}


def test_nobody_is_given_anything_on_the_whole_bucket_the_key_ring_or_the_project_of_the_state(
    shared: Declared,
) -> None:
    assert not [r.type for r in shared if "BucketIAM" in r.type or "KeyRingIAM" in r.type]
    assert "acme-ci" not in {r.inputs["project"] for r in shared.all("projects/iAMMember:IAMMember")}


def test_deployment_has_the_roles_that_the_page_lists(shared: Declared) -> None:
    section = (ROOT / "docs/deploy.md").read_text().split("## 4. Credentials")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `(roles/[\w.]+)` \|", section, re.MULTILINE))
    assert len(listed) > 5
    assert {role for role, where in grants(shared, "deploy-dev") if where == "acme-dev"} == listed


def test_deployment_may_grant_what_its_stack_grants_and_nothing_else(shared: Declared, run: Run) -> None:
    granted = {r.inputs["role"] for r in run().all("projects/iAMMember:IAMMember")}
    admin = shared.one("projects/iAMMember:IAMMember", "dev-deploy-resourcemanager.projectIamAdmin")
    allowed = re.fullmatch(
        r"api\.getAttribute\('iam\.googleapis\.com/modifiedGrantsByRole', \[\]\)\.hasOnly\(\[(.*)\]\)",
        admin.inputs["condition"]["expression"],
    )
    assert allowed
    assert {role.strip("' ") for role in allowed[1].split(",")} == granted


# What GitHub is told


def test_commands_leave_an_environment_that_is_there_as_it_is() -> None:
    [line] = trust.commands("acme/inference", {}, {"prod": {}}).splitlines()
    look, make = line.split(" || ")
    assert look == "gh api --silent repos/acme/inference/environments/prod 2>/dev/null"
    assert make == "gh api --silent --method PUT repos/acme/inference/environments/prod"
