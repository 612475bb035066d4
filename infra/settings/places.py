"""Google Cloud's regions and zones, by their names.

Source: https://cloud.google.com/compute/docs/regions-zones. Google adds regions, so an unknown one is worth a warning.
"""

import re

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


def is_place(name: str) -> bool:
    """Whether a name looks like that of a region or a zone."""
    return bool(re.fullmatch(r"[a-z]+-[a-z]+[0-9]+(-[a-z0-9]+)?", name))


def is_zone(place: str) -> bool:
    """Whether a place is a zone, and not a region."""
    return place.count("-") == 2


def region(place: str) -> str:
    """The region of a zone, or the region itself."""
    return place.rsplit("-", 1)[0] if is_zone(place) else place
