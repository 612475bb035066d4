"""What a setting is judged by that stands after it in the stack file, or around it."""

from typing import NamedTuple, cast

from pydantic import ValidationInfo


class Context(NamedTuple):
    """The name of the stack's slice, which a model has unless it names its own, and how many slices models have, each
    of which has node pools of its own."""

    tpu_slice: str
    slices: int


def context(info: ValidationInfo) -> Context:
    """What a validator is told: settings are never made without."""
    return cast(Context, info.context)
