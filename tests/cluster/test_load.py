"""A stack that is asked by a load generator, and by fortio with and without gateway and picker."""

import argparse
from pathlib import Path

import pytest

from ops.load.measured import read
from ops.load.report import PICTURES
from sandbox.cluster.control_plane import ControlPlane
from sandbox.engine.stack import SandboxStack
from sandbox.load import inside, overhead
from sandbox.load.overhead import DIRECT, WHOLE
from sandbox.load.up import Up

pytestmark = pytest.mark.family


@pytest.fixture
def up(deployed: SandboxStack, plane: ControlPlane) -> Up:
    return Up(plane, deployed, "")


def told(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(home=tmp_path, output=tmp_path / "out", rounds=2, base=None, concurrency=[1, 5])


def test_load_is_measured_drawn_and_can_be_true(up: Up, tmp_path: Path) -> None:
    assert inside.load(up, told(tmp_path))
    found = read(tmp_path / "out/report.json")
    assert [(stage.concurrency, stage.answered, stage.failed) for stage in found.stages] == [(1, 2, 0), (5, 10, 0)]
    assert len(found.bounds) == 2
    assert all(stage.rate(stage.answer_tokens) > 1 for stage in found.stages)
    for picture in PICTURES:
        assert (tmp_path / "out" / picture).read_text().startswith("<?xml")
    assert "cannot be true" not in (tmp_path / "out/report.md").read_text()


def test_gateway_and_picker_are_measured_against_the_stand_in(up: Up) -> None:
    rows, _ = overhead.measure(up, [1], 2)
    assert len(rows) == 5
    by_way = {row.way: row for row in rows}
    assert by_way[DIRECT].times[50] < by_way[WHOLE].times[50] < 1000
