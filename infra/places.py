"""Google Cloud's regions and zones, by their names.

Source: https://cloud.google.com/compute/docs/regions-zones. Google adds regions, so an unknown one is worth a warning.
"""

import re

REGIONS = frozenset(
    {
        *("africa-south1",),
        *(
            "asia-east1",
            "asia-east2",
            "asia-northeast1",
            "asia-northeast2",
            "asia-northeast3",
            "asia-south1",
            "asia-south2",
            "asia-southeast1",
            "asia-southeast2",
            "asia-southeast3",
        ),
        *(
            "australia-southeast1",
            "australia-southeast2",
        ),
        *(
            "europe-central2",
            "europe-north1",
            "europe-north2",
            "europe-southwest1",
            "europe-west1",
            "europe-west2",
            "europe-west3",
            "europe-west4",
            "europe-west6",
            "europe-west8",
            "europe-west9",
            "europe-west10",
            "europe-west12",
        ),
        *(
            "me-central1",
            "me-central2",
            "me-west1",
        ),
        *(
            "northamerica-northeast1",
            "northamerica-northeast2",
            "northamerica-south1",
        ),
        *(
            "southamerica-east1",
            "southamerica-west1",
        ),
        *(
            "us-central1",
            "us-east1",
            "us-east4",
            "us-east5",
            "us-south1",
            "us-west1",
            "us-west2",
            "us-west3",
            "us-west4",
        ),
    }
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
