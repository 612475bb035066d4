"""What the gateway says for a model that may sleep while none of its Pods is ready: when to ask again, and why.

A model without Pods keeps its route, so the endpoint picker and Envoy answer 503 for it, each in its own words and
neither with a time. Nothing of a Pod's own answers is touched: mappers hold for Envoy's and the picker's alone.
"""

from typing import Any

from infra.settings.model import Model
from infra.settings.schema import Settings

from . import envoy
from .names import base_path

RETRY_AFTER = 60
"""Seconds. A model takes minutes to wake, but the OpenAI client follows no longer time than a minute, newer ones two,
and by itself waits less than ten seconds (`_calculate_retry_timeout` in
https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py)."""
CODE = "model_asleep"
"""The `code` of the error, by which a client tells a model that sleeps or wakes from one that cannot. One whose Pods
have all been lost says the same, as neither Envoy nor the picker can tell."""
MESSAGE = "This model has no Pod that is ready. A completion wakes one that sleeps, in some minutes. Ask every minute."


def _when(model: Model) -> str:
    """The answers that are meant: for want of a Pod, so not of a connection to one that breaks, of which Envoy says
    `upstream_reset`
    (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details). The picker
    gives no such reason. Envoy may have written another path by then, and keeps the client's in a header."""
    path = f"{base_path(model.namespace, model.name)}/"
    asked = ("request.path", "request.headers['x-envoy-original-path']")
    below = " || ".join(f"{text}.startsWith('{path}')" for text in asked)
    return f"response.code == 503 && !response.code_details.startsWith('upstream_reset') && ({below})"


def replies(settings: Settings) -> list[dict[str, Any]]:
    """The mappers of Envoy for the models that sleep, one each. They come after those of the limits, of which one is
    for a 503, too."""
    header = {"header": {"key": "retry-after", "value": str(RETRY_AFTER)}, "append_action": "ADD_IF_ABSENT"}
    return [
        envoy.reply(envoy.expression(_when(model)), message=MESSAGE, kind="server_error", code=CODE)
        | {"headers_to_add": [header]}
        for model in settings.models
        if model.sleeps and not model.paused
    ]
