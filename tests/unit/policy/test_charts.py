"""The policy's rules for what Helm installs, where they take more than a resource to show."""

from pathlib import Path

import pytest

from policy.rules import charts
from policy.rules.resource import UNKNOWN, Resource
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


CERT_MANAGER, KEDA = "oci://quay.io/jetstack/charts/cert-manager", "https://kedacore.github.io/charts"
POD = {"apiVersion": "v1", "kind": "Pod"}


@pytest.mark.parametrize(
    ("resource", "part"),
    [
        (release(chart=CERT_MANAGER, values={"crds": {}, "extraObjects": [POD]}), "values has extraObjects, which"),
        (release(values={"sidecarInjectorWebhook": {"templates": {"a": "x"}}}), "does not set for istiod"),
        (release(values={"_internal_defaults_do_not_set": {}}), "_internal_defaults_do_not_set"),
        (release(chart="keda", repositoryOpts={"repo": KEDA}, values={"extraObjects": {}}), "does not set for keda"),
        (
            release(chart="oci://own.example/istiod", values={"extra": 1})._replace(own=("oci://own.example",)),
            "does not set for istiod",
        ),
        (release(values={"global": {"istioNamespace": "a\n---\nkind: Pod"}}), "values.global.istioNamespace is"),
        (release(values={"global": {"istioNamespace": "a\r---"}}), "its second line for another object"),
    ],
)
def test_values_that_make_other_objects_are_refused(resource: Resource, part: str) -> None:
    said = broken(resource)
    assert set(said) == {"plain-values"}
    assert part in said["plain-values"][0]


def test_values_that_a_preview_does_not_know_break_no_rule() -> None:
    assert broken(release(values={"global": UNKNOWN, "pilot": {"env": UNKNOWN}})) == {}
