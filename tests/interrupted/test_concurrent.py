"""Two runs on one stack at once: the second is turned away, the first is not disturbed. And one that its user ends."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from pulumi.automation import CommandError

from sandbox.engine.faults import HELD, Fault, FaultyStack
from tests.support.interruptions import (
    Make,
    command,
    everything_up,
    in_the_clouds,
    in_the_state,
    nothing_left,
    recover,
    resources,
)

[CLUSTER] = [urn for urn in resources() if "cluster:Cluster" in urn]


@contextmanager
def running(stack: FaultyStack, operation: str, run: Callable[[], Any]) -> Iterator[None]:
    """Meanwhile an engine runs, which has come to the stack's cluster and waits there."""
    stack.fail(Fault(operation, CLUSTER, HELD))
    with ThreadPoolExecutor() as threads:
        first = threads.submit(run)
        try:
            assert stack.reached.wait(timeout=60)
            yield
        finally:
            stack.resume.set()
        first.result()
    stack.fail(None)


def every_other_run_is_refused(stack: FaultyStack) -> None:
    """Whatever it would do, it is turned away by the lock."""
    for second in (stack.up, stack.destroy, stack.refresh):
        with pytest.raises(CommandError, match="the stack is currently locked by 1 lock"):
            second()


def test_second_run_during_up_is_refused_and_the_first_finishes(sandbox: Make) -> None:
    stack = sandbox()
    with running(stack, "create", stack.up):
        every_other_run_is_refused(stack)
    assert len(in_the_clouds(stack)) == len(resources())
    everything_up(stack)
    nothing_left(stack)


def test_second_run_during_destroy_is_refused_and_the_first_finishes(up: Make) -> None:
    stack = up()
    with running(stack, "delete", stack.destroy):
        every_other_run_is_refused(stack)
    assert stack.inventory.find() == []
    everything_up(stack)
    nothing_left(stack)


def test_recovery_of_a_stack_that_is_running_changes_nothing_and_says_what_comes_first(sandbox: Make) -> None:
    stack = sandbox()
    with running(stack, "create", stack.up):
        check = command(stack, "python", "-m", "ops", "recover", "--check")
        tried = command(stack, "python", "-m", "ops", "recover")
    assert (check.returncode, tried.returncode) == (1, 2)
    for said in (check.stderr, tried.stderr):
        assert "pulumi cancel --stack dev\n  .venv/bin/python -m ops recover --stack dev" in said
    assert "the stack is currently locked by 1 lock" in tried.stderr
    assert command(stack, "python", "-m", "ops", "recover", "--check").returncode == 0
    everything_up(stack)
    nothing_left(stack)


def test_ctrl_c_twice_loses_nothing_that_the_cloud_finishes_afterwards(sandbox: Make) -> None:
    stack = sandbox()
    stack.fail(Fault("create", CLUSTER, HELD))
    cancelling, made = Event(), Event()
    stack.inventory.listeners.append(lambda _, item: made.set() if "cluster:Cluster" in item.kind else None)
    with ThreadPoolExecutor() as threads:
        run = threads.submit(stack.up, on_output=lambda line: cancelling.set() if "^C received" in line else None)
        try:
            assert stack.reached.wait(timeout=60)
            os.kill(stack.engine(), signal.SIGINT)
            assert cancelling.wait(timeout=60)
            os.kill(stack.engine(), signal.SIGINT)
            with pytest.raises(CommandError, match="update cancelled"):
                run.result()
        finally:
            stack.resume.set()
    assert made.wait(timeout=60)
    assert in_the_state(stack) != in_the_clouds(stack)
    recover(stack)
    assert in_the_state(stack) == in_the_clouds(stack)
    everything_up(stack)
    nothing_left(stack)
