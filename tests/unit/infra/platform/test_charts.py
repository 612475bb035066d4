"""Where Helm charts come from, and how they become releases."""

import json

import pytest

from infra.platform import charts
from infra.releases import pins
from infra.releases.pins import Chart
from tests.support.dependencies import needs
from tests.support.program import Declared, Run

CHART = Chart("cert-manager", "v1.21.2", "oci://quay.io/jetstack/charts")
RELEASES = {
    "istio-base": "base",
    "istiod": "istiod",
    "inference-gateway": "gateway",
    "cert-manager": "cert-manager",
    "kserve-llmisvc-crd": "kserve-llmisvc-crd",
    "kserve-llmisvc-resources": "kserve-llmisvc-resources",
    "kserve-runtime-configs": "kserve-runtime-configs",
}
"""The chart of each release, by its name."""


# Sources


def test_chart_is_named_by_its_reference() -> None:
    assert charts.source(CHART, "") == {"chart": "oci://quay.io/jetstack/charts/cert-manager", "version": "v1.21.2"}


def test_registry_mirror_has_the_pinned_version_under_the_charts_own_name() -> None:
    assert charts.source(CHART, "oci://mirror.example.com/charts") == {
        "chart": "oci://mirror.example.com/charts/cert-manager",
        "version": "v1.21.2",
    }


def test_directory_mirror_is_taken_as_it_lies_there() -> None:
    assert charts.source(CHART, "/srv/charts") == {"chart": "/srv/charts/cert-manager"}


@pytest.mark.parametrize("mirror", ["oci://mirror.example.com/charts", "/srv/charts"])
@pytest.mark.parametrize("chart", pins.CHARTS, ids=lambda chart: chart.name)
def test_mirror_leaves_nothing_to_fetch_from_the_publisher(chart: Chart, mirror: str) -> None:
    publisher = chart.source.split("://")[1]

    assert publisher not in json.dumps(charts.source(chart, mirror))


def test_chart_of_a_repository_is_asked_for_by_its_name() -> None:
    assert charts.source(pins.KEDA, "") == {
        "chart": "keda",
        "version": "2.21.0",
        "repository_opts": {"repo": "https://kedacore.github.io/charts"},
    }


@pytest.mark.parametrize("mirror", ["oci://mirror.example.com/charts", "/srv/charts"])
def test_mirror_has_the_chart_of_a_repository_too(mirror: str) -> None:
    of_registry = {"version": "2.21.0"} if "://" in mirror else {}

    assert charts.source(pins.KEDA, mirror) == {"chart": f"{mirror}/keda", **of_registry}


# Releases


def test_exactly_these_releases_each_of_its_own_chart(dev: Declared) -> None:
    assert {r.inputs["name"]: r.inputs["chart"].split("/")[-1] for r in dev.all(":Release")} == RELEASES


def test_a_release_makes_no_namespace(dev: Declared) -> None:
    assert not [r.name for r in dev.all(":Release") if "createNamespace" in r.inputs]


def test_a_release_has_ten_minutes_to_pull_its_images_and_start(dev: Declared) -> None:
    """The provider's own five are short for a first node that pulls from three registries."""
    assert {r.inputs["timeout"] for r in dev.all(":Release")} == {10 * 60}


def test_a_release_goes_before_its_replacement_comes(dev: Declared) -> None:
    """Both have the same name, so Helm would refuse the new one beside the old one."""
    assert {r.name: r.request.deleteBeforeReplace for r in dev.all(":Release")} == dict.fromkeys(RELEASES, True)


def test_a_pinned_version_reaches_every_release(dev: Declared) -> None:
    pinned = {c.name: c.version for c in pins.CHARTS}
    for r in dev.all(":Release"):
        assert r.inputs["version"] == pinned[r.inputs["chart"].split("/")[-1]]


def test_chart_mirror_replaces_every_source(run: Run) -> None:
    for r in run(chartMirror="oci://registry.example/charts").all(":Release"):
        assert r.inputs["chart"].startswith("oci://registry.example/charts/")
        assert "repositoryOpts" not in r.inputs


def test_charts_come_in_order(dev: Declared) -> None:
    def waits(later: str, earlier: str) -> bool:
        return f"Release {earlier}" in needs(dev, dev.one(":Release", later))

    assert waits("istiod", "istio-base")
    assert waits("kserve-llmisvc-resources", "cert-manager")
    assert waits("kserve-llmisvc-resources", "kserve-llmisvc-crd")
    assert waits("kserve-runtime-configs", "kserve-llmisvc-resources")
    assert waits("inference-gateway", "istiod")


@pytest.mark.parametrize(
    ("release", "namespace"),
    [
        ("istio-base", "istio-system"),
        ("istiod", "istio-system"),
        ("inference-gateway", "istio-ingress"),
        ("cert-manager", "cert-manager"),
        ("kserve-llmisvc-crd", "kserve"),
        ("kserve-llmisvc-resources", "kserve"),
        ("kserve-runtime-configs", "kserve"),
    ],
)
def test_each_release_has_the_namespace_that_others_expect(dev: Declared, release: str, namespace: str) -> None:
    assert dev.one(":Release", release).inputs["namespace"] == namespace
