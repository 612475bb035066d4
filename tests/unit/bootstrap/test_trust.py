"""Who may act as whom."""

import pytest

from bootstrap import trust
from tests.support.bootstrap import POOL, accounts, cel, job, program
from tests.support.program import Declared
from tests.support.project import ROOT

BRANCH, PULL = "refs/heads/feature", "refs/pull/7/merge"
MAIN = "refs/heads/main"

JOBS: dict[str, tuple[dict[str, str], set[str]]] = {
    "a pull request's preview": (job("pull-request.yml", PULL), {"preview-dev"}),
    "a pull request that changes a workflow": (job("deploy-stack.yml", PULL, environment="prod"), {"preview-dev"}),
    "a branch that changes a workflow": (job("deploy-stack.yml", BRANCH, environment="prod"), {"preview-dev"}),
    "a branch that calls main's workflow": (
        job("deploy-stack.yml", BRANCH, of=MAIN, environment="prod"),
        {"preview-dev"},
    ),
    "a branch that calls main's workflow to plan": (job("deploy.yml", BRANCH, of=MAIN), {"preview-dev"}),
    "main that calls a branch's workflow": (
        job("deploy-stack.yml", of=BRANCH, environment="prod"),
        {"preview-dev"},
    ),
    "main that calls another repository's workflow": (
        job("x") | {"job_workflow_ref": f"evil/x/.github/workflows/deploy-stack.yml@{MAIN}", "environment": "prod"},
        {"preview-dev"},
    ),
    "a branch whose name begins like main": (
        job("deploy-stack.yml", "refs/heads/main-2", environment="prod"),
        {"preview-dev"},
    ),
    "a tag called main": (job("deploy-stack.yml", "refs/tags/main", environment="prod"), {"preview-dev"}),
    "prod's plan": (job("deploy.yml"), {"preview-dev", "preview-prod"}),
    "a plan in an environment": (job("deploy.yml", environment="dev"), {"preview-dev"}),
    "a job of dev's deployment that is in no environment": (job("deploy-stack.yml"), {"preview-dev"}),
    "a deployment of dev": (job("deploy-stack.yml", environment="dev"), {"preview-dev", "deploy-dev"}),
    "a deployment of prod": (job("deploy-stack.yml", environment="prod"), {"preview-dev", "deploy-prod"}),
    "a deployment of an unknown environment": (job("deploy-stack.yml", environment="qa"), {"preview-dev"}),
    "a teardown of prod": (job("teardown.yml", environment="prod"), {"preview-dev", "deploy-prod"}),
    "a teardown outside of an environment": (job("teardown.yml"), {"preview-dev"}),
    "the search for drift": (job("drift.yml"), {"preview-dev", "drift-dev", "drift-prod"}),
    "the search for drift in an environment": (job("drift.yml", environment="dev"), {"preview-dev"}),
    "another workflow of main": (job("main.yml"), {"preview-dev"}),
    "another workflow of main in prod's environment": (job("main.yml", environment="prod"), {"preview-dev"}),
    "another repository": (job("deploy-stack.yml", environment="prod", repository_id="1234567"), set()),
    "a repository that took over the name": (job("deploy-stack.yml", environment="prod", repository_id="9"), set()),
}


@pytest.mark.parametrize(("claims", "expected"), JOBS.values(), ids=JOBS)
def test_job_may_act_as(shared: Declared, claims: dict[str, str], expected: set[str]) -> None:
    assert accounts(shared, claims) == expected


def test_where_no_environment_is_open_a_pull_request_gets_no_identity() -> None:
    closed = program(openEnvironments=[], reviewers={"dev": ["user:1"], "prod": ["team:7"]})
    assert accounts(closed, job("pull-request.yml", PULL)) == set()
    assert accounts(closed, job("deploy.yml")) == {"preview-dev", "preview-prod"}


def test_renamed_repository_is_trusted_as_before(shared: Declared) -> None:
    renamed = job("deploy-stack.yml", environment="prod") | {
        "repository": "acme/renamed",
        "job_workflow_ref": "acme/renamed/.github/workflows/deploy-stack.yml@refs/heads/main",
    }
    assert accounts(shared, renamed) == {"preview-dev", "deploy-prod"}


def test_deployments_come_from_the_branch_that_is_set() -> None:
    release = program(mainBranch="release/v1")
    assert accounts(release, job("deploy-stack.yml", environment="prod")) == {"preview-dev"}
    assert accounts(release, job("drift.yml")) == {"preview-dev"}
    of_release = job("deploy-stack.yml", "refs/heads/release/v1", environment="prod")
    assert accounts(release, of_release) == {"preview-dev", "deploy-prod"}


def test_principals_are_these_and_no_others(shared: Declared) -> None:
    of_pool = f"principalSet://iam.googleapis.com/{POOL}"
    federated = {
        m.name: m.inputs["member"].removeprefix(of_pool)
        for m in shared.all("serviceaccount/iAMMember:IAMMember")
        if m.inputs["role"] == "roles/iam.workloadIdentityUser"
    }
    assert federated == {
        "preview-dev": "/attribute.repository_id/123456",
        "preview-prod": "/attribute.plan/true",
        "drift-dev": "/attribute.drift/true",
        "drift-prod": "/attribute.drift/true",
        "deploy-dev": "/attribute.deploy/dev",
        "deploy-prod": "/attribute.deploy/prod",
    }


def test_workflows_that_are_trusted_are_there() -> None:
    for file in (*trust.DEPLOYING, *trust.PLANNING, *trust.DRIFTING):
        assert (ROOT / ".github/workflows" / file).is_file()


def test_only_githubs_tokens_are_taken(shared: Declared) -> None:
    assert shared.one("WorkloadIdentityPoolProvider").inputs["oidc"] == {
        "issuerUri": "https://token.actions.githubusercontent.com"
    }


def test_mapping_stays_below_googles_limits(shared: Declared) -> None:
    mapping = shared.one("WorkloadIdentityPoolProvider").inputs["attributeMapping"]
    claims = job("deploy-stack.yml", "refs/heads/" + "x" * 200) | {"run_id": "9" * 20, "sub": "x" * 300}
    assert len(cel(mapping["google.subject"], claims)) < 127
    assert max(map(len, mapping.values())) <= 2048  # characters of an expression


def test_there_are_no_keys_of_service_accounts(shared: Declared) -> None:
    assert not [r.type for r in shared if "serviceaccount/key" in r.type]
