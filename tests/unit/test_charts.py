"""Where Helm charts come from, and that each is pinned."""

import json
import re

import pytest

from infra import charts, versions
from infra.versions import Chart

OCI = Chart("cert-manager", "v1.19.1", "oci://quay.io/jetstack/charts")
CLASSIC = Chart("istiod", "1.31.1", "https://istio-release.storage.googleapis.com/charts")
ISTIO = {"base", "istiod", "gateway"}
KSERVE = {"kserve-llmisvc-crd", "kserve-llmisvc-resources", "kserve-runtime-configs"}


def versions_of(names: set[str]) -> list[str]:
    return [chart.version for chart in versions.CHARTS if chart.name in names]


# Sources


def test_chart_in_a_registry_is_named_by_its_reference() -> None:
    assert charts.source(OCI, "") == {"chart": "oci://quay.io/jetstack/charts/cert-manager", "version": "v1.19.1"}


def test_chart_in_a_classic_repository_is_named_beside_it() -> None:
    assert charts.source(CLASSIC, "") == {
        "chart": "istiod",
        "version": "1.31.1",
        "repository_opts": {"repo": "https://istio-release.storage.googleapis.com/charts"},
    }


@pytest.mark.parametrize("chart", [OCI, CLASSIC], ids=["from a registry", "from a classic repository"])
def test_registry_mirror_has_the_pinned_version_under_the_charts_own_name(chart: Chart) -> None:
    assert charts.source(chart, "oci://mirror.example.com/charts") == {
        "chart": f"oci://mirror.example.com/charts/{chart.name}",
        "version": chart.version,
    }


@pytest.mark.parametrize("chart", [OCI, CLASSIC], ids=["from a registry", "from a classic repository"])
def test_directory_mirror_has_the_version_that_lies_there(chart: Chart) -> None:
    assert charts.source(chart, "/srv/charts") == {"chart": f"/srv/charts/{chart.name}"}


@pytest.mark.parametrize("mirror", ["oci://mirror.example.com/charts", "/srv/charts"])
@pytest.mark.parametrize("chart", versions.CHARTS, ids=lambda chart: chart.name)
def test_mirror_leaves_nothing_to_fetch_from_the_publisher(chart: Chart, mirror: str) -> None:
    publisher = chart.source.split("://")[1]

    assert publisher not in json.dumps(charts.source(chart, mirror))


# Pins


@pytest.mark.parametrize("chart", versions.CHARTS, ids=lambda chart: chart.name)
def test_chart_is_pinned_to_an_exact_version(chart: Chart) -> None:
    """Helm would take a range for the newest release that fits."""
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", chart.version)


def test_every_chart_has_a_folder_of_its_own_in_a_directory_mirror() -> None:
    names = [chart.name for chart in versions.CHARTS]

    assert sorted(names) == sorted({*ISTIO, *KSERVE, "cert-manager"})


def test_charts_of_istio_share_one_version() -> None:
    assert len(set(versions_of(ISTIO))) == 1


def test_istio_is_new_enough_that_bodies_reach_the_endpoint_picker() -> None:
    """Older ones lose them on the way, or do not know InferencePool v1."""
    major, minor, _ = versions_of(ISTIO)[0].split(".")

    assert (int(major), int(minor)) >= (1, 29)


def test_charts_of_kserve_share_one_version() -> None:
    assert len(set(versions_of(KSERVE))) == 1


def test_kserve_is_the_version_with_the_controller_of_llm_inference_services() -> None:
    """The names of backends, flags and overrides here are this version's."""
    assert versions_of(KSERVE)[0].startswith("v0.20.")


def test_image_is_pinned_to_an_exact_tag() -> None:
    assert re.fullmatch(r"docker\.io/vllm/vllm-tpu:v\d+\.\d+\.\d+", versions.VLLM_TPU_IMAGE)
