"""Fixtures of all tests, and of those that run the program on Pulumi's mocks."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import given
from tests.support.program import Declared, Run, declared
from tests.support.project import ROOT, defaults, stack_file

pytest.register_assert_rewrite("tests.support.stack_settings")  # it has tests, whose failures are to be told as well


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs that a machine has which has Python, make and git."""
    return given.fill(tmp_path_factory.mktemp("path"))


@pytest.fixture(autouse=True)
def path_of_unit_tests(request: pytest.FixtureRequest, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests find no other programs, so that none of them needs one without saying so."""
    if request.path.is_relative_to(ROOT / "tests" / "unit"):
        monkeypatch.setenv("PATH", str(machine))


@pytest.fixture(params=["up", "preview"])
def phase(request: pytest.FixtureRequest) -> str:
    """Both ways the engine runs a program."""
    return request.param


@pytest.fixture
def run(phase: str) -> Run:
    """Runs `__main__.py` with a stack's configuration, changed by the keywords; `secrets` are encrypted keys."""

    def run_program(stack: str = "dev", *, secrets: tuple[str, ...] = (), **changes: Any) -> Declared:
        config = {**defaults(), **stack_file(stack), **changes}
        wire = {f"gke-tpu-inference:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in config.items()}
        return declared(json.dumps({"gcp:project": "my-project", **wire}), secrets, phase == "preview", stack=stack)

    return run_program


@pytest.fixture
def dev(run: Run) -> Declared:
    """The dev stack as it stands."""
    return run()
