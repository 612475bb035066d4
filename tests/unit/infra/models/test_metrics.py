"""What is read of a model's metrics."""

import re

import pytest

from infra.models.metrics import pod_monitorings
from infra.settings.load import parse
from sandbox.cluster.collection import PROTECTED
from tests.support.dependencies import made_of
from tests.support.program import Declared, Run, spec
from tests.support.stack_settings import stack
from tests.support.stacks import MODEL, autoscaled

API = "monitoring.googleapis.com/v1:PodMonitoring"
NAMES = ["fast", "Qwen/Qwen2.5-3B"]
TARGETS = {"metadata": ["node", "pod"], "fromPod": [{"from": "app.kubernetes.io/name", "to": "model"}]}


def of(*names: str) -> list[dict]:
    settings = parse(stack({"monitoring": True, "models[0].servedNames": list(names)}))
    return pod_monitorings(settings.models[0], settings)


def passes(monitoring: dict, name: str, /, **labels: str) -> bool:
    """Whether a series comes through the rules, as Prometheus applies them: anchored, an absent label empty."""
    [endpoint] = monitoring["spec"]["endpoints"]
    series = {"__name__": name, **labels}
    for rule in endpoint["metricRelabeling"]:
        assert rule["action"] == "keep"
        if not re.fullmatch(rule["regex"], ";".join(series.get(label, "") for label in rule["sourceLabels"])):
            return False
    return True


def test_vllm_and_picker_of_a_model_are_read_in_its_namespace() -> None:
    vllm, picker = of("fast")
    for monitoring, kind, port, component in (
        (vllm, "vllm", 8000, "workload"),
        (picker, "picker", 9090, "router-scheduler"),
    ):
        assert (monitoring["apiVersion"], monitoring["kind"]) == ("monitoring.googleapis.com/v1", "PodMonitoring")
        assert monitoring["metadata"] == {
            "name": f"qwen2-3b-pattern1-{kind}",
            "namespace": "llm-d-inference-scheduling",
        }
        assert monitoring["spec"]["selector"] == {
            "matchLabels": {
                "app.kubernetes.io/component": f"llminferenceservice-{component}",
                "app.kubernetes.io/part-of": "llminferenceservice",
                "app.kubernetes.io/name": "qwen2-3b-pattern1",
            }
        }
        assert monitoring["spec"]["targetLabels"] == TARGETS
        [endpoint] = monitoring["spec"]["endpoints"]
        assert {key: endpoint[key] for key in ("port", "path", "interval")} == {
            "port": port,
            "path": "/metrics",
            "interval": "30s",
        }


@pytest.mark.parametrize(
    "name",
    [
        "vllm:num_requests_running",
        "vllm:num_requests_waiting",
        "vllm:kv_cache_usage_perc",
        "vllm:prefix_cache_queries_total",
        "vllm:prefix_cache_hits_total",
        "vllm:num_preemptions_total",
        "vllm:prompt_tokens_total",
        "vllm:generation_tokens_total",
        "vllm:request_success_total",
        *(f"vllm:time_to_first_token_seconds_{part}" for part in ("bucket", "count", "sum")),
        *(f"vllm:request_time_per_output_token_seconds_{part}" for part in ("bucket", "count", "sum")),
        *(f"vllm:request_queue_time_seconds_{part}" for part in ("bucket", "count", "sum")),
    ],
)
def test_of_vllm_is_kept(name: str) -> None:
    assert passes(of("fast")[0], name)


@pytest.mark.parametrize(
    "name",
    [
        "vllm:cache_config_info",
        "vllm:e2e_request_latency_seconds_bucket",
        "http_requests_total",
        "python_info",
        "xvllm:num_requests_running",
    ],
)
def test_of_vllm_is_dropped(name: str) -> None:
    assert not passes(of("fast")[0], name)


def test_of_the_picker_is_kept_what_is_of_no_model_or_of_its_own() -> None:
    picker = of(*NAMES)[1]
    assert passes(picker, "inference_pool_ready_pods", name="pool")
    assert passes(picker, "inference_extension_scheduler_e2e_duration_seconds_bucket", le="0.1")
    for name in NAMES:
        assert passes(picker, "inference_objective_request_error_total", model_name=name)


def test_client_makes_no_new_series_of_the_picker_by_a_name_or_a_header() -> None:
    picker = of(*NAMES)[1]
    for name in ("slow", "fast2", "afast", "Qwen/Qwen2x5-3B"):
        assert not passes(picker, "inference_objective_request_error_total", model_name=name)
    assert not passes(picker, "llm_d_epp_request_total", model_name="fast", fairness_id="mine")


def test_no_rule_is_found_in_a_label_of_googles_which_gke_refuses(run: Run) -> None:
    models = [{**MODEL, "servedNames": ["cluster", "namespace"]}]
    read = [r.inputs["spec"] for r in run(monitoring="true", models=models).all(API) if "PodMonitoring" in r.type]
    rules = [rule["regex"] for of in read for endpoint in of["endpoints"] for rule in endpoint["metricRelabeling"]]
    assert len(rules) == len(read) + 1
    assert [(regex, label) for regex in rules for label in PROTECTED if re.search(regex, label)] == []


def test_watched_stack_makes_them_for_each_model(run: Run) -> None:
    declared = run(monitoring="true")
    [vllm, picker] = [r for r in declared.all(API) if r.name.startswith("llm-d")]
    assert vllm.name == "llm-d-inference-scheduling.qwen2-3b-pattern1.qwen2-3b-pattern1-vllm"
    assert picker.name == "llm-d-inference-scheduling.qwen2-3b-pattern1.qwen2-3b-pattern1-picker"
    manifests = {m["metadata"]["name"]: m for m in of("/mnt/models", "Qwen/Qwen2.5-3B-Instruct")}
    for r in (vllm, picker):
        assert r.inputs["spec"] == manifests[r.inputs["metadata"]["name"]]["spec"]
        assert r.inputs["metadata"]["namespace"] == "llm-d-inference-scheduling"
        assert made_of(r, "metadata") == {"Namespace llm-d-inference-scheduling"}


def test_picker_that_is_read_asks_for_no_token(run: Run, dev: Declared) -> None:
    def flags(declared: Declared) -> list[str]:
        [container] = spec(declared)["router"]["scheduler"]["template"]["containers"]
        return container["args"]

    assert flags(run(monitoring="true")) == ["--secure-serving=false", "--metrics-endpoint-auth=false"]
    assert flags(dev) == flags(run(**autoscaled())) == ["--secure-serving=false"]
