"""Stacks to interrupt, each in a folder of its own."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pulumi import automation

from sandbox.engine.faults import FaultyStack
from tests.support.interruptions import STACK, Make


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
