"""Which Pulumi CLI is used: one on PATH if the project takes it, else one that is built."""

from pathlib import Path

import pytest

from sandbox.build import places, programs
from sandbox.engine import pulumi_cli


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only program on PATH; nothing is built, but noted in the folder `built`."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(places, "BIN", tmp_path / "ours" / "bin")
    monkeypatch.setattr(programs, "build", lambda module: (tmp_path / f"built {module}").touch())
    return tmp_path / "pulumi"


def version(cli: Path, says: str) -> None:
    cli.write_text(f"#!/bin/sh\necho {says}\n")
    cli.chmod(0o755)


@pytest.mark.parametrize("says", ["v3.{}.{}", "v3.1000.0", "v4.0.0-dev.0"])
def test_new_enough_cli_on_path_makes_building_needless(cli: Path, says: str) -> None:
    version(cli, says.format(*pulumi_cli.required()[1:]))
    assert (pulumi_cli.ensure(), pulumi_cli.root()) == (cli, None)
    assert not cli.with_name("built pulumi").exists()


@pytest.mark.parametrize("says", ["v3.0.0", "v2.1000.0", "unknown"])
def test_older_cli_on_path_is_passed_over(cli: Path, says: str) -> None:
    version(cli, says)
    ours = cli.parent / "ours"
    assert (pulumi_cli.ensure(), pulumi_cli.root()) == (ours / "bin" / "pulumi", str(ours))
    assert cli.with_name("built pulumi").exists()


def test_no_cli_on_path_is_built(cli: Path) -> None:
    assert pulumi_cli.root() == str(cli.parent / "ours")
