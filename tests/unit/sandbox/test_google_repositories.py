"""Repositories of Artifact Registry in the simulated Google Cloud: what is refused, what each fetches, who reads it."""

from typing import Any

import pytest

from sandbox.clouds import google_repositories
from sandbox.clouds.google_kinds import ACCOUNT, MEMBER, REPOSITORY, REPOSITORY_MEMBER
from sandbox.clouds.inventory import CloudError
from sandbox.clouds.registries import Remote
from tests.support.google_project import Project

PREFIX = "europe-west4-docker.pkg.dev/p/hub"
REMOTE = {
    "repositoryId": "hub",
    "location": "europe-west4",
    "format": "DOCKER",
    "mode": "REMOTE_REPOSITORY",
    "remoteRepositoryConfig": {"dockerRepository": {"publicRepository": "DOCKER_HUB"}},
}


def common(uri: str) -> dict[str, Any]:
    return {"remoteRepositoryConfig": {"commonRepository": {"uri": uri}}}


@pytest.mark.parametrize(
    ("changes", "host"),
    [
        ({}, "docker.io"),
        (common("https://registry-1.docker.io"), "docker.io"),
        (common("https://quay.io"), "quay.io"),
        (common("https://ghcr.io/"), "ghcr.io"),
        ({"remoteRepositoryConfig": {"dockerRepository": {"customRepository": {"uri": "https://ghcr.io"}}}}, "ghcr.io"),
    ],
)
def test_remote_repository_fetches_from_a_publisher(project: Project, changes: dict[str, Any], host: str) -> None:
    made = project.create(REPOSITORY, **REMOTE | changes)
    assert made["name"] == "hub"
    assert google_repositories.remotes(project.google.inventory.find(), "") == {PREFIX: Remote(host)}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"repositoryId": "Hub"}, "Invalid repository ID 'Hub'"),
        ({"repositoryId": "a" * 64}, "Invalid repository ID"),
        ({"repositoryId": "hub-"}, "Invalid repository ID 'hub-'"),
        ({"location": "europe-west4-a"}, "Location europe-west4-a is not found"),
        ({"mode": "MIRROR"}, "expected mode to be one of"),
        ({"mode": "STANDARD_REPOSITORY"}, "a remote repository, and no other, takes remote_repository_config"),
        ({"remoteRepositoryConfig": {}}, "a remote repository, and no other, takes remote_repository_config"),
        (
            {"remoteRepositoryConfig": {"dockerRepository": {}, "commonRepository": {"uri": "https://quay.io"}}},
            "takes exactly one of its repositories",
        ),
        ({"remoteRepositoryConfig": {"description": "quay.io"}}, "takes exactly one of its repositories"),
        ({"remoteRepositoryConfig": {"dockerRepository": {"publicRepository": "QUAY"}}}, "is no registry that answers"),
        (common("https://registry.istio.io"), "is no registry that answers"),
        (common("https://docker.io"), "is no registry that answers"),
        (common("quay.io"), "is no registry that answers"),
        (common("http://quay.io"), "is no registry that answers"),
    ],
)
def test_repository_that_cannot_be_made_is_refused(project: Project, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(CloudError, match=why):
        project.create(REPOSITORY, **REMOTE | changes)


def test_repository_wants_its_api(project: Project) -> None:
    project.google.inventory.enabled_apis.discard("p/artifactregistry.googleapis.com")
    with pytest.raises(CloudError, match=r"artifactregistry\.googleapis\.com API has not been used in project p"):
        project.create(REPOSITORY, **REMOTE)


def test_repository_is_there_before_somebody_reads_it(project: Project) -> None:
    email = project.create(ACCOUNT, accountId="nodes")["email"]
    reader = {
        **{"project": "p", "location": "europe-west4", "repository": "hub"},
        **{"role": "roles/artifactregistry.reader", "member": f"serviceAccount:{email}"},
    }
    with pytest.raises(CloudError, match="404"):
        project.create(REPOSITORY_MEMBER, **reader)
    project.create(REPOSITORY, **REMOTE)
    project.create(REPOSITORY_MEMBER, **reader)
    with pytest.raises(CloudError, match="404"):
        project.create(REPOSITORY_MEMBER, **reader | {"location": "us-east5"})


@pytest.mark.parametrize(
    ("grant", "readable"),
    [
        ({}, False),
        ({"role": "roles/container.defaultNodeServiceAccount"}, False),
        ({"role": "roles/artifactregistry.reader"}, True),
        ({"role": "roles/artifactregistry.reader", "repository": "hub", "location": "europe-west4"}, True),
        ({"role": "roles/artifactregistry.reader", "repository": "other", "location": "europe-west4"}, False),
    ],
)
def test_account_reads_what_it_was_granted(project: Project, grant: dict[str, str], readable: bool) -> None:
    email = project.create(ACCOUNT, accountId="nodes")["email"]
    project.create(REPOSITORY, **REMOTE)
    project.create(REPOSITORY, **REMOTE | {"repositoryId": "other"})
    if grant:
        kind = REPOSITORY_MEMBER if "repository" in grant else MEMBER
        project.create(kind, project="p", member=f"serviceAccount:{email}", **grant)
    items = project.google.inventory.find()
    assert google_repositories.remotes(items, email)[PREFIX] == Remote("docker.io", readable)
    assert google_repositories.remotes(items, "nodes@elsewhere.iam.gserviceaccount.com")[PREFIX].readable


def test_images_that_nodes_cannot_pull_are_told_wherever_they_stand() -> None:
    known = {PREFIX: Remote("docker.io"), "us-docker.pkg.dev/p/closed": Remote("quay.io", readable=False)}
    inputs = {
        "values": {"hub": f"{PREFIX}/istio", "list": ["us-docker.pkg.dev/p/closed/a:1", 1, None]},
        "image": "us-docker.pkg.dev/p/gone/a:1",
        "mirror": "europe-docker.pkg.dev/simulated-project/images/a:1",
        "other": "quay.io/a/b:1",
    }
    assert list(google_repositories.unpullable(inputs, known)) == [
        "us-docker.pkg.dev/p/closed/a:1: 403 Forbidden",
        "us-docker.pkg.dev/p/gone/a:1: not found",
    ]
