"""What vLLM's stand-in says of itself: names and labels of the pinned release, and values that follow the load."""

import re
from http.client import HTTPConnection

import openai
import pytest

from infra.releases import pins
from infra.settings.flags import RELEASE
from sandbox.programs import model_server, vllm_metrics
from sandbox.programs.vllm_metrics import FACTS, Metrics, Times
from tests.support.model_server import CHAT, NAMES, Serve, ask, openai_client

SAMPLE = re.compile(r'vllm:([a-z0-9_]+)\{((?:[a-z_]+="[^"]*",?)+)\} (\S+)')
TYPE = re.compile(r"# TYPE vllm:([a-z0-9_]+) (gauge|counter|histogram)")
OWN = 'engine="0",model_name="/mnt/models"'


def said(server: model_server.Server) -> dict[str, float]:
    """Every series by its name and the labels that are not the engine's and the model's."""
    status, headers, text = ask(server, "GET", "/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not TYPE.fullmatch(line):
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            labels = [label for label in sample[2].split(",") if label not in OWN.split(",")]
            found[sample[1] + "".join(f"{{{label}}}" for label in labels)] = float(sample[3])
    return found


def test_names_are_of_the_release_that_is_deployed() -> None:
    assert FACTS["release"] == RELEASE
    assert pins.VLLM_TPU_IMAGE.endswith(f":v{FACTS['release']}")
    assert f"vllm-tpu {RELEASE}" in FACTS["source"]


def test_every_metric_of_the_list_is_there_before_the_first_request(serve: Serve) -> None:
    server = serve("--block-size=32")
    text = ask(server, "GET", "/metrics")[2]
    counters, histograms = ([*FACTS[kind]] for kind in ("counters", "histograms"))
    assert {found[1]: found[2] for found in map(TYPE.fullmatch, text.splitlines()) if found} == {
        **dict.fromkeys([*FACTS["gauges"], "cache_config_info"], "gauge"),
        **dict.fromkeys([f"{name}_total" for name in counters], "counter"),
        **dict.fromkeys(histograms, "histogram"),
    }
    found = said(server)
    assert {name for name, value in found.items() if value} == {
        'cache_config_info{block_size="32"}{num_gpu_blocks="4096"}'
    }
    for reason in ("stop", "length", "abort", "error", "repetition"):
        assert found[f'request_success_total{{finished_reason="{reason}"}}'] == 0
    for bound in ("0.001", "1.0", "2560.0", "+Inf"):
        assert found[f'time_to_first_token_seconds_bucket{{le="{bound}"}}'] == 0


def test_labels_are_in_the_order_of_their_names(serve: Serve) -> None:
    text = ask(serve(), "GET", "/metrics")[2]
    assert 'vllm:request_success_total{engine="0",finished_reason="stop",model_name="/mnt/models"} 0.0\n' in text
    assert 'vllm:num_requests_running{engine="0",model_name="/mnt/models"} 0.0\n' in text


@pytest.mark.parametrize("stream", [False, True])
def test_answer_is_counted_when_it_has_ended(serve: Serve, stream: bool) -> None:
    server = serve()
    server.pace = 0.02
    answer = openai_client(server).chat.completions.create(**CHAT, stream=stream)
    if stream:
        list(answer)
    server.drain(10)  # a client has its answer before the request has ended
    found = said(server)
    assert found["prompt_tokens_total"] == 4
    assert found["generation_tokens_total"] == 10
    assert found['request_success_total{finished_reason="stop"}'] == 1
    assert found["num_requests_running"] == 0
    assert found["num_preemptions_total"] == 0
    for name in ("time_to_first_token", "request_time_per_output_token", "e2e_request_latency", "request_queue_time"):
        assert found[f"{name}_seconds_count"] == 1
    assert found["inter_token_latency_seconds_count"] == 9
    assert found["e2e_request_latency_seconds_sum"] > 0.19
    assert found["time_to_first_token_seconds_sum"] < found["e2e_request_latency_seconds_sum"]
    assert found["request_time_per_output_token_seconds_sum"] > 0.02


def test_each_of_several_answers_counts(serve: Serve) -> None:
    server = serve("--max-model-len=64")
    openai_client(server).completions.create(model=NAMES[0], prompt=["a b", "c"], max_tokens=3, n=2)
    server.drain(10)
    found = said(server)
    assert found["prompt_tokens_total"] == 3
    assert found["generation_tokens_total"] == 12
    assert found['request_success_total{finished_reason="length"}'] == 4
    assert found["e2e_request_latency_seconds_count"] == 4
    assert found["inter_token_latency_seconds_count"] == 8


def test_running_requests_are_seen_while_they_run(serve: Serve) -> None:
    server = serve()
    server.pace = 0.2
    stream = openai_client(server).chat.completions.create(**CHAT, stream=True)
    next(iter(stream))
    assert said(server)["num_requests_running"] == 1
    stream.close()


def test_answer_that_its_client_breaks_off_is_an_abort(serve: Serve) -> None:
    server = serve()
    server.pace = 0.05
    stream = openai_client(server).chat.completions.create(**CHAT, stream=True)
    next(iter(stream))
    stream.close()
    server.drain(10)
    found = said(server)
    assert found['request_success_total{finished_reason="abort"}'] == 1
    assert found['request_success_total{finished_reason="stop"}'] == 0
    assert found["generation_tokens_total"] == 0


def test_refused_request_is_not_counted(serve: Serve) -> None:
    server = serve()
    with pytest.raises(openai.BadRequestError):
        openai_client(server).completions.create(model=NAMES[0], prompt="a", max_tokens=10**6)
    assert said(server)["e2e_request_latency_seconds_count"] == 0


def test_waiting_requests_are_seen_and_their_wait_is_measured(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_PREFILL_SECONDS", "0.1")
    server = serve("--max-model-len=64", "--max-num-seqs=1")
    connections = [HTTPConnection("127.0.0.1", server.server_address[1]) for _ in range(2)]
    body = f'{{"model": "{NAMES[0]}", "prompt": "a b c", "max_tokens": 1}}'
    for connection in connections:
        connection.request("POST", "/v1/completions", body, {"content-type": "application/json"})
    seen = said(server)
    while not seen["num_requests_waiting"]:
        assert not seen["e2e_request_latency_seconds_count"]
        seen = said(server)
    assert seen["num_requests_running"] == 1
    assert seen["kv_cache_usage_perc"] > 0
    for connection in connections:
        connection.getresponse().read()
    server.drain(10)
    found = said(server)
    assert found["request_queue_time_seconds_sum"] > 0.25
    assert found["request_prefill_time_seconds_sum"] > 0.25
    assert found["prefix_cache_queries_total"] == 6


def test_histogram_counts_what_is_at_most_each_bound() -> None:
    metrics = Metrics("m")
    for seconds in (0.3, 0.31, 9000):
        metrics.observe("e2e_request_latency_seconds", seconds)
    text = metrics.text({}, {})
    values = re.findall(r'e2e_request_latency_seconds_bucket\{.*le="([^"]+)".*\} (\S+)', text)
    assert values[:2] == [("0.3", "1.0"), ("0.5", "2.0")]
    assert values[-2:] == [("7680.0", "2.0"), ("+Inf", "3.0")]
    assert 'e2e_request_latency_seconds_sum{engine="0",model_name="m"} 9000.61\n' in text


def test_one_token_has_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics("m")
    monkeypatch.setattr(vllm_metrics.time, "monotonic", lambda: 12.0)
    metrics.finished(Times(arrival=10, scheduled=10.5, first=11), 1, 1, "length")
    text = metrics.text({}, {})
    assert "inter_token_latency_seconds_count{" in text
    assert 'inter_token_latency_seconds_count{engine="0",model_name="m"} 0.0' in text
    assert 'request_time_per_output_token_seconds_sum{engine="0",model_name="m"} 0.0' in text
    spans = {"e2e_request_latency": 2, "request_queue_time": 0.5, "request_prefill_time": 0.5, "request_decode_time": 1}
    for name, seconds in {**spans, "request_inference_time": 1.5}.items():
        assert f'{name}_seconds_sum{{engine="0",model_name="m"}} {float(seconds)}\n' in text
