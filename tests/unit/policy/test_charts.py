"""The policy's rules for what Helm installs, where they take more than a resource to show."""

from pathlib import Path

import pytest

from policy.rules import charts
from tests.support.policy import broken, release
from tests.support.project import ROOT


@pytest.mark.parametrize("chart", [*sorted(charts.CHARTS), "oci://own.example/charts/istiod"])
def test_chart_of_a_registry_that_stands_in_the_repository_is_refused(
    chart: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / chart).mkdir(parents=True)
    monkeypatch.setattr(charts, "ROOT", tmp_path)
    said = broken(release(chart=chart)._replace(own=("oci://own.example/charts",)))
    assert "the repository has a file or folder of that name" in said["pinned-charts"][0]


def test_the_rule_looks_where_the_engine_starts_the_provider() -> None:
    assert charts.ROOT == ROOT
