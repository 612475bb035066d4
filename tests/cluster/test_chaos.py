"""What is lost of a stack with two of each that is asked all the time, while something fails or is changed."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.cluster.control_plane import ControlPlane
from sandbox.load import chaos, up
from sandbox.load.faults import FAULTS, Fault
from sandbox.load.up import Up


@pytest.fixture(scope="module")
def stack(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up.on(plane, "prod", tmp_path_factory.mktemp("stack"), chaos.CONFIG) as found:
        yield found


MISSED = {"a picker is killed": "Envoy has what is under way pass the picker, word by word: docs/load.md"}
"""Faults by which more is lost than may be, and why."""


def case(fault: Fault) -> Any:
    known = [pytest.mark.xfail(reason=MISSED[fault.name])] if fault.name in MISSED else []
    return pytest.param(fault, id=fault.name, marks=known)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [case(fault) for fault in sorted(FAULTS, key=lambda fault: fault.name in MISSED)])
def test_no_more_is_lost_than_may_be(stack: Up, fault: Fault) -> None:
    [result] = chaos.run(stack, [fault])
    assert result.outcome.sent > 10
    assert not result.missed, result.outcome
