"""What is asked about a stack, in PromQL: for the dashboard, for alerts, and for whoever else wants to know.

One table, so that a question has one answer everywhere. CLUSTER stands for the cluster's name, which every time series
carries, and MODELS for the models' namespaces, as a pattern. A window is five minutes unless it says otherwise: ten
scrapes. Times are seconds, shares go from 0 to 1.

Three sources: what `infra/models/metrics.py` and `infra/platform/metrics.py` let through; GKE's own state of Pods and
Deployments (https://cloud.google.com/kubernetes-engine/docs/how-to/kube-state-metrics); and its system metrics, whose
names come from Cloud Monitoring by https://cloud.google.com/monitoring/promql/promql-mapping, with labels of their own:
`cluster_name`, `namespace_name`, `pod_name`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from infra.platform.names import PLATFORM, picker_of

CLUSTER, MODELS = "CLUSTER", "MODELS"


class Query(NamedTuple):
    """A question: what the answer says, the PromQL, and its unit, as Cloud Monitoring writes units."""

    says: str
    promql: str
    unit: str = "1"


_OURS = f'cluster="{CLUSTER}"'
_GATEWAY = f'cluster="{CLUSTER}",reporter="source"'
_STATE = f'cluster="{CLUSTER}",namespace=~"{MODELS}"'
_PARTS = "|".join((MODELS, *PLATFORM))
"""The namespaces of the models and of the platform, without which no model is reached, changed or woken."""
_STATE_OF_PARTS = f'cluster="{CLUSTER}",namespace=~"{_PARTS}"'
_SYSTEM = f'cluster_name="{CLUSTER}",namespace_name=~"{MODELS}"'

_OF_MODEL = "(.+?)-inference-poo?l?-ip-.+"
"""The Service to which completions of a model go, and nothing else: istiod makes it of the InferencePool,
`<pool>-ip-<hash>`. Of names with 37 and 38 characters, the longest that a model may have, istiod cuts the end of the
pool's (`_pool_service` in `infra/models/scaling.py`). Lists of models and health have KServe's own Service: the uptime
checks alone ask for the latter 300 times an hour, beside which a few completions that fail would not be seen."""
_BACKEND = f'"model", "$1", "destination_service_name", "{_OF_MODEL}"'


def requests(window: str = "5m", code: str = "", *, function: str = "rate") -> str:
    """Completions that the gateway answered, by the model they were for, a second or, with `increase`, within a window:
    all, or those with a code like this."""
    only = f'{_GATEWAY},destination_service_name=~"{_OF_MODEL}"' + (f',response_code=~"{code}"' if code else "")
    answered = f"{function}(istio_requests_total{{{only}}}[{window}])"
    return f"sum by (destination_service_namespace, model) (label_replace({answered}, {_BACKEND}))"


def failed(window: str) -> str:
    """The share of completions that were answered with a 5xx."""
    return f"{requests(window, '5..')} / {requests(window)}"


def _labelled(deployments: str) -> str:
    """What is asked of the models' Deployments, by the labels of `requests`."""
    of_model = f'label_replace({deployments}, "model", "$1", "deployment", "(.+)-kserve")'
    return f'label_replace({of_model}, "destination_service_namespace", "$1", "namespace", "(.+)")'


def slept(window: str) -> str:
    """The models whose Deployment wanted no Pod at some time within a window, by the labels of `requests`. While it
    wants none, and while the first Pod starts, a 503 is what clients are to get."""
    return _labelled(f"min_over_time(kube_deployment_spec_replicas{{{_STATE}}}[{window}]) == 0")


def sleeps_on() -> str:
    """The 503s within five minutes of the models whose Deployment wants no Pod: somebody asks one that is not awake."""
    asleep = _labelled(f"kube_deployment_spec_replicas{{{_STATE}}} == 0")
    return f"{requests('5m', '503', function='increase')} and on (destination_service_namespace, model) {asleep}"


def by_model(function: str, series: str) -> str:
    """One value for each model, of what vLLM or its picker measure."""
    return f"{function} by (namespace, model) ({series})"


