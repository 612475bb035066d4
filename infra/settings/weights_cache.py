"""Whether weights from Hugging Face are copied into a bucket once."""

from collections.abc import Iterator
from typing import Annotated, Any, cast

from pydantic import AfterValidator, ValidationInfo

from . import uris
from .scalars import TrueOrFalse


def _may_be_made(wanted: bool, info: ValidationInfo) -> bool:
    if wanted and info.data.get("node_service_account"):
        raise ValueError(
            "makes a bucket and lets Pods in, and with `nodeServiceAccount` the program grants nothing. Copy the "
            "weights into a bucket of yours and use gs://BUCKET/PATH (docs/storage.md), or set it to false."
        )
    return wanted


WeightsCache = Annotated[TrueOrFalse, AfterValidator(_may_be_made)]


def not_pinned(models: object, wanted: object, *, told: object) -> Iterator[str]:
    """Why weights cannot be copied once and for all: another commit may come under their name. It looks at the raw
    values, so that it speaks even if a model has other problems. With `told`, which is `protect`, it is
    told already."""
    yes, entries = (True, "true"), cast(list[Any], models) if isinstance(models, list) else []
    for i, entry in enumerate(entries) if wanted in yes and told not in yes else ():
        uri = str(cast(dict[str, Any], entry).get("uri")) if isinstance(entry, dict) else ""
        if repository := uris.moving(uri):
            yield (
                f"models[{i}].uri: {uri} names no commit, and `weightsCache` copies what never changes. Write the 40 "
                f"digits behind a colon that `git ls-remote https://huggingface.co/{repository} HEAD` shows: "
                f"hf://{repository}:COMMIT."
            )
