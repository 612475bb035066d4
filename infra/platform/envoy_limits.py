"""What a client may take of the gateway, where Istio has no API for it: bodies, rates and numbers of requests.

One EnvoyFilter puts Envoy's own filters between Istio's checks of who asks and the endpoint picker, as
https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge advises. All that they name is in Istio's
build of Envoy (https://github.com/istio/proxy/blob/master/bazel/extension_config/extensions_build_config.bzl).

The order of the filters is the order in which a request costs more: counting it, holding it, keeping its body.
"""

import math
from typing import Any

from infra.settings.schema import Settings

from . import envoy, sleep
from .envoy import Json

HEADER_KB, HEADERS = 16, 64
"""Ten times what an OpenAI client and a signed token of a big issuer need. Envoy's own are 60 KB and 100."""

CONNECTIONS_PER_REQUEST = 4
"""Clients keep connections without a request, and each costs the proxy some ten KB."""

CLIENTS = 10_000
"""Clients whose requests are counted at a time, for each proxy; of more, the ones seen last. Envoy's default is 20."""

_MINUTE = "60s"
_UNLIMITED = 2**32 - 1
_PICKER = "envoy.filters.http.ext_proc"


def patches(settings: Settings) -> list[Json]:
    """The patches of the EnvoyFilter."""
    filters = [requests(settings), body(settings)]
    if settings.requests_per_minute:
        filters.insert(0, rate(settings, BY_ADDRESS if counts_addresses(settings) else BY_SUBJECT))
    return [_manager(settings), _connections(settings), *map(_before_picker, filters)]


def _filter(name: str, **fields: Any) -> Json:
    """A filter of HTTP that Envoy has under its type's name."""
    kind, _, message = name.rpartition("/")
    type_url = f"{envoy.FILTERS}.http.{kind}.v3.{message}"
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


def counts_addresses(settings: Settings) -> bool:
    """Whether a client is its address, as nobody is asked for a key, and its requests are counted."""
    return bool(settings.requests_per_minute) and settings.auth == "none"


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
    return envoy.patch("HTTP_FILTER", "INSERT_BEFORE", http_filter, before=_PICKER)


def _connections(settings: Settings) -> Json:
    """Closes a connection beyond so many at once."""
    limit = {
        "@type": f"{envoy.FILTERS}.network.connection_limit.v3.ConnectionLimit",
        "stat_prefix": "connections",
        "max_connections": settings.max_concurrent_requests * CONNECTIONS_PER_REQUEST,
    }
    value = {"name": "envoy.filters.network.connection_limit", "typed_config": limit}
    return envoy.patch("NETWORK_FILTER", "INSERT_BEFORE", value)


def _manager(settings: Settings) -> Json:
    """What Envoy's manager of HTTP connections has for headers and for the words of an answer."""
    headers = {"max_request_headers_kb": HEADER_KB, "common_http_protocol_options": {"max_headers_count": HEADERS}}
    value = {
        "name": envoy.CONNECTION_MANAGER,
        "typed_config": envoy.manager([*replies(settings), *sleep.replies(settings)], **headers),
    }
    return envoy.patch("NETWORK_FILTER", "MERGE", value)


def replies(settings: Settings) -> list[Json]:
    """The mappers of what the limits refuse. A 503 that is not a limit's keeps its words."""
    headers = f"more than {HEADERS}, or larger than {HEADER_KB} KB in all"
    too_large = f"The request is larger than {settings.max_request_mb} MB."
    too_many, at_a_time = "Too many requests. Try again later.", "Too many requests at a time. Try again later."
    overloaded = envoy.expression("response.code_details == 'reached_concurrency_limit'")
    return [
        envoy.reply(_status(408), message="The request did not arrive in time.", code="request_timeout"),
        envoy.reply(_status(413), message=too_large, code="request_too_large"),
        envoy.reply(_status(429), message=too_many, kind="rate_limit_error", code="rate_limit_exceeded"),
        envoy.reply(_status(431), message=f"The headers are {headers}.", code="headers_too_large"),
        envoy.reply(overloaded, message=at_a_time, kind="server_error", code="overloaded")
        | {"headers_to_add": [_header("retry-after", "1")]},
    ]


def _status(code: int) -> Json:
    value = {"default_value": code, "runtime_key": f"limits.{code}"}  # a key is asked for; none is ever set
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}
