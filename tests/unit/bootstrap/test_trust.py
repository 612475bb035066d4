"""The bootstrap program: who may act as whom, what each may do, and what its settings refuse."""

import json
import re
from typing import Any

import pytest
import yaml

from bootstrap import settings, trust
from infra.settings.configuration import SettingsError
from tests.support.program import Declared, Run, declared
from tests.support.project import ROOT

FOLDER = ROOT / "bootstrap"
SCHEMA: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "Pulumi.yaml").read_text())["config"]
VALUES: dict[str, Any] = {
    "repository": "acme/inference",
    "repositoryId": 123456,
    "environments": {"dev": "acme-dev", "prod": "acme-prod"},
}
POOL = "projects/1/locations/global/workloadIdentityPools/github-actions"
MAIN = {"repository_id": "123456", "run_id": "9", "ref": "refs/heads/main"}


def program(**changes: Any) -> Declared:
    """What the program declares with these settings on top of `VALUES`."""
    values = {**{key: item["default"] for key, item in SCHEMA.items()}, **VALUES, **changes}
    wire = {f"gke-tpu-inference-bootstrap:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    return declared(json.dumps({"gcp:project": "acme-ci", **wire}), (), False, FOLDER)


@pytest.fixture
def shared() -> Declared:
    return program()


# Who may act as whom


def cel(expression: str, claims: dict[str, str]) -> Any:
    """The value of an expression in the little CEL that the program uses, for the claims of a token."""
    python = re.sub(r"has\(assertion\.(\w+)\)", r"('\1' in assertion)", expression)
    python = re.sub(r"assertion\.(\w+)", r"assertion['\1']", python).replace("&&", "and")
    python = re.sub(r"^(.*) \? (.*) : (.*)$", r"(\2) if (\1) else (\3)", python)
    return eval(python, {}, {"assertion": claims})  # noqa: S307 - our own expression


def accounts(shared: Declared, claims: dict[str, str]) -> set[str]:
    """The service accounts that a job with these claims may act as."""
    provider = shared.one("WorkloadIdentityPoolProvider").inputs
    if not cel(provider["attributeCondition"], claims):
        return set()
    own = {f"{key}/{cel(value, claims)}" for key, value in provider["attributeMapping"].items()}
    return {
        member.inputs["serviceAccountId"].removesuffix("-1a2b3c4")
        for member in shared.all("serviceaccount/iAMMember:IAMMember")
        if member.inputs["member"].removeprefix(f"principalSet://iam.googleapis.com/{POOL}/") in own
    }


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
    "roles/iam.serviceAccountViewer",
    "roles/serviceusage.serviceUsageViewer",
    "roles/storage.objectViewer",
    "roles/cloudkms.cryptoKeyDecrypter",
}


def test_preview_has_no_role_that_writes_and_none_that_reads_secrets_in_clusters(shared: Declared) -> None:
    assert {role for role, _ in grants(shared, "pulumi-preview")} == READS


def test_drift_reads_the_secrets_in_clusters_too_and_writes_nothing(shared: Declared) -> None:
    roles = {role for role, _ in grants(shared, "pulumi-drift")}
    assert roles - READS == {"dev-secrets-1a2b3c4", "prod-secrets-1a2b3c4"}
    for custom in shared.all("IAMCustomRole"):
        assert custom.inputs["permissions"] == ["container.secrets.get", "container.secrets.list"]


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


# Where the state is


def test_bucket_is_private_and_keeps_old_versions(shared: Declared) -> None:
    bucket = shared.one("storage/bucket:Bucket").inputs
    assert bucket["publicAccessPrevention"] == "enforced"
    assert bucket["uniformBucketLevelAccess"]
    assert bucket["versioning"] == {"enabled": True}
    assert bucket["softDeletePolicy"]["retentionDurationSeconds"] == 7 * 24 * 3600
    [rule] = bucket["lifecycleRules"]
    assert rule["condition"] == {"withState": "ARCHIVED", "daysSinceNoncurrentTime": 30, "numNewerVersions": 10}
    assert "forceDestroy" not in bucket


def test_each_environment_has_a_key_of_its_own_that_rotates(shared: Declared) -> None:
    keys = shared.all("kms/cryptoKey:CryptoKey")
    assert [key.name for key in keys] == ["dev", "prod"]
    assert {key.inputs["rotationPeriod"] for key in keys} == {f"{90 * 24 * 3600}s"}


@pytest.mark.parametrize("protect", [True, False])
def test_what_cannot_be_made_again_is_protected_as_set(protect: bool) -> None:
    protected = {r.type.split(":")[-1] for r in program(protect=protect) if r.request.protect}
    assert protected == ({"Bucket", "KeyRing", "CryptoKey", "WorkloadIdentityPool"} if protect else set())


def test_with_pulumi_cloud_there_is_no_bucket_and_no_key() -> None:
    cloud = program(pulumiCloud=True)
    assert not [r.type for r in cloud if r.type.startswith(("gcp:storage", "gcp:kms"))]
    assert cloud.outputs["variables"]["PULUMI_BACKEND_URL"] == "https://api.pulumi.com"
    assert accounts(cloud, {**MAIN, "environment": "prod"}) == {"pulumi-preview", "pulumi-drift", "deploy-prod"}


