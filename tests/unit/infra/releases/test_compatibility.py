"""Which versions go together: the pins do, what does not is refused, and docs/upgrades.md says the same."""

import re

import pulumi
import pytest

from infra.releases import compatibility, pins
from infra.releases.compatibility import GATEWAY_API, RELEASES, gke_problem, gke_warnings, problems
from infra.settings import load
from tests.support.project import ROOT

PAGE = (ROOT / "docs/upgrades.md").read_text()


def at_versions(**moved: str) -> dict[str, str]:
    """The pinned versions, those of some products moved."""
    return {**pins.VERSIONS, **moved}


def test_pinned_charts_go_together() -> None:
    assert list(problems(pins.VERSIONS)) == []


def test_every_product_has_a_version_and_every_version_a_chart() -> None:
    assert {**pins.VERSIONS, **pins.KEDA_VERSION}.keys() == RELEASES.keys()
    assert {chart.version for chart in pins.CHARTS} == set(pins.VERSIONS.values())
    assert {pins.KEDA.version} == set(pins.KEDA_VERSION.values())


def test_all_that_a_stack_may_install_goes_together() -> None:
    assert list(problems({**pins.VERSIONS, **pins.KEDA_VERSION})) == []
    assert compatibility.kubernetes({**pins.VERSIONS, **pins.KEDA_VERSION}) == ("1.34", "1.36")


def test_known_release_of_one_product_is_accepted() -> None:
    assert list(problems(at_versions(Istio="1.30.2"))) == []


def test_release_without_a_row_is_refused_with_the_way_to_add_one() -> None:
    [problem] = problems(at_versions(Istio="1.32.0"))
    assert problem == (
        "Istio 1.32.0: 1.32 is not among the releases that are known to go with the others: 1.29, 1.30, 1.31. Use one "
        "of them, or read its release notes and add it to infra/releases/compatibility.py and docs/upgrades.md."
    )


def test_release_that_another_is_too_old_for_is_refused() -> None:
    [problem] = problems(at_versions(**{"cert-manager": "v1.17.4"}))
    assert problem == (
        "KServe v0.20.0 needs cert-manager 1.18 or newer, not v1.17.4 "
        "(https://kserve.github.io/website/docs/admin-guide/kubernetes-deployment-llmisvc)."
    )


def test_releases_of_two_products_without_rows_are_refused_by_name() -> None:
    found = list(problems(at_versions(Istio="1.99.0", **{"cert-manager": "v1.99.0"})))
    assert [problem.split(":")[0] for problem in found] == ["Istio 1.99.0", "cert-manager v1.99.0"]


def test_releases_without_a_kubernetes_in_common_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    old = RELEASES["Istio"]["1.29"]._replace(newest="1.32")
    monkeypatch.setattr(compatibility, "RELEASES", {**RELEASES, "Istio": {"1.29": old}})
    [problem] = problems(at_versions(Istio="1.29.1", **{"cert-manager": "v1.21.0"}))
    assert problem == (
        "no Kubernetes runs all of them: Istio 1.29 on 1.31 to 1.32, KServe 0.20 on 1.32 or newer, "
        "cert-manager 1.21 on 1.33 to 1.36. Use releases that have one in common."
    )


@pytest.mark.parametrize("version", ["1.33.0-gke.1", "1.36.9-gke.9999999"])
def test_gke_in_the_range_of_all_is_accepted_without_a_word(version: str) -> None:
    assert gke_problem(version, pins.VERSIONS) is None
    assert list(gke_warnings(version, pins.VERSIONS)) == []


def test_unset_gke_version_is_accepted_without_a_word() -> None:
    assert list(gke_warnings("", pins.VERSIONS)) == []


def test_gke_older_than_one_of_the_charts_is_refused() -> None:
    problem = gke_problem("1.32.9-gke.1", at_versions(**{"cert-manager": "v1.21.0"}))
    assert problem == (
        "is older than cert-manager 1.21 is supported on, which is 1.33 to 1.36 "
        "(https://cert-manager.io/docs/releases/). Use 1.33 to 1.36, or remove it to use the channel's."
    )


