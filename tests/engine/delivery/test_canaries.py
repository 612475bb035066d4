"""Secrets with a mark in them: nothing that CI prints, writes, keeps or posts has one, on the real engine.

The scripts are those of the workflows. The CLI built here cannot start a Python program, so a preview is made by the
Automation API, and the script gets what the engine said, its events and its plan; all else the CLI does itself.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from infra.settings.access import SIGNING_KEY
from sandbox.clouds.kubernetes_kinds import LLM
from sandbox.engine.stack import SandboxStack
from tests.support.jobs import CANARY, Shell
from tests.support.ops_keys import keys
from tests.support.project import PREFIX
from tests.support.stacks import Make
from tests.support.workflows import script

HUGGING_FACE = "hf_canaryOfHuggingFace"
PULUMI = """
if [ "$1" != preview ]; then exec {pulumi} "$@"; fi
while [ $# -gt 0 ]; do
  case "$1" in
  --event-log) cp "$RECORDED/events.jsonl" "$2" ;;
  --save-plan) cp "$RECORDED/plan.json" "$2" ;;
  esac
  shift
done
cat "$RECORDED/said.txt"
"""


class Job:
    """A job that works on a stack in the sandbox, by the scripts of the workflows."""

    def __init__(self, stack: SandboxStack, home: Path) -> None:
        home.mkdir()
        self.stack, self.shell, self.recorded = stack, Shell(home), home / "recorded"
        self.recorded.mkdir()
        self.shell.work = stack.home / "work"
        pulumi = shlex.quote(str(stack.stack.workspace.pulumi_command.command))
        self.shell.program("pulumi", PULUMI.replace("{pulumi}", pulumi))
        self.shell.program("python", f'exec "{sys.executable}" "$@"')

    def run(self, file: str, step: str, **variables: str) -> None:
        environment = {k: v for k, v in self.stack.environment().items() if k != "PATH"}
        known = {"STACK": "dev", "RECORDED": str(self.recorded), "PULUMI_DEBUG_COMMANDS": "true", **variables}
        done = self.shell.run(script(file, step), **environment, **known)
        assert done.returncode == 0, done.stderr

    def preview(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As of a pull request, and with a plan as of a deployment."""
        events: list[dict[str, Any]] = []
        said: list[str] = []
        read = EngineEvent.from_json

        def record(data: dict[str, Any]) -> EngineEvent:
            events.append(data)
            return read(data)

        with monkeypatch.context() as during:
            during.setattr(EngineEvent, "from_json", record)
            plan = str(self.recorded / "plan.json")
            self.stack.preview(diff=True, plan=plan, on_output=said.append, on_event=lambda _: None)
        (self.recorded / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
        (self.recorded / "said.txt").write_text("\n".join(said))
        self.run("actions/preview/action.yml", "Preview", PLAN=str(self.shell.temp / "plan.json"))

    def up(self) -> None:
        """By the plan."""
        said: list[str] = []
        self.stack.up(plan=str(self.shell.temp / "plan.json"), message="Deployed by ann", on_output=said.append)
        self.shell.said += said


def test_no_secret_of_a_stack_is_in_a_log_comment_plan_summary_or_issue(
    up: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = up(auth="tokens")
    token = keys(stack, "create", "--name=ann").stdout.strip()
    stack.set_config("huggingFaceToken", HUGGING_FACE, secret=True)
    signing = stack.stack.get_config(PREFIX + SIGNING_KEY).value
    canaries = {"GitHub's": CANARY, "Hugging Face's": HUGGING_FACE, "ann's": token, "that which signs": signing}
    assert all(len(canary) > 10 for canary in canaries.values())
    job = Job(stack, tmp_path / "job")
    job.preview(monkeypatch)
    job.up()
    assert HUGGING_FACE in str([item.inputs for item in stack.inventory.find("kubernetes:core/v1:Secret")])
    job.run("workflows/deploy-stack.yml", "Read the outputs")
    [model] = stack.inventory.find(LLM)
    model.inputs["spec"]["replicas"] = 5
    job.run("workflows/drift.yml", "Compare")
    shown = job.shell.everything()
    for part in ("Preview of `dev`", "Outputs of dev", "Drift of `dev`", "`spec.replicas`", '"resourcePlans"'):
        assert part in shown, part
    assert [whose for whose, canary in canaries.items() if canary in shown] == []
