"""What a stack of many models costs, on the engine."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.stack import SandboxStack
from sandbox.growth import COMMANDS, measure


def test_each_command_is_measured_on_a_stack_that_has_grown() -> None:
    small, seconds = measure(1)
    large, _ = measure(3)
    assert large > small
    assert len(seconds) == len(COMMANDS)
    assert all(taken > 0.1 for taken in seconds)  # none of them ended before it ran


def test_resources_are_waited_for_one_by_one_and_not_with_all_outputs_after_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []
    wait = asyncio.wait

    async def counted(pending: Any, **options: Any) -> Any:
        waited.append(len(pending))
        return await wait(pending, **options)

    monkeypatch.setattr(asyncio, "wait", counted)
    with SandboxStack(home=tmp_path) as stack:
        made = sum(stack.preview().change_summary.values())
    assert sum(waited) < 10 * made, "the SDK goes through what is not there yet again and again"
