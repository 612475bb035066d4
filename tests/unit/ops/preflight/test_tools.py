"""What is said of the programs that a deployment starts."""

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from ops.preflight import tools
from ops.preflight.findings import Finding, Status
from tests.support.preflight import SAID


def check(**said: str | None) -> list[Finding]:
    """The findings where each program says its usual, but for those that are named, with _ for -."""
    known: dict[str, str | None] = {**SAID, **{name.replace("_", "-"): text for name, text in said.items()}}
    return list(tools.check(lambda command: known[command[0]]))


def test_versions_are_told() -> None:
    assert [(f.status, f.found) for f in check()] == [
        (Status.OK, "pulumi 3.274.1"),
        (Status.OK, "gcloud 528.0.0"),
        (Status.OK, "gke-gcloud-auth-plugin 1.30.0"),
    ]


@pytest.mark.parametrize(
    ("name", "said", "status", "found", "do"),
    [
        ("pulumi", None, Status.FAIL, "pulumi is not on PATH", "docs/deploy.md"),
        ("pulumi", "v3.100.0", Status.FAIL, "pulumi 3.100.0, and >=3.274.1 is needed", "docs/deploy.md"),
        ("pulumi", "odd", Status.FAIL, "pulumi odd, and >=3.274.1 is needed", "docs/deploy.md"),
        ("gcloud", None, Status.WARN, "gcloud is not on PATH", "docs/deploy.md"),
        (
            "gke_gcloud_auth_plugin",
            None,
            Status.FAIL,
            "gke-gcloud-auth-plugin is not on PATH, and Pulumi comes to the cluster by it",
            "gcloud components install gke-gcloud-auth-plugin",
        ),
    ],
)
def test_line(name: str, said: str | None, status: Status, found: str, do: str) -> None:
    [told] = [finding for finding in check(**{name: said}) if finding.status is not Status.OK]
    assert told.status is status
    assert found in told.found
    assert do in told.do


def test_required_version_is_that_of_the_project() -> None:
    assert SpecifierSet(">=3.274.1") == tools.required_pulumi()


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo v1.2.3", "v1.2.3\n"), ("echo v1.2.3 >&2", "v1.2.3\n"), ("exit 3", None), ("sleep 30", None), (None, None)],
)
def test_program_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, said: str | None
) -> None:
    monkeypatch.setattr(tools, "PATIENCE", 1 if script == "sleep 30" else 60)
    if script:
        (tmp_path / "program").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "program").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert tools.ask(["program", "version"]) == said
