"""The machine types that the simulated Google Cloud knows, and their source."""

from typing import Any

import pytest

from infra.google.slices import KNOWN_ZONES, SLICES
from sandbox.clouds import google_machines
from tests.support.project import ROOT


@pytest.mark.parametrize("tpu_slice", SLICES.values(), ids=lambda s: s.name)
def test_every_slice_can_be_had_in_every_zone_that_settings_know(tpu_slice: Any) -> None:
    assert all(google_machines.is_in(tpu_slice.machine_type, zone) for zone in KNOWN_ZONES)
    assert google_machines.TPU_MACHINES[tpu_slice.machine_type] == (tpu_slice.chips, tpu_slice.topology)


@pytest.mark.parametrize(
    ("kind", "vcpus", "gb"), [("e2-standard-4", 4, 16), ("n2-highmem-128", 128, 864), ("n1-standard-4", 4, 15)]
)
def test_a_node_has_the_size_of_its_machine(kind: str, vcpus: int, gb: float) -> None:
    machine = google_machines.machine(kind)
    assert (machine.vcpus, machine.gb) == (vcpus, gb)


def test_data_files_name_their_sources() -> None:
    for file in (ROOT / "sandbox/clouds/data").glob("google_*.yaml"):
        assert "github.com/" in file.read_text(), file
