"""What Managed Service for Prometheus reads of a model: of its vLLM Pods and of its endpoint pickers.

Kept is what `infra/monitoring/queries.py` asks for. A client chooses some labels of the picker's metrics by what it
sends, such as the name of a model, so series with other names than the model's own are dropped: nobody can make new
ones. Those that carry the header of fairness are not kept at all.
"""

import re
from typing import Any

from infra.platform.metrics import histogram, kept, pod_monitoring
from infra.platform.names import PICKER, VLLM, VLLM_PORT, model_labels
from infra.settings.model import Model
from infra.settings.schema import Settings

PICKER_PORT = 9090
MODEL = {"model": "app.kubernetes.io/name"}
"""The label by which series of a model are told from those of others: its name, which is unique in its namespace."""

OF_VLLM = (
    *("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"),
    *("vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total", "vllm:num_preemptions_total"),
    *("vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:request_success_total"),
    *histogram("vllm:time_to_first_token_seconds"),
    *histogram("vllm:request_time_per_output_token_seconds"),
    *histogram("vllm:request_queue_time_seconds"),
)
"""Of vLLM 0.27; not kept are, among others, latencies that these add up to, parameters and sizes of requests, caches of
other kinds, and what Python says of itself."""
OF_PICKER = (
    *("inference_pool_ready_pods", "inference_objective_request_error_total"),
    *histogram("inference_extension_scheduler_e2e_duration_seconds"),
)
"""The names that the picker had before it was llm-d's, which 0.9 has beside the new ones (`llm_d_epp_...`). The new
ones carry a header of the client's as a label."""


def _own_names(model: Model) -> dict[str, Any]:
    """The rule that lets through what is of no model and what is of this one, by the names that it is served under.

    GKE refuses an expression that is found in the name of a label of its own, such as `cluster`, whatever the rule does
    (manifests/operator.yaml of https://github.com/GoogleCloudPlatform/prometheus-engine, from v0.17 on). None has the
    `;` by which Prometheus joins what it compares.
    """
    names = "|".join(map(re.escape, model.names))
    return {"action": "keep", "sourceLabels": ["__name__", "model_name"], "regex": f"[^;]+;(?:{names})?"}


def of_vllm(model: Model) -> dict[str, Any]:
    """The PodMonitoring of a model's vLLM Pods."""
    name, pods = f"{model.name}-vllm", model_labels(model, VLLM)
    return pod_monitoring(name, model.namespace, pods, port=VLLM_PORT, rules=[kept(OF_VLLM)], labels=MODEL)


def of_picker(model: Model) -> dict[str, Any]:
    """The PodMonitoring of a model's endpoint pickers."""
    name, pods = f"{model.name}-picker", model_labels(model, PICKER)
    rules = [kept(OF_PICKER), _own_names(model)]
    return pod_monitoring(name, model.namespace, pods, port=PICKER_PORT, rules=rules, labels=MODEL)


def pod_monitorings(model: Model, settings: Settings) -> list[dict[str, Any]]:
    """The PodMonitorings of a model, in its namespace, as manifests. What scales models asks no picker."""
    return [
        *([of_vllm(model)] if settings.scraped else []),
        *([of_picker(model)] if settings.monitoring else []),
    ]
