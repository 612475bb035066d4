"""A registry of one's own for all images."""

import hashlib
import re

import pytest

from infra.settings import registry
from infra.settings.load import parse
from tests.support.stack_settings import problems, stack

FORM = "LOCATION-docker.pkg.dev/PROJECT/REPOSITORY"
NO_PREFIX = (
    "is neither cache nor publishers nor the beginning of images' names: a registry's host, and behind it lower-case "
    f"letters, digits, dots, hyphens and underscores; no user, no tag, no slash last. Use one like {FORM}."
)
NO_REPOSITORY = f"is no repository of Artifact Registry. Use {FORM}, as its page in the console shows it."


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("oci://r.io/a", f"is a URL. Use the beginning of images' names, without a scheme, like {FORM}."),
        ("https://r.io/a", f"is a URL. Use the beginning of images' names, without a scheme, like {FORM}."),
        ("", NO_PREFIX),
        ("none", NO_PREFIX),
        ("r.io/a/", NO_PREFIX),
        ("r.io/a:v1", NO_PREFIX),
        ("r.io/Upper", NO_PREFIX),
        ("r.io/a b", NO_PREFIX),
        ("r.io/{{a}}", NO_PREFIX),
        ("library/a", NO_PREFIX),  # container runtimes would look for it on Docker Hub
        ("europe-docker.pkg.dev", NO_REPOSITORY),
        ("europe-docker.pkg.dev/my-project", NO_REPOSITORY),
        ("europe-docker.pkg.dev/p/images", NO_REPOSITORY),
        ("europe-docker.pkg.dev/my-project/my_images", NO_REPOSITORY),
        ("docker.pkg.dev/my-project/images", NO_REPOSITORY),
        ("europe-docker.pkg.dev/example.com/my-project", NO_REPOSITORY),
    ],
)
def test_what_can_be_no_registry_is_refused(value: str, why: str) -> None:
    assert problems(stack({"imageRegistry": value})) == [f'imageRegistry: "{value}" {why}']


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("cache", None),
        ("publishers", None),
        ("r.io/a", None),
        ("localhost:5000", None),
        ("europe-docker.pkg.dev/my-project/images", ("my-project", "europe", "images")),
        ("us-east5-docker.pkg.dev/my-project/images/deeper", ("my-project", "us-east5", "images")),
        ("us-docker.pkg.dev/example.com/my-project/images", ("example.com:my-project", "us", "images")),
    ],
)
def test_repository_of_artifact_registry_is_found_in_a_name(value: str, place: tuple[str, str, str] | None) -> None:
    assert registry.repository(parse(stack({"imageRegistry": value})).image_registry) == place


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        ("cache", []),
        ("publishers", []),
        ("europe-docker.pkg.dev/my-project/images", []),
        ("us-east5-docker.pkg.dev/my-project/images", []),
        (
            "europe-east9-docker.pkg.dev/my-project/images",
            [
                "imageRegistry: europe-east9 was not known to be a location of Artifact Registry when this was "
                "written. If there is none of that name, nothing can be pulled: `gcloud artifacts locations list`."
            ],
        ),
        (
            "r.io/a",
            [
                "imageRegistry: r.io/a is not in Artifact Registry, so the nodes' account is granted nothing there. "
                "The nodes pull from it only if it asks for no credentials."
            ],
        ),
    ],
)
def test_warning_of_a_registry(value: str, warning: list[str]) -> None:
    assert parse(stack({"imageRegistry": value})).warnings == warning


def names(stack_name: str) -> list[str]:
    return [place.name for place in parse(stack(), stack=stack_name).caches.values()]


def test_repositories_of_a_stack_are_named_after_it_and_the_publisher() -> None:
    caches = parse(stack({"location": "us-east5-a", "tpuZones": ["us-east5-a"]}), stack="prod").caches
    assert list(caches) == ["docker.io", "ghcr.io", "quay.io"]
    assert caches["ghcr.io"] == ("my-project", "us-east5", "tpu-inference-prod-ghcr-io")
    assert caches["ghcr.io"].prefix == "us-east5-docker.pkg.dev/my-project/tpu-inference-prod-ghcr-io"


def test_project_of_a_domain_has_two_parts_in_the_names_of_images() -> None:
    settings = parse(stack({"gcp:project": "example.com:my-project"}))
    assert settings.image_places["quay.io"] == (
        "europe-west4-docker.pkg.dev/example.com/my-project/tpu-inference-dev-quay-io"
    )
    assert registry.repository(settings.image_places["quay.io"]) == settings.caches["quay.io"]


@pytest.mark.parametrize("name", ["My_Stack.1", "Dev", "___", "a" * 31, "x" * 100, "dev.eu"])
def test_any_name_of_a_stack_makes_names_of_repositories(name: str) -> None:
    assert all(re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", made) for made in names(name))


def test_long_name_of_a_stack_is_cut_and_told_apart_by_a_hash() -> None:
    assert names("a" * 30)[0] == f"tpu-inference-{'a' * 30}-docker-io"
    assert names("a" * 31)[0] == f"tpu-inference-{'a' * 20}-{hashlib.sha256(b'a' * 31).hexdigest()[:8]}-docker-io"


def test_no_two_stacks_of_a_project_share_a_repository() -> None:
    stacks = ["dev", "Dev", "DEV", "d_ev", "d.ev", "d-ev", "a" * 30, "a" * 31, "a" * 32]
    made = [name for stack_name in stacks for name in names(stack_name)]
    assert len(made) == len(set(made)) == 27


def test_stack_that_pulls_otherwise_has_no_repository_of_its_own() -> None:
    for value, streams in {"publishers": False, "r.io/a": False, "us-docker.pkg.dev/my-project/images": True}.items():
        settings = parse(stack({"imageRegistry": value}))
        assert (settings.caches, settings.streams_images) == ({}, streams)
    assert parse(stack()).streams_images
    assert parse(stack({"imageRegistry": "r.io/a"})).image_places == dict.fromkeys(
        ["docker.io", "ghcr.io", "quay.io"], "r.io/a"
    )
    assert parse(stack({"imageRegistry": "publishers"})).image_places == {}
