"""What a client may take of the gateway. That Envoy holds it is shown in `tests/cluster/test_limits.py`."""

import json
from typing import Any

import pytest

from infra.platform import envoy_limits, limits
from infra.settings.load import parse
from infra.settings.schema import Settings
from tests.support.dependencies import made_of
from tests.support.program import Declared, Run
from tests.support.stack_settings import stack

Json = dict[str, Any]


def given(**changes: Any) -> Settings:
    return parse(stack(changes))


def patches(settings: Settings, operation: str) -> list[Json]:
    return [p for p in envoy_limits.patches(settings) if p["patch"]["operation"] == operation]


def added(settings: Settings) -> dict[str, Json]:
    """What is put in, by its name, in its order."""
    values = [p["patch"]["value"] for p in patches(settings, "INSERT_BEFORE")]
    return {value["name"].rpartition(".")[2]: value["typed_config"] for value in values}


def manager(settings: Settings) -> Json:
    [patch] = patches(settings, "MERGE")
    return patch["patch"]["value"]["typed_config"]


def replies(settings: Settings) -> dict[Any, Json]:
    """The mappers by the status, or the expression, that they are for."""

    def when(found: Json) -> Any:
        if "extension_filter" in found:
            return found["extension_filter"]["typed_config"]["expression"]
        assert found["status_code_filter"]["comparison"]["op"] == "EQ"
        return found["status_code_filter"]["comparison"]["value"]["default_value"]

    return {when(mapper["filter"]): mapper for mapper in envoy_limits.replies(settings)}


OVERLOADED = "response.code_details == 'reached_concurrency_limit'"


def test_filters_stand_before_the_picker_in_the_order_of_what_they_cost() -> None:
    settings = given(requestsPerMinute=60)
    assert list(added(settings)) == ["connection_limit", "local_ratelimit", "adaptive_concurrency", "buffer"]
    for patch in patches(settings, "INSERT_BEFORE")[1:]:
        assert patch["applyTo"] == "HTTP_FILTER"
        assert patch["match"]["context"] == "GATEWAY"
        at = patch["match"]["listener"]["filterChain"]["filter"]
        assert at["name"] == "envoy.filters.network.http_connection_manager"
        assert at["subFilter"] == {"name": "envoy.filters.http.ext_proc"}


def test_connections_are_counted_before_anything_is_read_of_them() -> None:
    first, *_ = patches(given(), "INSERT_BEFORE")
    assert first["applyTo"] == "NETWORK_FILTER"
    at = first["match"]["listener"]["filterChain"]["filter"]
    assert at == {"name": "envoy.filters.network.http_connection_manager"}


@pytest.mark.parametrize("filter_", ["connection_limit", "local_ratelimit", "adaptive_concurrency", "buffer"])
def test_filter_has_the_type_of_its_name(filter_: str) -> None:
    url = added(given(requestsPerMinute=1))[filter_]["@type"]
    layer = "network" if filter_ == "connection_limit" else "http"
    assert url.startswith(f"type.googleapis.com/envoy.extensions.filters.{layer}.{filter_}.v3.")


def test_body_is_bounded_in_millions_of_bytes() -> None:
    assert added(given(maxRequestMb=3))["buffer"]["max_request_bytes"] == 3_000_000


def test_requests_at_a_time_are_neither_more_nor_fewer() -> None:
    adaptive = added(given(maxConcurrentRequests=7))["adaptive_concurrency"]["gradient_controller_config"]
    assert adaptive["concurrency_limit_params"]["max_concurrency_limit"] == 7
    assert adaptive["min_rtt_calc_params"]["min_concurrency"] == 7
    assert "interval" not in adaptive["min_rtt_calc_params"]


def test_connections_are_four_for_each_request() -> None:
    assert added(given(maxConcurrentRequests=7))["connection_limit"]["max_connections"] == 28


def test_no_rate_is_no_filter() -> None:
    assert "local_ratelimit" not in added(given(requestsPerMinute=0))


def test_client_is_its_address() -> None:
    counted = added(given(requestsPerMinute=90))["local_ratelimit"]
    bucket = {"max_tokens": 90, "tokens_per_fill": 90, "fill_interval": "60s"}
    assert counted["rate_limits"] == [{"actions": [{"remote_address": {}}]}]
    assert counted["descriptors"] == [{"entries": [{"key": "remote_address"}], "token_bucket": bucket}]
    assert counted["max_dynamic_descriptors"] == 10_000


def test_client_may_be_the_subject_of_its_token() -> None:
    counted = envoy_limits.rate(given(requestsPerMinute=90), envoy_limits.BY_SUBJECT)["typed_config"]
    assert counted["descriptors"][0]["entries"] == [{"key": "iss"}, {"key": "sub"}]
    [actions] = [limit["actions"] for limit in counted["rate_limits"]]
    assert [a["metadata"]["metadata_key"]["path"][-1] for a in actions] == [{"key": "iss"}, {"key": "sub"}]


