"""The TPU node that is asked for before the models, on the real engine: order, a stockout, and what comes after it."""

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.kubernetes_kinds import JOB, LLM, RELEASE
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, Make, since, unchanged

ARRIVAL = ("create", JOB, "v6e-4-arrival")


def stockout(stack: SandboxStack) -> str:
    """What `up` says while there is no TPU to be had."""
    stack.inventory.capacity.tpus = False
    with pytest.raises(CommandError) as error:
        stack.up(color="never")
    return str(error.value)


def test_node_is_asked_for_before_the_platform_is_there_and_awaited_before_the_models(sandbox: Make) -> None:
    stack = sandbox()
    done = since(stack, stack.up)
    asked = done.index(("create", JOB, "v6e-4-holder"))
    assert asked < min(done.index(("create", RELEASE, name)) for name in ("kserve-llmisvc-resources", "istiod"))
    assert done.index(("create", JOB, "v6e-4-image")) < done.index(("create", RELEASE, "istiod"))
    assert done.index(ARRIVAL) < done.index(("create", LLM, MODEL["name"]))


def test_stockout_ends_up_with_its_cause_and_the_next_one_goes_on(sandbox: Make) -> None:
    stack = sandbox()
    said = stockout(stack)
    assert "no TPU node has come: a v6e-4 (on-demand) was asked for in europe-west4-a since " in said
    assert "`python -m ops diagnose --stack " in said
    assert "`kubectl get events -n tpu-warm-up --sort-by=.lastTimestamp`" in said
    assert stack.inventory.find(LLM) == []
    assert "no TPU node has come" in stockout(stack)
    stack.inventory.capacity.tpus = True
    done = since(stack, stack.up)
    assert ("update", JOB, "v6e-4-arrival") in done
    assert ("create", LLM, MODEL["name"]) in done
    assert unchanged(stack.preview())


def test_after_a_stockout_the_next_up_asks_in_the_classes_that_are_named_then(sandbox: Make) -> None:
    stack = sandbox()
    stack.inventory.capacity.sold_out = {("europe-west4-a", "on-demand")}
    with pytest.raises(CommandError, match="no TPU node has come"):
        stack.up(color="never")
    stack.set_config("tpuCapacity", ["on-demand", "spot"])
    done = since(stack, stack.up)
    assert ("create", JOB, "tpu-v6e-4-arrival") in done
    assert ("create", LLM, MODEL["name"]) in done
    assert unchanged(stack.preview())


def test_stack_that_waits_for_a_node_can_be_destroyed(sandbox: Make) -> None:
    stack = sandbox()
    stockout(stack)
    stack.destroy()
    assert stack.inventory.find() == []
    assert stack.resources() == []


def test_stack_whose_models_run_is_not_gated(sandbox: Make) -> None:
    stack = sandbox(warmUp=False)
    stack.up()
    stack.inventory.capacity.tpus = False
    stack.set_config("warmUp", True)
    done = since(stack, stack.up)
    assert {op for op, _, _ in done} == {"create"}
    assert sorted(n for _, kind, n in done if kind == JOB) == ["v6e-4-arrival", "v6e-4-holder", "v6e-4-image"]
    assert len(done) == 5
    assert unchanged(stack.preview())


def test_other_wait_changes_nothing(up: Make) -> None:
    stack = up()
    stack.set_config("tpuCapacityWait", 60)
    assert unchanged(stack.preview())


def test_other_registry_makes_both_anew_with_its_images_before_the_models(up: Make) -> None:
    stack = up()
    stack.set_config("imageRegistry", "registry.example.com/mirror")
    done = since(stack, stack.up)
    jobs = {name: found.inputs["spec"] for found in stack.inventory.find(JOB) for name in [found.name]}
    assert sorted(jobs) == ["v6e-4-arrival", "v6e-4-holder", "v6e-4-image"]
    for spec in jobs.values():
        assert spec["template"]["spec"]["containers"][0]["image"].startswith("registry.example.com/mirror/")
    assert (
        done.index(("delete", JOB, "v6e-4-arrival")) < done.index(ARRIVAL) < done.index(("delete", LLM, MODEL["name"]))
    )
    assert unchanged(stack.preview())


def test_warm_up_turned_off_takes_its_objects_away_and_nothing_else(up: Make) -> None:
    stack = up()
    stack.set_config("warmUp", False)
    done = since(stack, stack.up)
    assert {op for op, _, _ in done} == {"delete"}
    assert len(done) == 5
    assert unchanged(stack.preview())
