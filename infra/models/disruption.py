"""How many of a model's Pods and pickers a drain may take away at once."""

from typing import Any

from infra.platform.names import PICKER, VLLM, model_labels
from infra.settings.model import Model


def budgets(model: Model, router_replicas: int) -> dict[str, Any]:
    """The PodDisruptionBudgets of a model, by what they are for: one for each kind of Pod that there are two of.

    Of the vLLM Pods one at a time may go. Of the pickers only the leader is ever ready
    (https://github.com/kubernetes-sigs/gateway-api-inference-extension/blob/v1.5.0/cmd/epp/runner/health.go), so a
    budget that keeps one available would never let it go, and no drain of its node would end. With none to keep, what
    may go at once is what is ready: the leader, and then nothing until another one leads.
    """
    found: dict[str, Any] = {}
    if model.most > 1:
        found["vllm"] = {"selector": {"match_labels": model_labels(model, VLLM)}, "max_unavailable": 1}
    if router_replicas > 1:
        found["picker"] = {"selector": {"match_labels": model_labels(model, PICKER)}, "min_available": 0}
    return found
