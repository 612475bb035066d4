"""What a change of `tpuCapacity` does on the real engine, and what becomes of a model if classes are sold out."""

import itertools
from typing import Any

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.kubernetes_kinds import COMPUTE_CLASS, JOB, LLM
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, OTHER, Make, since, unchanged

POOL = "gcp:container/nodePool:NodePool"
ZONES = ["us-east5-a", "us-east5-b"]
PLACE: dict[str, Any] = {"location": "us-east5-a", "tpuZones": ZONES}


def changed(stack: SandboxStack, *classes: str, jobs: bool = False) -> list[tuple[str, str]]:
    """What another list does to pools, classes and models: the operation, and the name as the program has it. `jobs`:
    those of the warm-up change as well."""
    stack.set_config("tpuCapacity", list(classes))
    done = since(stack, stack.up)
    assert {kind for _, kind, _ in done} <= {POOL, COMPUTE_CLASS, LLM, *([JOB] if jobs else [])}
    assert unchanged(stack.preview())
    return [(op, name.rsplit("-", 1)[0] if kind == POOL else name) for op, kind, name in done if kind != JOB]


def test_classes_come_go_and_change_places_without_touching_models(up: Make) -> None:
    stack = up(**PLACE, tpuCapacity=["on-demand", "spot"])
    made = changed(stack, "reservation:mine", "on-demand", "flex-start", "spot")
    assert sorted(made[:2]) == [("create", "tpu-flex-start"), ("create", "tpu-reservation")]
    assert made[2:] == [("update", "tpu-v6e-4")]
    assert changed(stack, "spot", "on-demand", "reservation:mine", "flex-start") == [("update", "tpu-v6e-4")]
    gone = changed(stack, "on-demand", "flex-start")
    assert gone[0] == ("update", "tpu-v6e-4")
    assert sorted(gone[1:]) == [("delete", "tpu-reservation"), ("delete", "tpu-spot")]
    stack.destroy()
    assert stack.inventory.find() == []


def test_second_class_keeps_the_pool_and_its_nodes_and_makes_the_models_pod_anew(up: Make) -> None:
    stack = up()
    done = changed(stack, "on-demand", "spot", jobs=True)
    assert sorted(done, key=lambda step: step[1]) == [
        ("delete", MODEL["name"]),
        ("create", MODEL["name"]),
        ("update", "tpu"),
        ("create", "tpu-spot"),
        ("create", "tpu-v6e-4"),
    ]


def test_pools_of_a_slice_come_and_go_with_the_models_on_it(up: Make) -> None:
    stack = up()
    stack.set_config("tpuMaxNodes", 2)
    stack.up()
    stack.set_config("models", [MODEL, {**OTHER, "slice": "v6e-1"}])
    made = [(op, name) for op, kind, name in since(stack, stack.up) if kind in {POOL, LLM}]
    assert [(op, name.startswith(("tpu-v6e-1-", "other"))) for op, name in made] == [("create", True)] * 2
    stack.set_config("models", [MODEL])
    gone = [(op, name) for op, kind, name in since(stack, stack.up) if kind in {POOL, LLM}]
    assert [(op, name.startswith(("tpu-v6e-1-", "other"))) for op, name in gone] == [("delete", True)] * 2


def test_sold_out_everywhere_lists_what_was_tried_and_the_next_up_goes_on(up: Make) -> None:
    classes = ["reservation:mine", "on-demand", "spot"]
    stack = up(**PLACE, tpuCapacity=classes)
    stack.inventory.capacity.sold_out = set(itertools.product(ZONES, ["reservation", "on-demand", "spot"]))
    stack.set_config("models", [{**MODEL, "maxModelLen": 1024}])
    with pytest.raises(CommandError) as failure:
        stack.up()
    tried = [f"{how} in {zone}" for how in ("reservation", "on-demand", "spot") for zone in ZONES]
    assert f"GCE out of resources: {', '.join(tried)}" in " ".join(str(failure.value).split())
    stack.inventory.capacity.sold_out.discard((ZONES[1], "spot"))  # the last of all comes back
    stack.up()
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []
