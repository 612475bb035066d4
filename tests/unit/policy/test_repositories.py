"""The policy's view of remote repositories: which may be, and what comes by them."""

from typing import Any

import pytest

from policy.rules import repositories
from policy.rules.repositories import REPOSITORY, caches, origin, with_caches
from policy.rules.resource import UNKNOWN, Resource
from tests.support.policy import broken, refused, release, service, taken

PLACE = "europe-west4-docker.pkg.dev/p/dev-hub"
HUB: dict[str, Any] = {
    "project": "p",
    "location": "europe-west4",
    "repositoryId": "dev-hub",
    "format": "DOCKER",
    "mode": "REMOTE_REPOSITORY",
    "remoteRepositoryConfig": {"description": "docker.io", "dockerRepository": {"publicRepository": "DOCKER_HUB"}},
}
RULE = "remote-repositories"


def repository(provider: str = "p", **props: Any) -> Resource:
    return Resource(REPOSITORY, "hub", HUB | props, {"project": provider})


def common(uri: str) -> Resource:
    return repository(remoteRepositoryConfig={"commonRepository": {"uri": uri}})


BAD = {
    "one that can be pushed to": (
        repository(mode="STANDARD_REPOSITORY"),
        RULE,
        'mode is "STANDARD_REPOSITORY", so who may push to it says what runs.',
    ),
    "one that asks several": (repository(mode="VIRTUAL_REPOSITORY"), RULE, 'mode is "VIRTUAL_REPOSITORY"'),
    "one without a mode": (repository(mode=None), RULE, "mode is null"),
    "one that fetches from elsewhere": (
        common("https://evil.example"),
        RULE,
        'remoteRepositoryConfig is {"commonRepository": {"uri": "https://evil.example"}}, which fetches from no',
    ),
    "one that fetches in plain text": (common("http://quay.io"), RULE, "http://quay.io"),
    "one that fetches from a path": (common("https://quay.io/evil"), RULE, "https://quay.io/evil"),
    "one that fetches from nowhere": (repository(remoteRepositoryConfig=None), RULE, "remoteRepositoryConfig is null"),
    "one of another project": (
        repository(provider="other"),
        RULE,
        'project is "p", and the stack\'s is "other": who owns the other one says what runs.',
    ),
}
test_rule_refuses = refused(BAD)
test_rule_takes = taken(
    {
        "Docker Hub": repository(),
        "another publisher": common("https://ghcr.io"),
        "the provider's project": repository(project=None),
        "what a preview does not know": repository(
            project=UNKNOWN, mode=UNKNOWN, remoteRepositoryConfig=UNKNOWN, provider=UNKNOWN
        ),
    }
)


def test_every_rule_has_its_bad_case() -> None:
    assert {rule for _, rule, _ in BAD.values()} == {rule.name for rule in repositories.RULES}


def test_caches_are_the_repositories_that_keep_the_rule() -> None:
    quay = common("https://quay.io")
    assert caches([repository(), service(), *(bad for bad, _, _ in BAD.values())]) == {PLACE: "docker.io"}
    assert caches([repository(project=None), quay._replace(props={**quay.props, "repositoryId": "q"})]) == {
        PLACE: "docker.io",
        "europe-west4-docker.pkg.dev/p/q": "quay.io",
    }
    assert caches([repository(project="example.com:p", provider="example.com:p")]) == {
        "europe-west4-docker.pkg.dev/example.com/p/dev-hub": "docker.io"
    }


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (f"{PLACE}/vllm/vllm-tpu:v1", "docker.io/vllm/vllm-tpu:v1"),
        (f"{PLACE}2/vllm/vllm-tpu:v1", f"{PLACE}2/vllm/vllm-tpu:v1"),
        ("quay.io/a/b:v1", "quay.io/a/b:v1"),
    ],
)
def test_image_by_a_cache_is_the_publishers(image: str, name: str) -> None:
    assert origin(image, {PLACE: "docker.io"}) == name


@pytest.mark.parametrize(
    ("resource", "rules"),
    [
        (service(image=f"{PLACE}/vllm/vllm-tpu:v0.27.0"), set[str]()),
        (service(image=f"{PLACE}/evil/vllm-tpu:v0.27.0"), {"pinned-images"}),
        (service(image=f"{PLACE}/llm-d/epp:v0.9.0"), {"pinned-images"}),  # of another publisher
        (service(image=f"{PLACE}/vllm/vllm-tpu:latest"), {"pinned-images"}),
        (service(image="europe-west4-docker.pkg.dev/p/dev-hub2/vllm/vllm-tpu:v0.27.0"), {"pinned-images"}),
        (service(image="europe-west4-docker.pkg.dev/evil/dev-hub/vllm/vllm-tpu:v0.27.0"), {"pinned-images"}),
        (release(values={"global": {"hub": f"{PLACE}/istio"}}), set[str]()),
        (release(values={"global": {"hub": PLACE}}), {"images-of-charts"}),
        (release(values={"global": {"hub": f"{PLACE}/istio2"}}), {"images-of-charts"}),
        (release(values={"global": {"imageRegistry": "quay.io"}}), set[str]()),
        (release(values={"global": {"imageRegistry": "quay.io", "imageNamespace": "jetstack"}}), set[str]()),
        (release(values={"global": {"imageNamespace": "evil"}}), {"images-of-charts"}),
        (release(values={"global": {"imageRegistry": PLACE}}), {"images-of-charts"}),  # no jetstack there
        (release(values={"global": {"imageRegistry": PLACE, "imageNamespace": "vllm"}}), set[str]()),
    ],
)
def test_what_comes_by_a_cache_is_judged_as_the_publishers(resource: Resource, rules: set[str]) -> None:
    _, judged = with_caches([repository(), resource])
    assert set(broken(judged)) == rules


def test_without_the_repository_nothing_comes_by_it() -> None:
    assert set(broken(service(image=f"{PLACE}/vllm/vllm-tpu:v0.27.0"))) == {"pinned-images"}