def test_others_share_no_bucket_that_could_be_empty() -> None:
    counted = added(given(requestsPerMinute=90))["local_ratelimit"]
    assert counted["always_consume_default_token_bucket"] is False
    assert counted["token_bucket"]["max_tokens"] == 2**32 - 1
    assert counted["filter_enforced"]["default_value"] == {"numerator": 100, "denominator": "HUNDRED"}


@pytest.mark.parametrize(("most", "seconds"), [(1, "60"), (7, "9"), (60, "1"), (1000, "1")])
def test_retry_after_is_when_the_next_request_is_free(most: int, seconds: str) -> None:
    [header] = added(given(requestsPerMinute=most))["local_ratelimit"]["response_headers_to_add"]
    assert header["header"] == {"key": "retry-after", "value": seconds}


def test_headers_are_bounded() -> None:
    assert manager(given())["max_request_headers_kb"] == 16
    assert manager(given())["common_http_protocol_options"] == {"max_headers_count": 64}


@pytest.mark.parametrize(
    ("when", "kind", "code"),
    [
        (408, "invalid_request_error", "request_timeout"),
        (413, "invalid_request_error", "request_too_large"),
        (429, "rate_limit_error", "rate_limit_exceeded"),
        (431, "invalid_request_error", "headers_too_large"),
        (OVERLOADED, "server_error", "overloaded"),
    ],
)
def test_refusal_has_the_shape_of_openais_errors(when: int | str, kind: str, code: str) -> None:
    words = replies(given())[when]["body_format_override"]
    error = json.loads(words["text_format_source"]["inline_string"])["error"]
    assert words["content_type"] == "application/json"
    assert error.pop("message")
    assert error == {"type": kind, "param": None, "code": code}
    assert manager(given())["local_reply_config"]["mappers"] == envoy_limits.replies(given())


def test_too_large_a_request_is_told_how_large_it_may_be() -> None:
    assert "larger than 2 MB" in json.dumps(replies(given(maxRequestMb=2))[413])


def test_words_have_no_mark_of_envoys_formats() -> None:
    assert "%" not in json.dumps(envoy_limits.replies(given()))


def test_503_of_another_reason_keeps_its_words() -> None:
    assert set(replies(given())) == {408, 413, 429, 431, OVERLOADED}
    [header] = replies(given())[OVERLOADED]["headers_to_add"]
    assert header["header"] == {"key": "retry-after", "value": "1"}


def test_slow_clients_end_and_long_answers_do_not(dev: Declared) -> None:
    annotation = dev.one(":Release", "inference-gateway").inputs["values"]["podAnnotations"]["proxy.istio.io/config"]
    settings = json.loads(annotation)["connectionSettings"]
    seconds = {k: int(v.removesuffix("s")) for k, v in settings.items() if k.endswith("Timeout")}
    assert seconds.pop("httpStreamIdleTimeout") >= 3600
    assert max(seconds.values()) <= 300
    assert seconds["httpRequestHeadersTimeout"] < seconds["httpRequestTimeout"]


def test_refused_are_upgrades_and_odd_methods() -> None:
    spec = limits.no_upgrades()
    assert spec["action"] == "DENY"
    upgrades, methods = spec["rules"]
    assert upgrades == {"when": [{"key": "request.headers[upgrade]", "values": ["*"]}]}
    assert {"GET", "POST", "OPTIONS"} <= set(methods["to"][0]["operation"]["notMethods"])


def test_both_are_of_the_gateway_in_its_namespace(dev: Declared) -> None:
    gateway = dev.one(":Gateway", "inference-gateway").inputs
    for kind in (":EnvoyFilter", ":AuthorizationPolicy"):
        made = dev.one(kind)
        assert made.inputs["metadata"]["namespace"] == gateway["metadata"]["namespace"]
        assert made_of(made, "metadata") == {"Namespace istio-ingress"}
        assert made.inputs["spec"]["targetRefs"] == [
            {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway["metadata"]["name"]}
        ]


def test_settings_reach_the_filter(run: Run) -> None:
    changes = {"maxRequestMb": 2, "requestsPerMinute": 30, "maxConcurrentRequests": 9}
    spec = run(**changes).one(":EnvoyFilter").inputs["spec"]
    assert spec["configPatches"] == envoy_limits.patches(given(**changes))


def test_load_balancer_is_open_and_unchanged_in_dev(dev: Declared) -> None:
    assert not {"loadBalancerSourceRanges", "externalTrafficPolicy"} & dev.one("core/v1:Service").inputs["spec"].keys()


def test_allowed_clients_are_the_load_balancers_source_ranges(run: Run) -> None:
    spec = run(allowedClients=["198.51.100.0/24"]).one("core/v1:Service").inputs["spec"]
    assert spec["loadBalancerSourceRanges"] == ["198.51.100.0/24"]
    assert "externalTrafficPolicy" not in spec


def test_clients_have_their_own_address_where_it_is_counted(run: Run) -> None:
    spec = run(requestsPerMinute=60).one("core/v1:Service").inputs["spec"]
    assert spec["externalTrafficPolicy"] == "Local"
    assert "loadBalancerSourceRanges" not in spec
