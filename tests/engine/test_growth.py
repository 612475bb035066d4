"""What a stack of many models costs, on the engine."""

from sandbox.growth import COMMANDS, measure


def test_each_command_is_measured_on_a_stack_that_has_grown() -> None:
    small, seconds = measure(1)
    large, _ = measure(3)
    assert large > small
    assert len(seconds) == len(COMMANDS)
    assert all(taken > 0.1 for taken in seconds)  # none of them ended before it ran
