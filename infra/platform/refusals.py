"""What the gateway says to those it refuses: OpenAI's shape of an error, which its clients turn into exceptions.

Envoy's own answers are plain text, and 403 whether a key is missing or another model's, of which clients would raise
the wrong exception and nobody could tell what to do. Istio has no setting for it, so this is an EnvoyFilter, of
documented fields of Envoy alone: `local_reply_config`, which maps answers that Envoy itself makes, never a model's
(https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply), by what it calls the details
of a response code (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details),
in CEL, which Istio's own access logs use too. Without the filter the same requests are refused, in the old words.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from . import envoy

REVOKED = "revoked-keys"
"""The policy that refuses revoked keys; Envoy names it in the details of its answer."""
NO_UPGRADES = "no-upgrades"
"""The policy that refuses websockets and odd methods."""

_BY_POLICY = "response.code_details.startsWith('rbac_access_denied')"
_BY_SIGNATURE = "response.code_details.startsWith('jwt_authn_access_denied')"
_MISSING = "!('envoy.filters.http.jwt_authn' in metadata.filter_metadata)"


class Refusal(NamedTuple):
    """When, and then which status, challenge (RFC 6750) if a key would help, OpenAI's `code`, and what to do."""

    when: str
    status: int
    challenge: str
    code: str
    message: str


REFUSALS = (
    Refusal(
        _BY_SIGNATURE,
        401,
        'Bearer error="invalid_token"',
        "invalid_api_key",
        "This key is not valid here: it has ended, is for another endpoint, or is none. Ask for a new one.",
    ),
    Refusal(
        f"{_BY_POLICY} && response.code_details.contains('policy[{REVOKED}]')",
        401,
        'Bearer error="invalid_token"',
        "revoked_api_key",
        "This key was revoked. Ask for a new one.",
    ),
    Refusal(
        f"{_BY_POLICY} && response.code_details.contains('policy[{NO_UPGRADES}]')",
        403,
        "",
        "upgrade_not_supported",
        "This endpoint takes no websockets and no unusual methods. Send plain HTTP requests.",
    ),
    Refusal(
        f"{_BY_POLICY} && {_MISSING}",
        401,
        "Bearer",
        "missing_api_key",
        "This endpoint wants a key. Send it as the header `Authorization: Bearer KEY`.",
    ),
    Refusal(
        _BY_POLICY,
        403,
        'Bearer error="insufficient_scope"',
        "model_not_allowed",
        "This key is not for this model. Ask for one that is, or use the base URL of a model that it is for.",
    ),
)
"""The first that fits counts. All begin with who refused, so no answer of anybody else's is touched."""


def mappers() -> Iterator[dict[str, Any]]:
    """Envoy's mappers of `REFUSALS`."""
    for refusal in REFUSALS:
        challenge = {"header": {"key": "www-authenticate", "value": refusal.challenge}}
        told = {"headers_to_add": [{**challenge, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]}
        yield {
            **envoy.reply(envoy.expression(refusal.when), message=refusal.message, code=refusal.code),
            "status_code": refusal.status,
            **(told if refusal.challenge else {}),
        }


def patch() -> dict[str, Any]:
    """The patch of every HTTP connection manager of a gateway: Istio merges, so mappers of others stay."""
    return envoy.patch("NETWORK_FILTER", "MERGE", {"typed_config": envoy.manager(list(mappers()))})
