"""What a setting is judged by that stands after it in the stack file, or around it."""

from typing import NamedTuple, cast

from pydantic import ValidationInfo


class Context(NamedTuple):
    """The name of the stack's slice, which a model has unless it names its own; how many slices models have, each of
    which has node pools of its own; and whether the load decides how many replicas some model has."""

    tpu_slice: str
    slices: int
    autoscaled: bool = False


def context(info: ValidationInfo) -> Context:
    """What a validator is told: settings are never made without."""
    return cast(Context, info.context)
