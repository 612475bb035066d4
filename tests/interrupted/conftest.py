"""Stacks to interrupt, each in a folder of its own, and the commands that recover them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pulumi import automation

from sandbox.clouds.google_kinds import FORWARDING_RULE
from sandbox.engine import pulumi_cli
from sandbox.engine.faults import FaultyStack
from tests.support.project import ROOT

Make = Callable[[], FaultyStack]
STACK = "dev"


@cache
def resources() -> list[str]:
    """The URN of every resource that the stack makes in a cloud, as the engine plans it, sorted."""
    events: list[Any] = []
    with TemporaryDirectory() as folder, FaultyStack(STACK, home=Path(folder)) as stack:
        stack.preview(on_event=events.append)
    planned = [event.resource_pre_event.metadata for event in events if event.resource_pre_event]
    return sorted(step.urn for step in planned if step.new.custom and not step.type.startswith("pulumi:"))


def short(urn: str) -> str:
    """Type and name, for the id of a test."""
    _, _, kind, name = urn.split("::")
    return f"{kind.rsplit(':', 1)[-1]}-{name}"


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Automation API runs the CLI three more times after each `up`, for what nobody reads here."""
    monkeypatch.setattr(automation.Stack, "outputs", lambda _: {})
    monkeypatch.setattr(automation.Stack, "info", lambda *_: "")


@pytest.fixture
def copy_of(tmp_path: Path) -> Iterator[Callable[[Path], FaultyStack]]:
    """Makes a stack that goes on where the one in a folder is."""
    with ExitStack() as stack:

        def copy(home: Path) -> FaultyStack:
            place = tmp_path / f"copy of {home.name}"
            return stack.enter_context(FaultyStack(STACK, home=Path(shutil.copytree(home, place))))

        yield copy


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of a stack with nothing in it, and of one that is up."""
    empty, deployed = (tmp_path_factory.mktemp(name) for name in ("empty", "deployed"))
    with FaultyStack(STACK, home=empty), FaultyStack(STACK, home=deployed) as stack:
        stack.up()
    return empty, deployed


@pytest.fixture
def sandbox(copy_of: Callable[[Path], FaultyStack], homes: tuple[Path, Path]) -> Make:
    """Makes a stack with nothing in it."""
    return lambda: copy_of(homes[0])


@pytest.fixture
def up(copy_of: Callable[[Path], FaultyStack], homes: tuple[Path, Path]) -> Make:
    """Makes a stack with everything in it."""
    return lambda: copy_of(homes[1])


def command(stack: FaultyStack, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of docs/recovery.md as a user would, in the folder and with the backend of this stack."""
    workspace = stack.stack.workspace
    path = os.pathsep.join([str(Path(pulumi_cli.ensure()).parent), os.environ["PATH"]])
    environment = {"PULUMI_HOME": str(workspace.pulumi_home), "PYTHONPATH": str(ROOT), "PATH": path}
    words = [sys.executable if word == "python" else word for word in arguments]
    return subprocess.run(  # noqa: S603
        [*words, "--stack", STACK],
        cwd=workspace.work_dir,
        env={**os.environ, **workspace.env_vars, **environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def recover(stack: FaultyStack) -> None:
    """What docs/recovery.md says after a run was killed. Nothing goes wrong any more."""
    stack.fail(None)
    for arguments in (("pulumi", "cancel", "--yes"), ("python", "-m", "ops", "recover")):
        done = command(stack, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def in_the_clouds(stack: FaultyStack) -> list[tuple[str, str]]:
    """Type and id of what exists, but for what GKE makes and removes by itself."""
    return sorted((item.kind, item.id) for item in stack.inventory.find() if item.kind != FORWARDING_RULE)


def in_the_state(stack: FaultyStack) -> list[tuple[str, str]]:
    """Type and id of what the engine knows of."""
    return sorted((r["type"], r["id"]) for r in stack.resources() if r["custom"] and r["type"][:7] != "pulumi:")


def everything_up(stack: FaultyStack) -> None:
    """`up` succeeds, and all is there."""
    stack.up()
    assert {r["urn"] for r in stack.resources()} >= set(resources())
    assert len(in_the_clouds(stack)) == len(resources())
    assert in_the_state(stack) == in_the_clouds(stack)


def nothing_left(stack: FaultyStack) -> None:
    """`destroy` succeeds, and nothing is there."""
    stack.destroy()
    assert stack.inventory.find() == []
    assert stack.resources() == []
