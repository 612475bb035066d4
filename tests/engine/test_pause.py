"""A pause and its end on the real engine: in place, shown before, and lasting."""

from typing import Any

from sandbox.clouds.kubernetes_kinds import LLM, SERVICE
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, OTHER, Make, since, unchanged

ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
PAUSED: dict[str, Any] = {**MODEL, "paused": True}
NAME = MODEL["name"]


def test_pause_changes_the_service_in_place_and_lasts(two_models: SandboxStack) -> None:
    two_models.set_config("models", [PAUSED, OTHER])
    planned = two_models.preview().change_summary
    assert {op: count for op, count in planned.items() if op != "same"} == {"create": 3, "update": 1}
    assert sorted(since(two_models, two_models.up)) == [
        ("create", SERVICE, f"{NAME}-paused"),
        ("create", ROUTE, f"{NAME}-paused"),
        ("update", LLM, NAME),
    ]
    assert unchanged(two_models.preview())


def test_resumed_service_is_the_one_before(two_models: SandboxStack) -> None:
    [before] = [item.inputs for item in two_models.inventory.find(LLM) if item.name == NAME]
    two_models.set_config("models", [PAUSED, OTHER])
    two_models.up()
    two_models.set_config("models", [MODEL, OTHER])
    assert sorted(since(two_models, two_models.up)) == [
        ("delete", SERVICE, f"{NAME}-paused"),
        ("delete", ROUTE, f"{NAME}-paused"),
        ("update", LLM, NAME),
    ]
    [after] = [item.inputs for item in two_models.inventory.find(LLM) if item.name == NAME]
    assert after == before


def test_node_of_a_paused_model_is_free_for_another(up: Make) -> None:
    """In two steps: in one, the engine does both at once, and a simulated cluster waits for no node that gets free."""
    stack = up()
    for models in ([PAUSED], [PAUSED, OTHER]):
        stack.set_config("models", models)
        stack.up()
    status = {item.name: item.props["status"]["conditions"][0]["status"] for item in stack.inventory.find(LLM)}
    assert status == {NAME: "False", "other": "True"}


def test_stack_with_a_paused_model_can_be_made(sandbox: Make) -> None:
    stack = sandbox(models=[PAUSED])
    stack.up()
    assert unchanged(stack.preview())
