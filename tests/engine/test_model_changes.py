"""What a change of a model, of its token and of its service does on the real engine, and in which order."""

from typing import Any

import pytest

from sandbox.clouds.kubernetes_kinds import LLM
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, OTHER, Make, since, unchanged

OWN_ROUTING = {
    "apiVersion": "llm-d.ai/v1alpha1",
    "kind": "EndpointPickerConfig",
    "plugins": [{"type": "queue-scorer"}],
    "schedulingProfiles": [{"name": "default", "plugins": [{"pluginRef": "queue-scorer", "weight": 1.5}]}],
}


def test_changed_flag_replaces_that_service_old_one_first_and_touches_nothing_else(two_models: SandboxStack) -> None:
    two_models.set_config("models", [{**MODEL, "maxModelLen": 4096}, OTHER])
    assert since(two_models, two_models.up) == [
        ("delete", LLM, "qwen2-3b-pattern1"),
        ("create", LLM, "qwen2-3b-pattern1"),
    ]


def test_changed_uri_replaces_the_service(two_models: SandboxStack) -> None:
    two_models.set_config("models", [{**MODEL, "uri": "hf://Qwen/Qwen2.5-7B-Instruct"}, OTHER])
    assert since(two_models, two_models.up) == [
        ("delete", LLM, "qwen2-3b-pattern1"),
        ("create", LLM, "qwen2-3b-pattern1"),
    ]


def test_changed_replicas_update_in_place_and_get_a_budget(two_models: SandboxStack) -> None:
    two_models.set_config("models", [{**MODEL, "replicas": 2}, OTHER])
    assert sorted(since(two_models, two_models.up)) == [
        ("create", "kubernetes:policy/v1:PodDisruptionBudget", "qwen2-3b-pattern1-vllm"),
        ("update", LLM, "qwen2-3b-pattern1"),
    ]


@pytest.mark.parametrize("routing", ["load", OWN_ROUTING], ids=["by name", "of one's own"])
def test_changed_routing_updates_in_place(two_models: SandboxStack, routing: Any) -> None:
    two_models.set_config("models", [{**MODEL, "routing": routing}, OTHER])
    assert since(two_models, two_models.up) == [("update", LLM, "qwen2-3b-pattern1")]


def test_added_model_touches_nothing_else(two_models: SandboxStack) -> None:
    two_models.set_config("models", [MODEL, OTHER, {**MODEL, "name": "third"}])
    done = since(two_models, two_models.up)
    assert done == [("create", "kubernetes:core/v1:ServiceAccount", "third"), ("create", LLM, "third")]


def test_removed_model_takes_its_namespace_along_and_nothing_else(two_models: SandboxStack) -> None:
    two_models.set_config("models", [MODEL])
    assert since(two_models, two_models.up) == [
        ("delete", LLM, "other"),
        ("delete", "kubernetes:core/v1:ServiceAccount", "other"),
        ("delete", "kubernetes:core/v1:Namespace", "team-b"),
    ]


def test_new_token_replaces_the_secret_under_its_name_and_restarts_nothing(sandbox: Make) -> None:
    stack = sandbox()
    stack.set_config("huggingFaceToken", "hf_first", secret=True)
    stack.up()
    stack.set_config("huggingFaceToken", "hf_second", secret=True)
    done = since(stack, stack.up)
    assert [(op, kind.split(":")[-1]) for op, kind, _ in done] == [
        ("delete", "Secret"),
        ("create", "Secret"),
    ]


def test_drift_of_a_service_is_shown_and_put_right(up: Make) -> None:
    stack = up()
    [service] = stack.inventory.find(LLM)
    service.inputs["spec"]["replicas"] = 0
    stack.refresh()
    assert not unchanged(stack.preview())
    assert since(stack, stack.up) == [("update", LLM, "qwen2-3b-pattern1")]
    assert stack.inventory.find(LLM)[0].inputs["spec"]["replicas"] == 1
