"""An autoscaled model on the real engine: KEDA before it and after it, and a change that touches what it must."""

from sandbox.clouds.kubernetes_kinds import LLM, RELEASE, SCALED_OBJECT, TRIGGER_AUTHENTICATION
from tests.support.stacks import MODEL, Make, autoscaled, since, unchanged

NAME = MODEL["name"]


def at(log: list[tuple[str, str, str]], *event: str) -> int:
    """The place of an event among those of an operation."""
    return [tuple(each) for each in log].index(event)


def test_keda_comes_before_what_it_scales_and_goes_after_it(sandbox: Make) -> None:
    stack = sandbox(**autoscaled())
    log = since(stack, stack.up)
    trust, scaled = (
        at(log, "create", TRIGGER_AUTHENTICATION, "google-monitoring"),
        at(log, "create", SCALED_OBJECT, NAME),
    )
    assert at(log, "create", RELEASE, "keda") < trust < at(log, "create", LLM, NAME) < scaled
    assert unchanged(stack.preview())

    log = since(stack, stack.destroy)
    trust, scaled = (
        at(log, "delete", TRIGGER_AUTHENTICATION, "google-monitoring"),
        at(log, "delete", SCALED_OBJECT, NAME),
    )
    assert scaled < at(log, "delete", LLM, NAME) < trust < at(log, "delete", RELEASE, "keda")
    assert stack.inventory.find() == []


def test_range_and_number_follow_each_other_without_a_new_model(up: Make) -> None:
    stack = up(tpuMaxNodes=3)
    stack.set_config("models", autoscaled()["models"])
    log = since(stack, stack.up)
    assert sorted((operation, kind.rsplit(":", 1)[-1]) for operation, kind, _ in log) == [
        ("create", "ClusterTriggerAuthentication"),
        ("create", "IAMMember"),
        ("create", "Namespace"),
        ("create", "PodDisruptionBudget"),
        ("create", "PodMonitoring"),
        ("create", "PodMonitoring"),
        ("create", "Release"),
        ("create", "ScaledObject"),
        ("create", "Service"),
        ("update", "Cluster"),
        ("update", "Firewall"),
        ("update", "LLMInferenceService"),
    ]
    stack.set_config("models", [MODEL])
    log = since(stack, stack.up)
    assert sorted((operation, kind.rsplit(":", 1)[-1]) for operation, kind, _ in log) == [
        ("delete", "ClusterTriggerAuthentication"),
        ("delete", "IAMMember"),
        ("delete", "Namespace"),
        ("delete", "PodDisruptionBudget"),
        ("delete", "PodMonitoring"),
        ("delete", "PodMonitoring"),
        ("delete", "Release"),
        ("delete", "ScaledObject"),
        ("delete", "Service"),
        ("update", "Firewall"),
        ("update", "LLMInferenceService"),
    ]


def test_model_that_is_replaced_is_scaled_anew(up: Make) -> None:
    stack = up(**autoscaled())
    stack.set_config("models", [{**autoscaled()["models"][0], "maxModelLen": 4096}])
    log = since(stack, stack.up)
    assert [(operation, kind) for operation, kind, name in log if kind in (LLM, SCALED_OBJECT)] == [
        ("delete", SCALED_OBJECT),
        ("delete", LLM),
        ("create", LLM),
        ("create", SCALED_OBJECT),
    ]
