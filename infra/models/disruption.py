"""Replicas of what a request passes: how they stay apart, and how many of them a drain may take away at once."""

from collections.abc import Mapping
from typing import Any

from infra.settings.model import Model

MAX_REPLICAS = 5
"""Up to here Istio's charts let istiod and the gateway proxy grow by themselves."""


def _labels(model: Model, component: str) -> dict[str, str]:
    """The labels that KServe v0.20 gives to one kind of a model's Pods."""
    return {
        "app.kubernetes.io/component": f"llminferenceservice-{component}",
        "app.kubernetes.io/name": model.name,
        "app.kubernetes.io/part-of": "llminferenceservice",
    }


def apart(labels: Mapping[str, str], replicas: int) -> list[dict[str, Any]]:
    """The `topologySpreadConstraints` of Pods with these labels: evenly over nodes, and over zones if that can be.

    Only nodes whose taints the Pods tolerate count, or the TPU nodes, which they may not use, would have to be filled
    too. The Pods of an update are spread without regard to those they replace. One replica has nothing to spread.
    """
    if replicas < 2:
        return []
    pods = {"labelSelector": {"matchLabels": dict(labels)}, "matchLabelKeys": ["pod-template-hash"]}
    node = {"topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    zone = {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    return [{"maxSkew": 1, "nodeTaintsPolicy": "Honor", **place, **pods} for place in (node, zone)]


def scheduler(model: Model, replicas: int) -> dict[str, Any]:
    """The endpoint picker in the words of an LLMInferenceService. Of several replicas one leads; KServe sees to that.

    Its TLS default makes every completion a 500, as KServe makes no DestinationRule for it.
    """
    spread = apart(_labels(model, "router-scheduler"), replicas)
    return {
        "replicas": replicas,
        "template": {
            "containers": [{"name": "main", "args": ["--secure-serving=false"]}],
            **({"topologySpreadConstraints": spread} if spread else {}),
        },
    }


def budgets(model: Model, router_replicas: int) -> dict[str, Any]:
    """The PodDisruptionBudgets of a model, by what they are for: one for each kind of Pod that there are two of.

    Of the vLLM Pods one at a time may go. Of the pickers only the leader is ever ready
    (https://github.com/kubernetes-sigs/gateway-api-inference-extension/blob/v1.5.0/cmd/epp/runner/health.go), so a
    budget that keeps one available would never let it go, and no drain of its node would end. With none to keep, what
    may go at once is what is ready: the leader, and then nothing until another one leads.
    """
    found: dict[str, Any] = {}
    if model.replicas > 1:
        found["vllm"] = {"selector": {"match_labels": _labels(model, "workload")}, "max_unavailable": 1}
    if router_replicas > 1:
        found["picker"] = {"selector": {"match_labels": _labels(model, "router-scheduler")}, "min_available": 0}
    return found
