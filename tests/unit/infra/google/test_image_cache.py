"""Remote repositories of Artifact Registry, by which nodes pull images."""

import pytest

from infra.google.image_cache import upstream
from infra.releases import images, pins
from tests.support.dependencies import needs
from tests.support.program import Declared, Run, gke

HOSTS = {"docker-io": "docker.io", "ghcr-io": "ghcr.io", "quay-io": "quay.io"}


def test_each_publisher_has_a_repository_where_the_cluster_is(dev: Declared) -> None:
    found = {r.name: r for r in dev.all("artifactregistry/repository:Repository")}
    assert found.keys() == HOSTS.keys()
    for name, host in HOSTS.items():
        assert found[name].inputs == {
            "project": "my-project",
            "location": "europe-west4",
            "repositoryId": f"tpu-inference-dev-{name}",
            "format": "DOCKER",
            "mode": "REMOTE_REPOSITORY",
            "description": f"Images of {host}, as the nodes of a stack pull them",
            "remoteRepositoryConfig": found[name].inputs["remoteRepositoryConfig"],
        }
        assert found[name].request.parent.endswith("infra:Cluster$gke-tpu-inference:infra:ImageCache::tpu-inference")
    assert found["docker-io"].inputs["remoteRepositoryConfig"] == {
        "description": "docker.io",
        "dockerRepository": {"publicRepository": "DOCKER_HUB"},
    }
    assert found["quay-io"].inputs["remoteRepositoryConfig"] == {
        "description": "quay.io",
        "commonRepository": {"uri": "https://quay.io"},
    }


def test_every_image_comes_from_a_publisher_that_has_one() -> None:
    assert set(HOSTS.values()) == set(images.HOSTS) == {image.partition("/")[0] for image in pins.IMAGES}


@pytest.mark.parametrize("host", images.HOSTS)
def test_upstream_is_the_publisher_and_asks_for_no_credentials(host: str) -> None:
    assert "upstream_credentials" not in upstream(host)
    assert upstream(host).get("description") == host


def test_nodes_are_readers_of_each_and_may_stream_before_there_are_any(dev: Declared) -> None:
    grants = {r.name: r for r in dev.all(":RepositoryIamMember")}
    assert {name: r.inputs["repository"] for name, r in grants.items()} == {
        name: f"tpu-inference-dev-{name}" for name in HOSTS
    }
    assert {r.inputs["role"] for r in grants.values()} == {"roles/artifactregistry.reader"}
    for name, grant in grants.items():
        assert {f"Repository {name}", "Account nodes"} <= needs(dev, grant)
    streams = dev.one("projects/iAMMember:IAMMember", "images")
    assert (streams.inputs["role"], streams.inputs["project"]) == (
        "roles/serviceusage.serviceUsageConsumer",
        "my-project",
    )
    first = {"IAMMember images", "IAMMember nodes", *(f"RepositoryIamMember {name}" for name in HOSTS)}
    assert first <= needs(dev, dev.one("container/cluster:Cluster"))


def test_nothing_in_the_cluster_is_made_before_its_images_can_be_pulled(run: Run) -> None:
    declared = run(nodeServiceAccount="gke-nodes@my-project.iam.gserviceaccount.com")
    assert declared.all(":RepositoryIamMember") == declared.all("projects/iAMMember:IAMMember") == []
    in_cluster = [r for r in declared if r.type.startswith("kubernetes:")]
    assert len(in_cluster) > 10
    for resource in in_cluster:
        assert {f"Repository {name}" for name in HOSTS} <= needs(declared, resource), resource.name


@pytest.mark.parametrize(
    "registry", ["publishers", "r.example.com/images", "europe-docker.pkg.dev/other-project/images"]
)
def test_stack_that_pulls_otherwise_has_none(run: Run, registry: str) -> None:
    declared = run(imageRegistry=registry)
    assert declared.all("artifactregistry/repository:Repository") == declared.all("infra:ImageCache") == []
    assert [r.name for r in declared.all("projects/iAMMember:IAMMember")] == ["nodes"]
    assert "artifactregistry.googleapis.com" not in {
        r.inputs["service"] for r in declared.all(":Service") if "service" in r.inputs
    }


@pytest.mark.parametrize(
    ("registry", "streams"),
    [
        ("cache", True),
        ("europe-docker.pkg.dev/other-project/images", True),
        ("publishers", False),
        ("r.example.com/images", False),
    ],
)
def test_nodes_stream_images_that_are_in_artifact_registry(run: Run, registry: str, streams: bool) -> None:
    declared = run(imageRegistry=registry)
    configs = [gke(declared)["nodeConfig"], *(pool.inputs["nodeConfig"] for pool in declared.all(":NodePool"))]
    assert [config.get("gcfsConfig") for config in configs] == [{"enabled": True} if streams else None] * 3
    apis = {r.inputs["service"] for r in declared.all("projects/service:Service")}
    assert ("containerfilesystem.googleapis.com" in apis) is streams
