"""What a client may take of the gateway, where Istio has no API for it: bodies, rates and numbers of requests.

One EnvoyFilter puts Envoy's own filters between Istio's checks of who asks and the endpoint picker, as
https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge advises. All that they name is in Istio's
build of Envoy (https://github.com/istio/proxy/blob/master/bazel/extension_config/extensions_build_config.bzl).

The order of the filters is the order in which a request costs more: counting it, holding it, keeping its body.
"""

import json
import math
from typing import Any

from infra.settings.schema import Settings

HEADER_KB, HEADERS = 16, 64
"""Ten times what an OpenAI client and a signed token of a big issuer need. Envoy's own are 60 KB and 100."""

CONNECTIONS_PER_REQUEST = 4
"""Clients keep connections without a request, and each costs the proxy some ten KB."""

CLIENTS = 10_000
"""Clients whose requests are counted at a time, for each proxy; of more, the ones seen last. Envoy's default is 20."""

_MINUTE = "60s"
_UNLIMITED = 2**32 - 1
_HTTP, _PICKER = "envoy.filters.network.http_connection_manager", "envoy.filters.http.ext_proc"
_TYPES = "type.googleapis.com/envoy.extensions.filters"

Json = dict[str, Any]


def patches(settings: Settings) -> list[Json]:
    """The patches of the EnvoyFilter."""
    filters = [requests(settings), body(settings)]
    if settings.requests_per_minute:
        filters.insert(0, rate(settings, BY_ADDRESS if settings.auth == "none" else BY_SUBJECT))
    return [_manager(settings), _connections(settings), *map(_before_picker, filters)]


def _filter(name: str, **fields: Any) -> Json:
    """A filter of HTTP that Envoy has under its type's name."""
    kind, _, message = name.rpartition("/")
    type_url = f"{_TYPES}.http.{kind}.v3.{message}"
    return {"name": f"envoy.filters.http.{kind}", "typed_config": {"@type": type_url, **fields}}


def body(settings: Settings) -> Json:
    """Takes a body whole before it goes on, and answers 413 to a larger one, whatever its length is said to be.

    The picker reads whole bodies too, and has no limit of its own: 20 requests of 20 MB at a time took it from 63 to
    1,283 MB. A slow body ends here as well, without a picker that waits for it.
    """
    return _filter("buffer/Buffer", max_request_bytes=settings.max_request_mb * 1_000_000)


def requests(settings: Settings) -> Json:
    """Answers 503 beyond a number of requests at a time.

    It is the filter of adaptive concurrency with nothing left to adapt: the fewest are the most, and no time is
    measured. The limits of Istio's DestinationRule count behind the picker.
    """
    most = settings.max_concurrent_requests
    return _filter(
        "adaptive_concurrency/AdaptiveConcurrency",
        gradient_controller_config={
            "concurrency_limit_params": {"max_concurrency_limit": most, "concurrency_update_interval": _MINUTE},
            "min_rtt_calc_params": {"min_concurrency": most, "fixed_value": _MINUTE},
        },
    )


BY_ADDRESS: list[Json] = [{"remote_address": {}}]
"""Who a client is: the address from which it comes. `X-Forwarded-For` says nothing, as no proxy stands before ours."""

BY_SUBJECT: list[Json] = [
    {
        "metadata": {
            "descriptor_key": claim,
            "metadata_key": {"key": "envoy.filters.http.jwt_authn", "path": [{"key": "payload"}, {"key": claim}]},
        }
    }
    for claim in ("iss", "sub")
]
"""Who a client is: the subject of its token, at its issuer. What has no token is not counted."""