def test_gke_older_than_several_is_told_of_the_one_that_asks_for_most() -> None:
    assert str(gke_problem("1.28.1-gke.1", pins.VERSIONS)).startswith("is older than cert-manager 1.21 is supported on")


def test_releases_of_kubernetes_are_compared_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    istio = RELEASES["Istio"]["1.31"]._replace(oldest="1.9", newest="1.100")
    cert_manager = RELEASES["cert-manager"]["1.21"]._replace(oldest="1.10", newest="1.99")
    kserve = RELEASES["KServe"]["0.20"]._replace(oldest="1.2")
    known = {"Istio": {"1.31": istio}, "cert-manager": {"1.21": cert_manager}, "KServe": {"0.20": kserve}}
    monkeypatch.setattr(compatibility, "RELEASES", known)
    assert compatibility.kubernetes(pins.VERSIONS) == ("1.10", "1.99")
    assert str(gke_problem("1.9.1-gke.1", pins.VERSIONS)).startswith("is older than cert-manager 1.21")


def test_gke_newer_than_one_of_the_charts_is_a_warning_that_names_it() -> None:
    versions = at_versions(**{"cert-manager": "v1.20.0"})
    assert gke_problem("1.36.1-gke.1", versions) is None
    assert list(gke_warnings("1.36.1-gke.1", versions)) == [
        "gkeVersion: 1.36.1-gke.1 is newer than what cert-manager 1.20 was supported on when this was written, which "
        "is 1.32 to 1.35. It may run; docs/upgrades.md says where to look."
    ]


def test_gke_whose_gateway_api_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GATEWAY_API, "1.33", "1.2")
    assert gke_problem("1.33.4-gke.1", pins.VERSIONS) == (
        "brings Gateway API 1.2, and KServe 0.20 needs 1.3 or newer "
        "(https://kserve.github.io/website/docs/admin-guide/kubernetes-deployment-llmisvc). Use a newer one, or remove "
        "it to use the channel's."
    )


def test_sandbox_has_a_gateway_api_that_the_charts_take() -> None:
    go_mod = (ROOT / "sandbox/build/tools/gateway-api/go.mod").read_text()
    [pinned] = re.findall(r"sigs.k8s.io/gateway-api v(\d+\.\d+)", go_mod)
    needed = RELEASES["KServe"]["0.20"].needs["Gateway API"]
    assert tuple(map(int, pinned.split("."))) >= tuple(map(int, needed.split(".")))


def test_settings_are_not_even_read_with_versions_that_do_not_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "VERSIONS", at_versions(Istio="1.28.3", KServe="v0.21.0"))
    with pytest.raises(pulumi.RunError) as refused:
        load.load()
    first, *others = str(refused.value).splitlines()
    assert first == "infra/releases/pins.py pins what does not go together; nothing was changed."
    assert [line.split(":")[0] for line in others] == ["  Istio 1.28.3", "  KServe v0.21.0"]


# docs/upgrades.md


def table() -> dict[str, list[str]]:
    """The compatibility table of the page, by its first cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:2] == "| "]
    return {row[0]: row[1:] for row in rows if re.fullmatch(r"(Istio|cert-manager|KServe|KEDA) [\d.]+", row[0])}


def test_page_has_every_release_and_no_other() -> None:
    assert list(table()) == [f"{product} {minor}" for product, of in RELEASES.items() for minor in of]


@pytest.mark.parametrize("name", [f"{product} {minor}" for product, of in RELEASES.items() for minor in of])
def test_page_says_of_a_release_what_the_code_checks(name: str) -> None:
    product, minor = name.split()
    release = RELEASES[product][minor]
    kubernetes, needs, source = table()[name]
    assert kubernetes == (f"{release.oldest} to {release.newest}" if release.newest else f"{release.oldest} or newer")
    assert needs == ", ".join(f"{other} {least} or newer" for other, least in release.needs.items())
    assert f"]({release.source})" in source
