"""Google Cloud's regions and zones, by their names.

Source: https://cloud.google.com/compute/docs/regions-zones. Google adds regions, so an unknown one is worth a warning.
"""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

REGIONS = frozenset(
    f"{area}-{name}"
    for area, names in {
        "africa": "south1",
        "asia": "east1 east2 northeast1 northeast2 northeast3 south1 south2 southeast1 southeast2 southeast3",
        "australia": "southeast1 southeast2",
        "europe": "central2 north1 north2 southwest1 west1 west2 west3 west4 west6 west8 west9 west10 west12",
        "me": "central1 central2 west1",
        "northamerica": "northeast1 northeast2 south1",
        "southamerica": "east1 west1",
        "us": "central1 east1 east4 east5 south1 west1 west2 west3 west4",
    }.items()
    for name in names.split()
)


def is_zone(place: str) -> bool:
    """Whether a place is a zone, and not a region."""
    return place.count("-") == 2


def region(place: str) -> str:
    """The region of a zone, or the region itself."""
    return place.rsplit("-", 1)[0] if is_zone(place) else place


def _check(location: str) -> str:
    if not re.fullmatch(r"[a-z]+-[a-z]+[0-9]+(-[a-z0-9]+)?", location):
        raise ValueError(
            "is neither a zone (like europe-west4-a) nor a region (like europe-west4). Use one of "
            "`gcloud compute zones list`."
        )
    return location


Location = Annotated[str, AfterValidator(_check)]


def warnings(location: str) -> Iterator[str]:
    """What may be wrong with a location."""
    if region(location) not in REGIONS:
        yield (
            f"location: {region(location)} was not known to be a region when this was written. If there is none of "
            "that name, Google Cloud refuses the subnet: `gcloud compute regions list`."
        )
