"""Google Cloud's regions and zones, by their names."""

import pytest

from infra.settings import places


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
