"""Which stacks a change touches."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from ops import stacks
from tests.support.project import ROOT

KNOWN = ["dev", "prod", "staging"]
TOUCHES_ALL = {"Pulumi.yaml", "__main__.py", "requirements.txt"}
TOUCHES_NONE = {
    *(".ci", ".github", "bootstrap", "docs", "examples", "ops", "sandbox", "tests"),
    *(".editorconfig", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
    *("Makefile", "README.md", "SECURITY.md", "pyproject.toml", "requirements-dev.txt"),
}


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    return done.stdout.splitlines()


@cache
def imports(path: Path) -> set[Path]:
    """The files of this repository that a Python file imports."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            package = path.parent if node.level else ROOT
            base = package.joinpath(*(node.module or "").split(".")) if node.module else package
            names = [base.with_suffix(".py"), base / "__init__.py", *(base / f"{a.name}.py" for a in node.names)]
        elif isinstance(node, ast.Import):
            names = [ROOT.joinpath(*alias.name.split(".")).with_suffix(".py") for alias in node.names]
        else:
            continue
        found |= {name for name in names if name.is_file()}
    return found


def imported(path: Path) -> set[Path]:
    """The files of this repository that a Python file imports, and those that these import."""
    found: set[Path] = set()
    new = imports(path)
    while new:
        found |= new
        new = set[Path]().union(*map(imports, new)) - found
    return found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Pulumi.prod.yaml", ["prod"]),
        ("Pulumi.gone.yaml", []),
        ("Pulumi.yaml", KNOWN),
        ("__main__.py", KNOWN),
        ("requirements.txt", KNOWN),
        ("infra/google/network.py", KNOWN),
        ("policy/rules/grants.py", KNOWN),
        ("oci:/ghcr.io/istio/release/charts/istiod/Chart.yaml", KNOWN),
        ("bootstrap/Pulumi.yaml", []),
        ("bootstrap/__main__.py", []),
        ("bootstrap/Pulumi.prod.yaml", []),
        ("docs/api-access.md", []),
        ("tests/unit/infra/x.py", []),
        ("requirements-dev.txt", []),
    ],
)
def test_path_touches(path: str, expected: list[str]) -> None:
    assert stacks.touched([path], KNOWN) == expected


def test_stacks_of_several_paths_are_put_together() -> None:
    assert stacks.touched(["Pulumi.prod.yaml", "README.md", "Pulumi.dev.yaml"], KNOWN) == ["dev", "prod"]


def test_nothing_changed_touches_nothing() -> None:
    assert stacks.touched([], KNOWN) == []


def test_every_file_of_the_repository_is_known_to_touch_all_one_or_none() -> None:
    unknown = [
        path
        for path in tracked()
        if not stacks.touched([path], stacks.stacks()) and path.split("/")[0] not in TOUCHES_NONE
    ]
    assert unknown == [], "say in ops/stacks.py or in TOUCHES_NONE here whether a change of these touches the stacks"


def test_all_that_the_program_imports_touches_every_stack() -> None:
    files = {str(path.relative_to(ROOT)) for path in imported(ROOT / "__main__.py")} | TOUCHES_ALL
    assert "infra/models/pod.py" in files
    assert {path for path in files if stacks.touched([path], KNOWN) != KNOWN} == set()


def test_stacks_are_those_with_a_file(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.b.yaml", "Pulumi.a-1.yaml", "other.yaml"):
        (tmp_path / name).touch()
    assert stacks.stacks(tmp_path) == ["a-1", "b"]


def test_command_reads_paths_from_standard_input_and_prints_json() -> None:
    command = [sys.executable, "-m", "ops", "stacks"]
    done = subprocess.run(command, input="Pulumi.dev.yaml\nREADME.md\n", capture_output=True, text=True, cwd=ROOT)  # noqa: PLW1510, S603
    assert (done.returncode, json.loads(done.stdout)) == (0, ["dev"])
