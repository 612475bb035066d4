"""Update plans (`pulumi preview --save-plan`, `pulumi up --plan`) with this program: prod is deployed by them.

They are experimental in Pulumi. What CI relies on is here.
https://www.pulumi.com/docs/iac/operations/stack-management/update-plans/
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.inventory import CloudError, Inventory, Item
from sandbox.clouds.kubernetes_kinds import LLM
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, OTHER, Make, since
from tests.support.workflows import WORKFLOWS


@pytest.fixture
def plan(tmp_path: Path) -> str:
    return str(tmp_path / "plan.json")


def test_an_empty_project_goes_up_by_a_plan_made_before_there_was_a_cluster(sandbox: Make, plan: str) -> None:
    stack = sandbox()
    planned = stack.preview(plan=plan).change_summary
    assert stack.up(plan=plan).summary.resource_changes == planned
    assert set(stack.preview().change_summary) == {"same"}


@pytest.mark.parametrize(
    "changes",
    [
        {"models": [{**MODEL, "replicas": 2}], "tpuMaxNodes": 4},
        {"models": [{**MODEL, "maxModelLen": 4096}]},
        {"models": [OTHER], "tpuMaxNodes": 2},
        {"tpuSlice": "v6e-8"},
        {"location": "us-east5-a"},
    ],
    ids=["update", "replaced model", "another model", "replaced pool", "replaced cluster"],
)
def test_a_change_is_made_as_planned(up: Make, plan: str, changes: dict[str, Any]) -> None:
    stack = up()
    for key, value in changes.items():
        stack.set_config(key, value)
    planned = stack.preview(plan=plan).change_summary
    assert stack.up(plan=plan).summary.resource_changes == planned
    assert set(stack.preview().change_summary) == {"same"}


def refused(stack: SandboxStack, plan: str) -> str:
    """What `up` says when it refuses the plan, having changed nothing."""
    with pytest.raises(CommandError) as error:
        assert since(stack, lambda: stack.up(plan=plan)) == []
    return str(error.value)


def test_what_nobody_approved_is_refused(up: Make, plan: str) -> None:
    stack = up()
    stack.set_config("tpuMaxNodes", 3)
    stack.preview(plan=plan)
    stack.set_config("tpuMaxNodes", 5)
    assert "violates plan" in refused(stack, plan)


def test_a_plan_is_refused_once_the_stack_has_changed_since(up: Make, plan: str) -> None:
    stack = up()
    stack.set_config("models", [{**MODEL, "maxModelLen": 4096}])
    stack.preview(plan=plan)
    stack.up()
    assert "expected resource operations" in refused(stack, plan)
    stack.destroy()
    assert "not allowed by the plan" in refused(stack, plan)


@pytest.fixture
def no_capacity(monkeypatch: pytest.MonkeyPatch) -> Any:
    """No model can be created, until it is called."""
    record = Inventory.record

    def full(self: Inventory, operation: str, item: Item) -> None:
        if (operation, item.kind) == ("create", LLM):
            raise CloudError("no capacity")
        record(self, operation, item)

    monkeypatch.setattr(Inventory, "record", full)
    return monkeypatch.undo


def test_a_creation_that_failed_half_way_is_finished_by_the_same_plan(
    sandbox: Make, plan: str, no_capacity: Any
) -> None:
    stack = sandbox()
    stack.preview(plan=plan)
    with pytest.raises(CommandError, match="no capacity"):
        stack.up(plan=plan)
    no_capacity()
    assert [operation for operation, kind, _ in since(stack, lambda: stack.up(plan=plan))] == ["create"]


def test_a_replacement_that_failed_half_way_needs_a_new_plan(up: Make, plan: str, no_capacity: Any) -> None:
    stack = up()
    stack.set_config("models", [{**MODEL, "maxModelLen": 4096}])
    stack.preview(plan=plan)
    with pytest.raises(CommandError, match="no capacity"):
        stack.up(plan=plan)
    no_capacity()
    assert "not allowed by the plan" in refused(stack, plan)
    stack.preview(plan=plan)
    stack.up(plan=plan)
    assert set(stack.preview().change_summary) == {"same"}


def test_history_says_who_deployed_from_which_commit_and_in_which_run(up: Make, plan: str) -> None:
    [apply] = [
        s["with"]
        for s in WORKFLOWS["workflows/deploy-stack.yml"]["jobs"]["up"]["steps"]
        if "message" in s.get("with", {})
    ]
    github = {
        **{
            "triggering_actor": "ann",
            "sha": "c0ffee",
            "server_url": "https://github.com",
            "repository": "acme/inference",
        },
        **{"run_id": "12", "run_attempt": "3"},
    }
    message = re.sub(r"\$\{\{ github\.(\w+) \}\}", lambda found: github[found[1]], apply["message"])
    stack = up()
    stack.set_config("tpuMaxNodes", 3)
    stack.preview(plan=plan)
    stack.up(plan=plan, message=message)
    command = ["pulumi", "stack", "history", "--stack=dev", "--json"]
    history = subprocess.run(  # noqa: S603
        command, cwd=stack.home / "work", env=stack.environment(), capture_output=True, text=True, check=True
    )
    assert json.loads(history.stdout)[0]["message"] == (
        "Deployed by ann from c0ffee in https://github.com/acme/inference/actions/runs/12/attempts/3"
    )
