"""A registry of one's own for all images."""

import pytest

from infra.settings import registry
from infra.settings.load import parse
from tests.support.stack_settings import problems, stack

FORM = "LOCATION-docker.pkg.dev/PROJECT/REPOSITORY"
NO_PREFIX = (
    "is not the beginning of images' names: a registry's host, and behind it lower-case letters, digits, dots, hyphens "
    f"and underscores; no user, no tag, no slash last. Use one like {FORM}."
)
NO_REPOSITORY = f"is no repository of Artifact Registry. Use {FORM}, as its page in the console shows it."


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("oci://r.io/a", f"is a URL. Use the beginning of images' names, without a scheme, like {FORM}."),
        ("https://r.io/a", f"is a URL. Use the beginning of images' names, without a scheme, like {FORM}."),
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
        ("", None),
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
