"""What every EnvoyFilter of the gateway is made of: where it patches, and how an answer of Envoy's own is worded."""

import json
from typing import Any

CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager"
FILTERS = "type.googleapis.com/envoy.extensions.filters"
_CEL = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"

Json = dict[str, Any]


def patch(apply_to: str, operation: str, value: Json, *, before: str = "") -> Json:
    """A patch of every listener of a gateway, at its manager of HTTP connections or at the filter `before` in there."""
    at: Json = {"name": CONNECTION_MANAGER}
    if before:
        at["subFilter"] = {"name": before}
    return {
        "applyTo": apply_to,
        "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": at}}},
        "patch": {"operation": operation, "value": value},
    }


def manager(mappers: list[Json], **fields: Any) -> Json:
    """What a MERGE gives the manager: mappers of `local_reply_config`, of which Istio keeps those of other
    EnvoyFilters, and more fields."""
    kind = f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager"
    return {"@type": kind, **fields, "local_reply_config": {"mappers": mappers}}


def expression(text: str) -> Json:
    """When a mapper is meant, in CEL, which alone can ask for what Envoy gives as the reason of a response code."""
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {"@type": _CEL, "expression": text},
        }
    }


def reply(when: Json, *, message: str, kind: str = "invalid_request_error", code: str) -> Json:
    """A mapper: the body is JSON in OpenAI's shape of an error, from which its clients raise the exception they should.

    Envoy would take a per cent sign in it for one of its commands.
    """
    error = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})
    words = {"text_format_source": {"inline_string": error}, "content_type": "application/json"}
    return {"filter": when, "body_format_override": words}
