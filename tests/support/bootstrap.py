"""The bootstrap program on Pulumi's mocks, and whom its pool lets act as whom."""

import json
import re
from typing import Any

from .program import Declared, declared
from .project import ROOT, read

FOLDER = ROOT / "bootstrap"
SCHEMA: dict[str, dict[str, Any]] = read(FOLDER / "Pulumi.yaml")["config"]
VALUES: dict[str, Any] = {
    "repository": "acme/inference",
    "repositoryId": 123456,
    "environments": {"dev": "acme-dev", "prod": "acme-prod"},
    "openEnvironments": ["dev"],
    "reviewers": {"prod": ["team:7"]},
}
POOL = "projects/1/locations/global/workloadIdentityPools/github-actions"
REPOSITORY = "acme/inference"


def job(file: str, ref: str = "refs/heads/main", *, of: str = "", **claims: str) -> dict[str, str]:
    """The claims of a job that stands in a workflow, as it is at `of`, which is `ref` unless somebody calls it."""
    workflow = f"{REPOSITORY}/.github/workflows/{file}@{of or ref}"
    own = {"repository_id": "123456", "repository": REPOSITORY, "run_id": "9", "ref": ref}
    return {**own, "job_workflow_ref": workflow, **claims}


def program(**changes: Any) -> Declared:
    """What the program declares with these settings on top of `VALUES`."""
    values = {**{key: item["default"] for key, item in SCHEMA.items()}, **VALUES, **changes}
    wire = {f"gke-tpu-inference-bootstrap:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    return declared(json.dumps({"gcp:project": "acme-ci", **wire}), (), False, FOLDER)


def cel(expression: str, claims: dict[str, str]) -> Any:
    """The value of an expression in the little CEL that the program uses, for the claims of a token."""
    python = re.sub(r"has\(assertion\.(\w+)\)", r"('\1' in assertion)", expression)
    python = re.sub(r"assertion\.(\w+)", r"assertion['\1']", python)
    python = python.replace("&&", "and").replace("||", "or").replace("!(", "not (")
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