def slow(window: str, seconds: str) -> str:
    """The share of requests whose first token took longer; `seconds` is the end of one of vLLM's buckets."""
    name = "vllm:time_to_first_token_seconds"
    fast = by_model("sum", f'rate({name}_bucket{{{_OURS},le="{seconds}"}}[{window}])')
    return f"1 - {fast} / {by_model('sum', f'rate({name}_count{{{_OURS}}}[{window}])')}"


def first_tokens(window: str) -> str:
    """Requests that got a first token within a window, by model."""
    return by_model("sum", f"increase(vllm:time_to_first_token_seconds_count{{{_OURS}}}[{window}])")


def _quantile(quantile: str, name: str) -> str:
    return f"histogram_quantile({quantile}, sum by (namespace, model, le) (rate({name}_bucket{{{_OURS}}}[5m])))"


def _percentiles(what: str, key: str, name: str) -> dict[str, Query]:
    return {
        f"{key}-p{share}": Query(f"{what}, {share} of 100 are at most", _quantile(f"0.{share}", name), "s")
        for share in (50, 95, 99)
    }


def _accelerator(name: str) -> str:
    """A system metric of the models' TPU chips, by Pod; its own label `model` is that of the chip."""
    return f"avg by (namespace_name, pod_name) (kubernetes_io:container_accelerator_{name}{{{_SYSTEM}}})"


def _missing() -> str:
    """Replicas that are wanted and not available, by Deployment. Of several endpoint pickers only the leader is ever
    ready (https://github.com/kubernetes-sigs/gateway-api-inference-extension/issues/1264), so of those none is missing
    as long as one is available, and all are if none is."""
    wanted, available = "kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"
    pickers, others = (f'{{{_STATE_OF_PARTS},deployment{op}"{picker_of(".+")}"}}' for op in ("=~", "!~"))
    led = f"{wanted}{pickers} * ({available}{pickers} == bool 0)"
    return f"sum by (namespace, deployment) ({wanted}{others} - {available}{others} or {led})"


_TOKENS = f"sum(rate(vllm:generation_tokens_total{{{_OURS}}}[1h]))"

