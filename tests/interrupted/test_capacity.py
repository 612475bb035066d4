"""A node pool for which there is no capacity."""

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.capacity import STOCKOUT
from sandbox.engine.faults import IN_ERROR, REFUSED, Fault, FaultyStack
from tests.support.interruptions import Make, everything_up, in_the_clouds, in_the_state, nothing_left, resources, short

each_pool = pytest.mark.parametrize("pool", [urn for urn in resources() if "nodePool:NodePool" in urn], ids=short)


def up_without_capacity(stack: FaultyStack, pool: str, effect: str) -> None:
    """`up` fails at the pool and says why. Afterwards there is capacity again, and the engine knows all there is."""
    stack.fail(Fault("create", pool, effect, STOCKOUT))
    with pytest.raises(CommandError, match="GCE_STOCKOUT"):
        stack.up()
    stack.fail(None)
    assert in_the_state(stack) == in_the_clouds(stack)


@pytest.mark.parametrize("effect", [REFUSED, IN_ERROR])
@each_pool
def test_up_says_so_and_the_next_one_goes_on(sandbox: Make, pool: str, effect: str) -> None:
    stack = sandbox()
    up_without_capacity(stack, pool, effect)
    everything_up(stack)
    nothing_left(stack)


@each_pool
def test_pool_in_error_can_be_destroyed(sandbox: Make, pool: str) -> None:
    stack = sandbox()
    up_without_capacity(stack, pool, IN_ERROR)
    nothing_left(stack)


@each_pool
def test_pool_that_stays_in_error_can_be_made_anew(sandbox: Make, pool: str) -> None:
    stack = sandbox()
    up_without_capacity(stack, pool, IN_ERROR)
    [broken] = [r["id"] for r in stack.resources() if r["urn"] == pool]
    stack.up(replace=[pool])
    assert broken not in [object_id for _, object_id in in_the_clouds(stack)]
    everything_up(stack)
    nothing_left(stack)
