"""What only a hardened cluster has, interrupted: keys, whose names are taken for ever, and a service agent."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ops.recover import MADE_IN_STEPS
from sandbox.engine.faults import KILLED_AFTER, Fault, FaultyStack
from tests.support.interruptions import (
    EFFECTS,
    STACK,
    everything_up,
    in_the_clouds,
    in_the_state,
    interrupt,
    nothing_left,
    of_new_types,
    short,
)

CONFIG = {"hardenedCluster": True}
each_resource = pytest.mark.parametrize("urn", of_new_types(), ids=short)


@pytest.fixture(scope="session")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stack with a hardened cluster that is up."""
    home = tmp_path_factory.mktemp("hardened")
    with FaultyStack(STACK, home=home, config=CONFIG) as stack:
        stack.up()
    return home


@each_resource
@pytest.mark.parametrize("effect", EFFECTS, ids=short)
def test_up_interrupted(tmp_path: Path, urn: str, effect: str) -> None:
    with FaultyStack(STACK, home=tmp_path, config=CONFIG) as stack:
        interrupt(stack, Fault("create", urn, effect))
        made = [thing for thing in in_the_clouds(stack) if thing[0] not in MADE_IN_STEPS]
        everything_up(stack, hardened=True)
        assert set(made) <= set(in_the_clouds(stack))
        assert set(stack.preview().change_summary) == {"same"}
        nothing_left(stack)


@each_resource
def test_destroy_interrupted(hardened: Path, copy_of: Callable[[Path], FaultyStack], urn: str) -> None:
    stack = copy_of(hardened)
    stack.set_config("hardenedCluster", True)
    interrupt(stack, Fault("delete", urn, KILLED_AFTER))
    everything_up(stack, hardened=True)
    assert in_the_state(stack) == in_the_clouds(stack)
    nothing_left(stack)
