"""Where a stack's model answers, as what, and whether it does: before hundreds ask, one does."""

import json
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from ops.smoke import PROMPT, Smoke

PATIENCE = 60.0
"""Seconds."""


class EndpointError(Exception):
    """There is nobody to ask, or nothing to ask with; the message says what to do."""


class Endpoint(NamedTuple):
    """A model's outputs: where it answers, and the name to ask for."""

    place: str
    url: str
    model: str


def of_stack(outputs: Mapping[str, Any], place: str) -> Endpoint:
    """The model of this `NAMESPACE/NAME` or name, or the only one; of a stack's outputs. Raises `EndpointError`."""
    models: Mapping[str, Any] = outputs.get("models") or {}
    if not models:
        raise EndpointError("the stack has no output `models`: `pulumi up` has not come as far, or has been undone")
    found = [key for key in models if place in ("", key, key.partition("/")[2])]
    if len(found) != 1:
        which = f"no model {place}" if place else "several models"
        raise EndpointError(f"the stack has {which}: name one with --model, of {', '.join(models)}")
    model = models[found[0]]
    if model.get("paused"):
        raise EndpointError(f"{found[0]} is paused: `python -m ops resume {found[0]} --stack STACK` starts it again")
    return Endpoint(found[0], model["baseUrl"], model["model"])


def key_for(endpoint: Endpoint, key: str, trusted: ssl.SSLContext | bool = True) -> str:
    """The key that requests need, none if the endpoint asks for none, once one was answered. Raises `EndpointError`."""
    asked = Smoke(endpoint.url, PATIENCE, trusted)
    status, _, said = asked.http(f"{asked.url}/v1/models")
    wanted = status == 401
    if wanted and not key:
        raise EndpointError(f"{endpoint.url} wants a key: give one with --key, or in OPENAI_API_KEY")
    if wanted:
        asked.send_key(key)
    body = {"model": endpoint.model, "prompt": PROMPT, "max_tokens": 1}
    status, _, said = asked.http(f"{asked.url}/v1/completions", body)
    if status != 200 or not _counted(said):
        raise EndpointError(
            f"{endpoint.url} does not answer as vLLM does, so a load would measure something else: "
            f"{status or 'no'} answer to a completion: {said[:200]}"
        )
    return key if wanted else ""


def _counted(said: str) -> bool:
    """Whether an answer has vLLM's count of its tokens."""
    try:
        return json.loads(said)["usage"]["completion_tokens"] > 0
    except (ValueError, KeyError, TypeError):
        return False
