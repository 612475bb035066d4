"""Imports run one way: the contracts of import-linter in pyproject.toml."""

import pytest
from importlinter.cli import lint_imports

from tests.support.project import ROOT


def test_imports_keep_the_contracts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    broken = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)

    assert not broken, capsys.readouterr().out
