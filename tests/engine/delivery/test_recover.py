"""A recovery on the real engine, while somebody else runs Pulumi on the stack: nothing of theirs is lost unnoticed."""

import getpass
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.recover import Pulumi, RecoverError, recover
from ops.tokens import NETWORK
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import Make

PENDING = "never-made-c3f688e"


class Raced(Pulumi):
    """The engine, on which somebody else's update comes and ends around a look at the state."""

    def __init__(self, stack: SandboxStack, *, look: int, before: bool, update: Callable[[], Any]) -> None:
        super().__init__("dev", Path(stack.stack.workspace.work_dir))
        self._looks, self._look, self._before, self._update = 0, look, before, update

    def export(self) -> dict[str, Any]:
        self._looks += 1
        now = self._looks == self._look
        if now and self._before:
            self._update()
        state = super().export()
        if now and not self._before:
            self._update()
        return state


@pytest.fixture
def interrupted(up: Make, monkeypatch: pytest.MonkeyPatch) -> SandboxStack:
    """A stack whose state says that a VPC was being made when its engine was killed; commands run in its place."""
    stack = up()
    [file] = (stack.home / "state/.pulumi/stacks").glob("*/dev.json")
    state = json.loads(file.read_text())
    latest = state["checkpoint"]["latest"]
    [vpc] = [r for r in latest["resources"] if r["type"] == NETWORK]
    kept = {key: vpc[key] for key in ("type", "custom", "provider", "parent")}
    made = {**kept, "urn": f"{vpc['urn']}-2", "inputs": {**vpc["inputs"], "name": PENDING}}
    latest["pending_operations"] = [{"type": "creating", "resource": made}]
    file.write_text(json.dumps(state))  # an import would leave out what is pending
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    return stack


def labelled(stack: SandboxStack) -> bool:
    """Whether the state has what the other update has written."""
    return any("somebody-else" in str(r.get("outputs")) for r in stack.resources())


def pending(stack: SandboxStack) -> list[str]:
    deployment: Any = stack.stack.export_stack().deployment
    return [operation["resource"]["inputs"]["name"] for operation in deployment.get("pending_operations") or []]


def somebody_else(stack: SandboxStack) -> None:
    """Another update, which changes what the stack has."""
    stack.set_config("labels", {"app": "tpu-inference", "owner": "somebody-else"})
    stack.up()


def process(stack: SandboxStack) -> subprocess.Popen[str]:
    """`ops recover`, as a user runs it."""
    words = [sys.executable, "-m", "ops", "recover", "--stack", "dev"]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=stack.stack.workspace.work_dir, stdout=pipe, stderr=pipe, text=True)  # noqa: S603


def test_update_that_ended_meanwhile_is_not_written_over(interrupted: SandboxStack) -> None:
    raced = Raced(interrupted, look=2, before=True, update=lambda: somebody_else(interrupted))
    with pytest.raises(RecoverError, match=r"the state has changed while it was looked at.*Nothing was changed"):
        recover(raced, {}, check=False)
    assert labelled(interrupted)
    assert pending(interrupted) == [PENDING]
    assert recover(Pulumi("dev", Path(interrupted.stack.workspace.work_dir)), {}, check=False) == 0
    assert labelled(interrupted)
    assert pending(interrupted) == []


def test_update_that_ended_in_the_last_instant_is_noticed_and_can_be_put_back(interrupted: SandboxStack) -> None:
    raced = Raced(interrupted, look=2, before=False, update=lambda: somebody_else(interrupted))
    with pytest.raises(RecoverError, match="another update ended just as the state was put right"):
        recover(raced, {}, check=False)
    assert not labelled(interrupted)
    [state] = (interrupted.home / "state/.pulumi/stacks").glob("*/dev.json")
    shutil.copy(f"{state}.bak", state)  # as docs/recovery.md says
    assert labelled(interrupted)
    assert pending(interrupted) == [PENDING]


def test_two_recoveries_at_once_leave_a_state_that_is_right(interrupted: SandboxStack) -> None:
    before = {(r["urn"], r.get("id")) for r in interrupted.resources()}
    both = [process(interrupted), process(interrupted)]
    said = [one.communicate(timeout=120) for one in both]
    codes = sorted(one.returncode for one in both)
    assert codes in ([0, 0], [0, 2]), said
    assert recover(Pulumi("dev", Path(interrupted.stack.workspace.work_dir)), {}, check=True) == 0
    assert {(r["urn"], r.get("id")) for r in interrupted.resources()} == before


def test_history_says_who_has_recovered_the_stack(interrupted: SandboxStack) -> None:
    assert recover(Pulumi("dev", Path(interrupted.stack.workspace.work_dir)), {}, check=False) == 0
    [last] = interrupted.stack.history(page_size=1, page=1)
    assert last.kind == "refresh"
    assert last.message.startswith(f"ops recover by {getpass.getuser()}@")
