"""The Google APIs that the program calls."""

from tests.support.dependencies import needs
from tests.support.program import Declared


def test_apis_are_enabled_before_anything_else_and_stay_enabled(dev: Declared) -> None:
    apis = dev.all("projects/service:Service")
    assert {a.inputs["service"] for a in apis} >= {"compute.googleapis.com", "container.googleapis.com"}
    assert all(a.inputs["disableOnDestroy"] is False for a in apis)
    google = [r for r in dev if r.type.startswith("gcp:") and r not in apis]
    assert len(google) >= 10
    for resource in google:
        assert {f"Service {a.name}" for a in apis} <= needs(dev, resource), resource.name


def test_google_apis_are_the_ones_that_an_empty_project_lacks(dev: Declared) -> None:
    assert {a.inputs["service"].removesuffix(".googleapis.com") for a in dev.all("projects/service:Service")} == {
        "artifactregistry",
        "containerfilesystem",
        "cloudresourcemanager",
        "compute",
        "container",
        "iam",
    }