def rate(settings: Settings, client: list[Json]) -> Json:
    """Answers 429 to a client beyond its requests a minute; each gets a bucket of them, which fills steadily.

    `client` is `BY_ADDRESS` or `BY_SUBJECT`.
    """
    most = settings.requests_per_minute
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    keys = [
        {"key": action["metadata"]["descriptor_key"] if "metadata" in action else next(iter(action))}
        for action in client
    ]
    return _filter(
        "local_ratelimit/LocalRateLimit",
        stat_prefix="requests_per_minute",
        filter_enabled=always,
        filter_enforced=always,
        token_bucket=_bucket(_UNLIMITED),
        always_consume_default_token_bucket=False,
        rate_limits=[{"actions": client}],
        descriptors=[{"entries": keys, "token_bucket": _bucket(most)}],
        max_dynamic_descriptors=CLIENTS,
        response_headers_to_add=[_header("retry-after", str(math.ceil(60 / most)))],
    )


def _bucket(tokens: int) -> Json:
    return {"max_tokens": tokens, "tokens_per_fill": tokens, "fill_interval": _MINUTE}


def _header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "ADD_IF_ABSENT"}


def _before_picker(http_filter: Json) -> Json:
    """In the listener's filters, after all that Istio asks of a client, and before the endpoint picker."""
    manager = {"name": _HTTP, "subFilter": {"name": _PICKER}}
    return {
        "applyTo": "HTTP_FILTER",
        "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": manager}}},
        "patch": {"operation": "INSERT_BEFORE", "value": http_filter},
    }


def _connections(settings: Settings) -> Json:
    """Closes a connection beyond so many at once."""
    limit = {
        "@type": f"{_TYPES}.network.connection_limit.v3.ConnectionLimit",
        "stat_prefix": "connections",
        "max_connections": settings.max_concurrent_requests * CONNECTIONS_PER_REQUEST,
    }
    return {
        "applyTo": "NETWORK_FILTER",
        "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": {"name": _HTTP}}}},
        "patch": {
            "operation": "INSERT_BEFORE",
            "value": {"name": "envoy.filters.network.connection_limit", "typed_config": limit},
        },
    }


def _manager(settings: Settings) -> Json:
    """What Envoy's manager of HTTP connections has for headers and for the words of an answer."""
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "max_request_headers_kb": HEADER_KB,
        "common_http_protocol_options": {"max_headers_count": HEADERS},
        "local_reply_config": {"mappers": replies(settings)},
    }
    return {
        "applyTo": "NETWORK_FILTER",
        "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": {"name": _HTTP}}}},
        "patch": {"operation": "MERGE", "value": {"name": _HTTP, "typed_config": manager}},
    }


def replies(settings: Settings) -> list[Json]:
    """How Envoy words what it refuses: JSON in OpenAI's error shape, so that clients raise the error they should.

    These are mappers of `local_reply_config`, of which Istio keeps those of other EnvoyFilters. A 503 that is not the
    limit's keeps its words.
    """
    invalid, headers = "invalid_request_error", f"more than {HEADERS}, or larger than {HEADER_KB} KB in all"
    too_large = f"The request is larger than {settings.max_request_mb} MB."
    return [
        _reply(_status(408), "The request did not arrive in time.", invalid, "request_timeout"),
        _reply(_status(413), too_large, invalid, "request_too_large"),
        _reply(_status(429), "Too many requests. Try again later.", "rate_limit_error", "rate_limit_exceeded"),
        _reply(_status(431), f"The headers are {headers}.", invalid, "headers_too_large"),
        _reply(
            _details("reached_concurrency_limit"),
            "Too many requests at a time. Try again later.",
            *("server_error", "overloaded"),
        )
        | {"headers_to_add": [_header("retry-after", "1")]},
    ]


def _status(code: int) -> Json:
    value = {"default_value": code, "runtime_key": f"limits.{code}"}  # a key is asked for; none is ever set
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _details(details: str) -> Json:
    """What Envoy gives as the reason of a response code, which only an expression can ask for."""
    kind = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    expression = {"@type": kind, "expression": f"response.code_details == '{details}'"}
    return {"extension_filter": {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": expression}}


def _reply(when: Json, message: str, kind: str, code: str) -> Json:
    error = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})
    words = {"text_format_source": {"inline_string": error}, "content_type": "application/json"}
    return {"filter": when, "body_format_override": words}
