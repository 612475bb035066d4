"""What an error of a model's paths says of itself, in OpenAI's shape (docs/api-access.md)."""

import json

ASLEEP = "model_asleep"
"""The gateway's `code` for a model that sleeps or wakes (`infra/platform/sleep.py`)."""


def code(text: str) -> object:
    """The `code` of an error in OpenAI's shape, None if it is none."""
    try:
        return json.loads(text)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return None
