"""The `preStop` hook as the sandbox's kubelet runs it."""

import subprocess
import sys
import time
from typing import Any

import pytest

from sandbox.cluster.probes import SPEED
from sandbox.cluster.termination import pre_stop

Hook = dict[str, Any]


def start(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command)  # noqa: S603 - our own command


def timed(hook: Hook, seconds: float) -> tuple[float, str]:
    """How long it took, and what went wrong."""
    begun = time.monotonic()
    problem = pre_stop(hook, seconds, start)
    return time.monotonic() - begun, problem


def python(code: str) -> Hook:
    return {"exec": {"command": [sys.executable, "-c", code]}}


@pytest.mark.parametrize(
    "hook", [{"sleep": {"seconds": 3}}, {"exec": {"command": ["/bin/sleep", "3"]}}], ids=["action", "command"]
)
def test_sleep_lasts_as_long_as_it_says_on_the_sandboxes_clock(hook: Hook) -> None:
    seconds, problem = timed(hook, 10)
    assert problem == ""
    assert 3 / SPEED <= seconds < 3


def test_sleep_ends_with_the_grace_period() -> None:
    assert timed({"sleep": {"seconds": 60}}, 0.1)[0] < 1


def test_command_runs_in_the_container() -> None:
    ran: list[list[str]] = []

    def run(command: list[str]) -> "subprocess.Popen[bytes]":
        ran.append(command)
        return start(command)

    assert pre_stop(python("pass"), 10, run) == ""
    assert ran == [python("pass")["exec"]["command"]]


def test_command_that_fails_is_told() -> None:
    assert "exited with 3" in timed(python("raise SystemExit(3)"), 10)[1]


def test_command_that_takes_longer_than_the_grace_period_is_ended() -> None:
    seconds, problem = timed(python("import time; time.sleep(60)"), 0.2)
    assert seconds < 5
    assert "did not end within the grace period" in problem


def test_hook_of_another_kind_is_told_and_not_passed_over() -> None:
    assert pre_stop({"httpGet": {"path": "/", "port": 80}}, 1, start) == "the sandbox runs no hooks by httpGet"