QUERIES: dict[str, Query] = {
    "requests": Query("Completions a second, by model", requests(), "{req}/s"),
    "errors": Query("Completions a second that were answered with a 5xx, by model", requests(code="5.."), "{req}/s"),
    "refused": Query(
        "Requests a second that were the client's fault or too many, by code",
        f'sum by (response_code) (rate(istio_requests_total{{{_GATEWAY},response_code=~"4.."}}[5m]))',
        "{req}/s",
    ),
    "clients": Query(
        "Requests a second, by the subject of the token",
        f"sum by (client) (rate(istio_requests_total{{{_GATEWAY}}}[5m]))",
        "{req}/s",
    ),
    "clients-errors": Query(
        "Requests a second that were not answered well, by the subject of the token and code",
        f'sum by (client, response_code) (rate(istio_requests_total{{{_GATEWAY},response_code=~"[45].."}}[5m]))',
        "{req}/s",
    ),
    "failed": Query("Share of completions that were answered with a 5xx, by model", failed("5m")),
    "finished": Query(
        "Requests a second that vLLM finished, by reason",
        f"sum by (namespace, model, finished_reason) (rate(vllm:request_success_total{{{_OURS}}}[5m]))",
        "{req}/s",
    ),
    **_percentiles("Time to the first token", "first-token", "vllm:time_to_first_token_seconds"),
    **_percentiles("Time per output token after it", "output-token", "vllm:request_time_per_output_token_seconds"),
    "queue-time-p95": Query(
        "Time in vLLM's queue, 95 of 100 are at most", _quantile("0.95", "vllm:request_queue_time_seconds"), "s"
    ),
    "pick-time-p95": Query(
        "Time in which the endpoint picker chooses a Pod, 95 of 100 are at most",
        _quantile("0.95", "inference_extension_scheduler_e2e_duration_seconds"),
        "s",
    ),
    "picker-errors": Query(
        "Requests a second that the endpoint picker refused, by its reason",
        f"sum by (namespace, model, error_code) (rate(inference_objective_request_error_total{{{_OURS}}}[5m]))",
        "{req}/s",
    ),
    "running": Query("Requests that run", by_model("sum", f"vllm:num_requests_running{{{_OURS}}}")),
    "waiting": Query("Requests that wait", by_model("sum", f"vllm:num_requests_waiting{{{_OURS}}}")),
    "kv-cache": Query(
        "Share of the KV cache in use, of the fullest Pod", by_model("max", f"vllm:kv_cache_usage_perc{{{_OURS}}}")
    ),
    "prefix-hits": Query(
        "Share of prompt tokens that were in the prefix cache",
        f"{by_model('sum', f'rate(vllm:prefix_cache_hits_total{{{_OURS}}}[5m])')} / "
        f"{by_model('sum', f'rate(vllm:prefix_cache_queries_total{{{_OURS}}}[5m])')}",
    ),
    "preemptions": Query(
        "Requests a second that lost their cache and were computed again",
        by_model("sum", f"rate(vllm:num_preemptions_total{{{_OURS}}}[5m])"),
        "{req}/s",
    ),
    "tokens-in": Query(
        "Prompt tokens a second", by_model("sum", f"rate(vllm:prompt_tokens_total{{{_OURS}}}[5m])"), "{token}/s"
    ),
    "tokens-out": Query(
        "Output tokens a second", by_model("sum", f"rate(vllm:generation_tokens_total{{{_OURS}}}[5m])"), "{token}/s"
    ),
    "duty-cycle": Query("Percent of time in which a TPU chip was busy", _accelerator("duty_cycle"), "%"),
    "tensor-core": Query("Percent of what the tensor cores can compute", _accelerator("tensorcore_utilization"), "%"),
    "hbm": Query(
        "Share of the chips' memory that is allocated",
        f"{_accelerator('memory_used')} / {_accelerator('memory_total')}",
    ),
    "hbm-bandwidth": Query(
        "Percent of the bandwidth of the chips' memory", _accelerator("memory_bandwidth_utilization"), "%"
    ),
    "replicas": Query("vLLM Pods that are read", by_model("count", f"vllm:num_requests_running{{{_OURS}}}")),
    "ready": Query(
        "vLLM Pods that the endpoint picker may choose", by_model("max", f"inference_pool_ready_pods{{{_OURS}}}")
    ),
    "missing": Query("Replicas that are not available, by Deployment; of endpoint pickers, if none is", _missing()),
    "nodes": Query(
        "vLLM Pods by node, whose name has that of its pool, and so of how it was bought",
        f"count by (node) (vllm:num_requests_running{{{_OURS}}})",
    ),
    "unschedulable": Query(
        "Pods of the models and the platform for which there is no node",
        f"sum by (namespace, pod) (kube_pod_status_unschedulable{{{_STATE_OF_PARTS}}})",
    ),
    "start-time": Query(
        "Time from a Pod's creation to its first ready",
        f"max by (namespace_name, pod_name) (kubernetes_io:pod_latencies_pod_first_ready{{{_SYSTEM}}})",
        "s",
    ),
    "restarts": Query(
        "Restarts of a container within half an hour",
        f"sum by (namespace_name, pod_name, container_name) (increase(kubernetes_io:container_restart_count{{"
        f'cluster_name="{CLUSTER}",namespace_name=~"{_PARTS}"}}[30m]))',
    ),
    "certificate": Query(
        "Time until a certificate ends",
        f"min by (exported_namespace, name) (certmanager_certificate_expiration_timestamp_seconds{{{_OURS}}}) - time()",
        "s",
    ),
    "proxies": Query("Proxies that are connected to istiod", f"sum(pilot_xds{{{_OURS}}})"),
    "rejected": Query(
        "Configurations within five minutes that a proxy did not take",
        f"sum(increase(pilot_total_xds_rejects{{{_OURS}}}[5m]))",
    ),
    "tokens-an-hour": Query(
        "Millions of output tokens an hour, over the last hour", f"{_TOKENS} * 3600 / 1e6", "{token}"
    ),
}
"""By name."""


def cost(usd_an_hour: float) -> Query:
    """What a million output tokens cost in US dollars, at so many an hour for the whole stack."""
    says = f"US dollars for a million output tokens, at {usd_an_hour:.2f} an hour"
    return Query(says, f"{usd_an_hour:.4f} / ({QUERIES['tokens-an-hour'].promql})", "{USD}")


def filled(promql: str, *, cluster: str, namespaces: Iterable[str]) -> str:
    """A query about one stack."""
    return promql.replace(CLUSTER, cluster).replace(MODELS, "|".join(namespaces))
