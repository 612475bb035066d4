"""What a pull request is told of real changes, from the events of the real engine."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError
from pulumi.automation.events import EngineEvent, OpType

from ops.report.comment import report as report_of
from sandbox.clouds.kubernetes_kinds import LLM
from sandbox.engine.stack import SandboxStack
from tests.support.project import ROOT, protected
from tests.support.stacks import MODEL, OTHER, Make

NAME = "llm-d-inference-scheduling.qwen2-3b-pattern1"


def report(operation: Callable[..., Any], **options: Any) -> str:
    """What is told of an operation."""
    events: list[EngineEvent] = []
    operation(on_event=events.append)
    return report_of(events, stack="dev", **options)


def called_out(text: str) -> list[str]:
    """What costs something, without its price."""
    return [line.removeprefix("- ").split(":")[0] for line in text.splitlines() if line.startswith("- **")]


def test_counts_are_the_engines(up: Make) -> None:
    stack = up()
    stack.set_config("location", "us-east5-a")
    events: list[EngineEvent] = []
    summary = stack.preview(on_event=events.append).change_summary
    expected = f"**{summary[OpType.REPLACE]} to replace**, {summary[OpType.SAME]} unchanged"
    assert expected in report_of(events, stack="dev")


def test_unchanged_stack_has_no_changes(up: Make) -> None:
    assert "No changes, " in report(up().preview)


def test_another_slice_calls_out_pool_and_models_and_why(two_models: SandboxStack) -> None:
    two_models.set_config("tpuSlice", "v6e-8")
    text = report(two_models.preview)
    assert called_out(text) == ["**replace** TPU node pool `tpu`", f"**replace** model `{NAME}`, `team-b.other`"]
    assert "free TPU capacity. Because of `nodeConfig.machineType`." in text
    assert "`nodeConfig.machineType`: `ct6e-standard-4t` → `ct6e-standard-8t`" in text


def test_pause_says_what_it_saves(up: Make) -> None:
    stack = up()
    stack.set_config("models", [{**MODEL, "paused": True}])
    text = report(stack.preview)
    assert called_out(text) == [f"**change** model `{NAME}`"]
    assert "`unset` → `true`" in text
    assert re.search(
        r"US dollars a day: 29\d\.\d\d → \*\*7\.13\*\* running \(-28\d\.\d\d\); 7\.13 idle, as before", text
    )


def test_a_models_flag_calls_out_that_model_alone(two_models: SandboxStack) -> None:
    two_models.set_config("models", [{**MODEL, "maxModelLen": 4096}, OTHER])
    text = report(two_models.preview)
    assert called_out(text) == [f"**replace** model `{NAME}`"]
    assert "`--max-model-len=2048` → `--max-model-len=4096`" in text


def test_region_calls_out_cluster_address_pools_and_models(up: Make) -> None:
    stack = up()
    stack.set_config("location", "us-east5-a")
    assert called_out(report(stack.preview)) == [
        "**replace** cluster `tpu-inference`",
        "**replace** gateway address `tpu-inference-gateway`",
        "**replace** TPU node pool `tpu`",
        f"**replace** model `{NAME}`",
        "**replace** subnet `tpu-inference`",
        "**replace** node pool `system`",
    ]


def test_smaller_subnet_calls_out_all_that_stands_in_it_and_why(up: Make) -> None:
    stack = up()
    stack.set_config("subnetCidr", "10.0.0.0/21")
    text = report(stack.preview)
    assert called_out(text) == [
        "**replace** cluster `tpu-inference`",
        "**replace** TPU node pool `tpu`",
        f"**replace** model `{NAME}`",
        "**replace** subnet `tpu-inference`",
        "**replace** node pool `system`",
    ]
    assert "replaced with the cluster that stands in it. Because of `ipCidrRange`." in text
    assert "  - `ipCidrRange`: `10.0.0.0/20` → `10.0.0.0/21`" in text
    assert "__meta" not in text


def test_another_machine_for_the_system_is_a_change_that_costs(up: Make) -> None:
    stack = up()
    stack.set_config("systemMachineType", "e2-standard-8")
    text = report(stack.preview)
    assert called_out(text) == ["**change** node pool `system`"]
    assert "`nodeConfig.machineType`: `e2-standard-4` → `e2-standard-8`" in text


def test_removed_model_calls_out_model_and_namespace(two_models: SandboxStack) -> None:
    two_models.set_config("models", [MODEL])
    text = report(two_models.preview)
    assert called_out(text) == ["**delete** model `team-b.other`", "**delete** namespace `team-b`"]


def test_labels_cost_nothing(up: Make) -> None:
    stack = up()
    stack.set_config("labels", {"team": "a"})
    text = report(stack.preview)
    assert called_out(text) == []
    assert "to change**" in text


def test_larger_boot_disk_is_called_out_though_it_is_in_place(up: Make) -> None:
    stack = up()
    stack.set_config("tpuBootDiskGb", 500)
    text = report(stack.preview)
    assert called_out(text) == ["**change** TPU node pool `tpu`"]
    assert "`nodeConfig.diskSizeGb`: `200` → `500`" in text


def test_wrong_setting_is_the_report(sandbox: Make) -> None:
    stack = sandbox(tpuSlice="v6e-2")
    events: list[EngineEvent] = []
    with pytest.raises(CommandError):
        stack.preview(on_event=events.append)
    text = report_of(events, stack="dev")
    assert "**The preview failed.**" in text
    assert text.count('tpuSlice: "v6e-2" is not a slice of one host.') == 1


def test_refused_replacement_of_a_protected_address_is_the_report(up: Make) -> None:
    stack = up(**protected())
    stack.set_config("location", "us-east5-a")
    events: list[EngineEvent] = []
    with pytest.raises(CommandError):
        stack.preview(on_event=events.append)
    assert "protect" in report_of(events, stack="dev")


# Drift


def test_stack_as_it_was_left_has_not_drifted(up: Make) -> None:
    assert "No drift, " in report(up().stack.preview_refresh, kind="drift")


def test_replicas_changed_by_hand_and_a_lost_firewall_rule_are_drift(up: Make) -> None:
    stack = up()
    [service] = stack.inventory.find(LLM)
    service.inputs["spec"]["replicas"] = 5
    [firewall] = stack.inventory.find("gcp:compute/firewall:Firewall")
    stack.inventory.items.pop(firewall.key)
    text = report(stack.stack.preview_refresh, kind="drift")
    assert "**1 gone**, **1 changed**" in text
    assert "`spec.replicas`: `1` → `5`" in text
    assert "`tpu-inference-webhooks`" in text


def test_autoscaled_nodes_have_not_drifted(up: Make) -> None:
    stack = up()
    for pool in stack.inventory.find("gcp:container/nodePool:NodePool"):
        pool.inputs["initialNodeCount"] = 3
        pool.computed["nodeCount"] = 3
    assert "No drift, " in report(stack.stack.preview_refresh, kind="drift")


# The sandbox's command


def preview(home: Path, stack: str, path: Path) -> tuple[int, str]:
    """Exit code and report of the command."""
    command = [sys.executable, "-m", "sandbox", "preview", f"--stack={stack}", f"--home={home}", f"--report={path}"]
    command.append("--because=Pull requests get no identity of it.")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)  # noqa: S603
    return done.returncode, path.read_text()


def test_sandbox_reports_against_the_stack_that_it_brought_up_before(tmp_path: Path) -> None:
    code, text = preview(tmp_path, "dev", tmp_path / "report.md")
    assert code == 0
    assert "Pull requests get no identity of it. Compared with: `an empty stack`." in text
    assert "to create**" in text
    with SandboxStack(home=tmp_path / "stacks" / "dev", config={"tpuSlice": "v6e-8", "tpuBootDiskGb": 500}) as before:
        before.up()
    code, text = preview(tmp_path, "dev", tmp_path / "report.md")
    assert code == 0
    assert "Compared with: `the stack as it was brought up in this sandbox before`." in text
    assert called_out(text) == ["**replace** TPU node pool `tpu`", f"**replace** model `{NAME}`"]
