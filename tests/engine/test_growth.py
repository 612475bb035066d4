"""What a stack of many models costs, on the engine."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.models import outputs
from sandbox.bench import plain
from sandbox.engine.stack import SandboxStack
from sandbox.growth import COMMANDS, measure


def test_each_command_is_measured_on_a_stack_that_has_grown() -> None:
    small, seconds = measure(1)
    large, _ = measure(3)
    assert large > small
    assert len(seconds) == len(COMMANDS)
    assert all(taken > 0.1 for taken in seconds)  # none of them ended before it ran


@pytest.fixture
def gone_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """Previews the dev stack; how many outputs the SDK goes through for each of its resources."""
    wait = asyncio.wait
    counts: list[int] = []

    async def counted(pending: Any, **options: Any) -> Any:
        counts.append(len(pending))
        return await wait(pending, **options)

    def preview() -> float:
        counts.clear()
        with SandboxStack(home=tmp_path) as stack:
            resources = sum(stack.preview().change_summary.values())
        return sum(counts) / resources

    monkeypatch.setattr(asyncio, "wait", counted)
    return preview


async def no_turn(_: float) -> None:
    """Ends at once, and nothing else begins."""


def test_resources_are_waited_for_one_by_one_and_not_with_all_outputs_after_each(
    gone_through: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gone_through() < 10
    monkeypatch.setattr(outputs, "asyncio", SimpleNamespace(sleep=no_turn))
    assert gone_through() > 100, "the SDK waits in another way by now: is the end of the program still needed?"


def test_plain_program_has_as_many_resources_as_it_is_told(tmp_path: Path) -> None:
    with SandboxStack(home=tmp_path, program=partial(plain, 20)) as stack:
        assert sum(stack.preview().change_summary.values()) == 20
