"""That each chart and image is pinned."""

import re

import pytest

from infra.releases import pins
from infra.releases.pins import Chart

ISTIO = {"base", "istiod", "gateway"}
KSERVE = {"kserve-llmisvc-crd", "kserve-llmisvc-resources", "kserve-runtime-configs"}


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


def test_keda_comes_from_its_publishers_repository_in_an_exact_version() -> None:
    assert Chart("keda", "2.21.0", "https://kedacore.github.io/charts") == pins.KEDA


def test_image_is_pinned_to_an_exact_tag() -> None:
    assert re.fullmatch(r"docker\.io/vllm/vllm-tpu:v\d+\.\d+\.\d+", pins.VLLM_TPU_IMAGE)
