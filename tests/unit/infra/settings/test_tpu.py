"""The TPU pools: their slices, their zones and their disks."""

import pytest

from infra.google import slices
from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, problems, refused, stack

BAD: dict[str, tuple[Values, str]] = {
    "slice of several hosts": (
        {"tpuSlice": "v6e-16"},
        'tpuSlice: "v6e-16" is not a slice of one host. Use one of v6e-1, v6e-4, v6e-8.',
    ),
    # Zones
    "region without zones": (
        {"location": "europe-west4"},
        "tpuZones: [] is empty, and `location` europe-west4 is a region. Name the zones that may hold TPU nodes, "
        "like `pulumi config set --path 'tpuZones[0]' europe-west4-a`.",
    ),
    "zone of another region": (
        {"tpuZones": ["europe-west4-a", "us-east5-b"]},
        'tpuZones: ["europe-west4-a", "us-east5-b"] contains \'us-east5-b\', which is not a zone of '
        "europe-west4, the region of `location`. Use zones of that region, like europe-west4-a, or change "
        "`location`.",
    ),
    "zone of another region than the region": (
        {"location": "us-east5", "tpuZones": ["europe-west4-a"]},
        "tpuZones: [\"europe-west4-a\"] contains 'europe-west4-a', which is not a zone of us-east5, the region of "
        "`location`. Use zones of that region, like us-east5-a, or change `location`.",
    ),
    "region among the zones": (
        {"tpuZones": ["europe-west4"]},
        "tpuZones: [\"europe-west4\"] contains 'europe-west4', which is not a zone of europe-west4, the region of "
        "`location`. Use zones of that region, like europe-west4-a, or change `location`.",
    ),
    "zone twice": (
        {"tpuZones": ["europe-west4-a", "europe-west4-a"]},
        'tpuZones: ["europe-west4-a", "europe-west4-a"] names a zone twice. Name each once.',
    ),
    "boot disk too small": ({"tpuBootDiskGb": 5}, "tpuBootDiskGb: 5 is too small. Use 30 or more."),
}

GOOD: dict[str, Values] = {
    "largest disk": {"tpuBootDiskGb": 65_536},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_zone_that_is_misspelt_is_refused() -> None:
    """Google Cloud would refuse it half an hour later."""
    (line,) = problems(stack({"tpuZones": ["europe-west4-A"]}))

    assert line.startswith("tpuZones: [\"europe-west4-A\"] contains 'europe-west4-A', which is not a zone")


@pytest.mark.parametrize(
    ("changes", "region", "zones"),
    [
        pytest.param({}, "europe-west4", ("europe-west4-a",), id="a zone is its own TPU zone"),
        pytest.param(
            {"location": "us-east5", "tpuZones": ["us-east5-a", "us-east5-b"]},
            "us-east5",
            ("us-east5-a", "us-east5-b"),
            id="zones of a region",
        ),
        pytest.param(
            {"location": "europe-west4-b", "tpuZones": ["europe-west4-a"]},
            "europe-west4",
            ("europe-west4-a",),
            id="zonal cluster with TPU nodes in a sibling zone",
        ),
        pytest.param({"location": "us-south1-ai1b"}, "us-south1", ("us-south1-ai1b",), id="AI zone"),
        pytest.param(
            {"location": "us-south1", "tpuZones": ["us-south1-ai1b"]},
            "us-south1",
            ("us-south1-ai1b",),
            id="AI zone of a region",
        ),
    ],
)
def test_tpu_zones_and_region_follow_from_the_location(changes: Values, region: str, zones: tuple[str, ...]) -> None:
    accepted = parse(stack(changes))

    assert (accepted.region, accepted.tpu_zones) == (region, zones)


def test_zone_not_known_to_have_v6e_is_a_warning() -> None:
    accepted = parse(stack({"location": "us-central1", "tpuZones": ["us-central1-b", "us-central1-f"]}))

    assert accepted.warnings == [
        "tpuZones: us-central1-f was not known to have TPU v6e when this was written; known are "
        "asia-northeast1-b, europe-west4-a, us-central1-b, us-east1-d, us-east5-a, us-east5-b, us-south1-ai1b. If it "
        "has none, the TPU pool stays empty and the models do not start."
    ]


@pytest.mark.parametrize("zone", sorted(slices.KNOWN_ZONES))
def test_zone_with_v6e_is_no_warning(zone: str) -> None:
    assert parse(stack({"location": zone})).warnings == []


@pytest.mark.parametrize(
    ("gb", "line"),
    [
        (29, "tpuBootDiskGb: 29 is too small. Use 30 or more."),
        (65_537, "tpuBootDiskGb: 65537 is too large. Use 65536 or less."),
    ],
)
def test_boot_disk_has_room_for_the_image_and_is_one_that_there_is(gb: int, line: str) -> None:
    assert problems(stack({"tpuBootDiskGb": gb})) == [line]


def test_smallest_boot_disk_is_accepted() -> None:
    assert parse(stack({"tpuBootDiskGb": 30})).tpu_boot_disk_gb == 30