def test_outputs_name_a_folder_and_a_key_for_each_environment(shared: Declared) -> None:
    folders = {env: f"gs://pulumi-state-1a2b3c4/{env}" for env in ("dev", "prod", "bootstrap")}
    assert shared.outputs["backendUrls"] == folders
    assert shared.outputs["secretsProviders"] == {"dev": "gcpkms://dev-id", "prod": "gcpkms://prod-id"}


def test_commands_set_every_variable_that_a_workflow_reads(shared: Declared) -> None:
    workflows = [f.read_text() for f in (ROOT / ".github").rglob("*.yml")]
    read = set(re.findall(r"vars\.([A-Z_]+)", "".join(workflows))) - {"PULUMI_ORGANIZATION"}
    assert read
    assert read == set(re.findall(r"gh variable set (\w+)", shared.outputs["githubCommands"]))


def test_commands_leave_an_environment_that_is_there_as_it_is() -> None:
    [line] = trust.commands("acme/inference", {}, {"prod": {}}).splitlines()
    look, make = line.split(" || ")
    assert look == "gh api --silent repos/acme/inference/environments/prod 2>/dev/null"
    assert make == "gh api --silent --method PUT repos/acme/inference/environments/prod"


# Settings


NO_PROJECT = "is not a project ID (not its name or number). `gcloud projects list` shows the IDs."
NO_NAME = "Use at most 22 lower-case letters, digits and hyphens, a letter first, no hyphen last, and not bootstrap."
SHARED_PROJECT = "already: whoever deploys there could take over both. Give each its own project."
NO_NUMBER = (
    'is not the number of a repository. Run `pulumi config set repositoryId "$(gh api repos/acme/inference --jq .id)"`.'
)

BAD: list[tuple[dict[str, Any], str]] = [
    ({"gcp:project": "Acme"}, f'gcp:project: "Acme" {NO_PROJECT}'),
    ({"repository": ""}, 'repository: "" is not set. Run `pulumi config set repository OWNER/NAME`.'),
    (
        {"repository": "https://github.com/acme/inference"},
        'repository: "https://github.com/acme/inference" is not a GitHub repository. Write OWNER/NAME.',
    ),
    ({"repositoryId": 0}, f"repositoryId: 0 {NO_NUMBER}"),
    (
        {"repositoryId": "acme"},
        'repositoryId: "acme" is not a whole number. Use one, without quotes.',
    ),
    (
        {"environments": {}},
        "environments: {} is empty. Run `pulumi config set --path environments.dev PROJECT_ID` for each of them.",
    ),
    ({"environments": {"Dev": "acme-dev"}}, f'environments: {{"Dev": "acme-dev"}} has the name \'Dev\'. {NO_NAME}'),
    (
        {"environments": {"bootstrap": "acme-dev"}},
        f'environments: {{"bootstrap": "acme-dev"}} has the name \'bootstrap\'. {NO_NAME}',
    ),
    (
        {"environments": {"e" * 23: "acme-dev"}},
        f'environments: {{"{"e" * 23}": "acme-dev"}} has the name \'{"e" * 23}\'. {NO_NAME}',
    ),
    ({"environments": {"dev": "12345"}}, f'environments: {{"dev": "12345"}} has \'12345\' for dev, which {NO_PROJECT}'),
    (
        {"environments": {"dev": "acme-one", "prod": "acme-one"}},
        'environments: {"dev": "acme-one", "prod": "acme-one"} has acme-one for prod, which is the project of dev '
        + SHARED_PROJECT,
    ),
    (
        {"environments": {"dev": "acme-ci"}},
        'environments: {"dev": "acme-ci"} has acme-ci for dev, which is the project of the state and the identities '
        + SHARED_PROJECT,
    ),
    ({"mainBranch": "a' || true"}, 'mainBranch: "a\' || true" is not the name of a branch, like main.'),
    ({"location": "europe"}, 'location: "europe" is not a region, like europe-west4.'),
    (
        {"workloadIdentityPool": "gcp-ci"},
        'workloadIdentityPool: "gcp-ci" is not an ID of a pool. Use 4 to 32 lower-case letters, digits and hyphens, '
        "not gcp- first.",
    ),
    (
        {"repositoryID": 5},
        "repositoryID: there is no such setting. Did you mean repositoryId? Change its name, or remove it.",
    ),
]


def parse(**changes: Any) -> settings.Settings:
    values = {**{key: item["default"] for key, item in SCHEMA.items()}, **VALUES, "gcp:project": "acme-ci", **changes}
    return settings.parse(values)


@pytest.mark.parametrize(("changes", "line"), BAD, ids=lambda v: str(v) if isinstance(v, dict) else "")
def test_bad_setting_is_refused_with_the_way_out(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse(**changes)
    assert str(error.value).splitlines() == ["Pulumi.shared.yaml has 1 problem; nothing was changed.", f"  {line}"]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match="has 3 problems"):
        parse(repository="", location="x", environments={"Dev": "acme-dev", "prod": "1"})


def test_unset_project_is_told_with_its_command() -> None:
    with pytest.raises(SettingsError, match=r"gcp:project: is not set\. Run `pulumi config set gcp:project"):
        settings.parse({**{key: item["default"] for key, item in SCHEMA.items()}, **VALUES})


@pytest.mark.parametrize("key", SCHEMA)
def test_page_has_each_setting_as_pulumi_yaml_declares_it(key: str) -> None:
    item, page = SCHEMA[key], (ROOT / "docs/bootstrap.md").read_text()
    assert f"| `{key}` | {item['type']} | `{json.dumps(item['default'])}` | {item['description']} |" in page
