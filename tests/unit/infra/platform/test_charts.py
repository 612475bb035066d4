"""Where Helm charts come from, and that each is pinned."""

import json
import re

import pytest

from infra.platform import charts
from infra.releases import pins
from infra.releases.pins import Chart

CHART = Chart("cert-manager", "v1.21.2", "oci://quay.io/jetstack/charts")
ISTIO = {"base", "istiod", "gateway"}
KSERVE = {"kserve-llmisvc-crd", "kserve-llmisvc-resources", "kserve-runtime-configs"}


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


# Pins


@pytest.mark.parametrize("chart", pins.CHARTS, ids=lambda chart: chart.name)
def test_chart_is_pinned_to_an_exact_version(chart: Chart) -> None:
    """Helm would take a range for the newest release that fits."""
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", chart.version)


def test_every_chart_has_a_folder_of_its_own_in_a_directory_mirror() -> None:
    names = [chart.name for chart in pins.CHARTS]

    assert sorted(names) == sorted({*ISTIO, *KSERVE, "cert-manager"})


@pytest.mark.parametrize("chart", pins.CHARTS, ids=lambda chart: chart.name)
def test_chart_comes_from_a_registry(chart: Chart) -> None:
    """With any other source, `source` would take the chart's name for a directory."""
    assert re.fullmatch(r"oci://[^\s/]+(/[^\s/]+)+", chart.source)


def test_image_is_pinned_to_an_exact_tag() -> None:
    assert re.fullmatch(r"docker\.io/vllm/vllm-tpu:v\d+\.\d+\.\d+", pins.VLLM_TPU_IMAGE)
