"""Where compiled programs are kept between starts."""

from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from . import uris

NONE, OWN = "none", "own"


def _place(place: str, info: ValidationInfo) -> str:
    if place == OWN and info.data.get("node_service_account"):
        raise ValueError(
            "makes a bucket and lets Pods write there, and with `nodeServiceAccount` the program grants nothing. Use "
            "gs://BUCKET, one that is there and in which they may (docs/storage.md), or none."
        )
    if place in (NONE, OWN):
        return place
    if not place.startswith("gs://") or "/" in place.removeprefix("gs://"):
        raise ValueError(f"is not allowed. Use {NONE}, {OWN} (a bucket of the stack's) or gs://BUCKET, one of yours.")
    return uris.model(place)


CompileCache = Annotated[str, AfterValidator(_place)]
