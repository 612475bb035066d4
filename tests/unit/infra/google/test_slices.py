"""The table of v6e slices, against what Google publishes and against itself."""

from math import prod

import pytest

from infra.google import slices


@pytest.mark.parametrize(
    ("name", "chips", "machine_type", "topology", "bounds"),
    [
        ("v6e-1", 1, "ct6e-standard-1t", "1x1", "1,1,1"),
        ("v6e-4", 4, "ct6e-standard-4t", "2x2", "2,2,1"),
        ("v6e-8", 8, "ct6e-standard-8t", "2x4", "2,4,1"),
    ],
)
def test_slice_is_as_google_publishes_it(name: str, chips: int, machine_type: str, topology: str, bounds: str) -> None:
    assert slices.SLICES[name] == (name, chips, machine_type, topology, bounds)


def test_only_slices_of_one_host_are_offered() -> None:
    assert set(slices.SLICES) == {"v6e-1", "v6e-4", "v6e-8"}


@pytest.mark.parametrize("slice_", slices.SLICES.values(), ids=slices.SLICES)
class TestSlice:
    """Each row agrees with itself."""

    def test_name_ends_with_the_chips(self, slice_: slices.Slice) -> None:
        assert slice_.name == f"v6e-{slice_.chips}"

    def test_topology_multiplies_to_the_chips(self, slice_: slices.Slice) -> None:
        assert prod(map(int, slice_.topology.split("x"))) == slice_.chips

    def test_bounds_multiply_to_the_chips(self, slice_: slices.Slice) -> None:
        assert prod(map(int, slice_.chips_per_host_bounds.split(","))) == slice_.chips

    def test_bounds_are_the_topology_in_three_dimensions(self, slice_: slices.Slice) -> None:
        assert slice_.chips_per_host_bounds.split(",") == [*slice_.topology.split("x"), "1"]

    def test_machine_type_has_the_chips(self, slice_: slices.Slice) -> None:
        assert slice_.machine_type.removeprefix("ct6e-standard-") == f"{slice_.chips}t"

    def test_one_pod_may_use_every_chip(self, slice_: slices.Slice) -> None:
        assert slices.tensor_parallel_sizes(slice_.chips)[-1] == slice_.chips


@pytest.mark.parametrize(("chips", "sizes"), [(1, [1]), (4, [1, 2, 4]), (6, [1, 2, 3, 6]), (8, [1, 2, 4, 8])])
def test_tensor_parallelism_divides_the_chips(chips: int, sizes: list[int]) -> None:
    assert slices.tensor_parallel_sizes(chips) == sizes


def test_zones_known_to_have_v6e() -> None:
    """Google's tables, when this was written."""
    assert sorted(slices.KNOWN_ZONES) == [
        "asia-northeast1-b",
        "europe-west4-a",
        "us-central1-b",
        "us-east1-d",
        "us-east5-a",
        "us-east5-b",
        "us-south1-ai1b",
    ]


def test_zones_with_flex_start_are_some_of_them() -> None:
    assert sorted(slices.FLEX_START_ZONES) == ["asia-northeast1-b", "us-east5-a", "us-east5-b"]
    assert slices.FLEX_START_ZONES < slices.KNOWN_ZONES
