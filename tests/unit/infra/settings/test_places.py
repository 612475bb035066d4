"""Regions and zones."""

import pytest

from infra.settings import places
from infra.settings.load import parse
from tests.support.stack_settings import Values, refused, stack

NO_LOCATION = (
    "is neither a zone (like europe-west4-a) nor a region (like europe-west4). Use one of `gcloud compute zones list`."
)

BAD: dict[str, tuple[Values, str]] = {
    "location that is no place": ({"location": "Europe"}, f'location: "Europe" {NO_LOCATION}'),
    "location without a zone's letter": ({"location": "europe-west4-"}, f'location: "europe-west4-" {NO_LOCATION}'),
}

WARNED: dict[str, tuple[Values, str]] = {
    "new region": (
        {"location": "mars-north1", "tpuZones": ["mars-north1-a"]},
        "location: mars-north1 was not known to be a region",
    ),
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)


@pytest.mark.parametrize(("changes", "warning"), WARNED.values(), ids=WARNED)
def test_what_is_not_known_is_a_warning(changes: Values, warning: str) -> None:
    assert [line for line in parse(stack(changes)).warnings if line.startswith(warning)]


@pytest.mark.parametrize(
    "region",
    [
        *("africa-south1", "asia-southeast3", "australia-southeast2", "europe-west12", "me-central2"),
        *("northamerica-south1", "southamerica-west1", "us-west4"),
    ],
)
def test_region_of_every_area_is_known(region: str) -> None:
    assert region in places.REGIONS
    assert places.region(region) == places.region(f"{region}-a") == region
