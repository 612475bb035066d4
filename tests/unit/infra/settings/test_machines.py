"""Machine types for the nodes that run the platform."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, problems, stack

BAD: dict[str, tuple[Values, str]] = {
    "TPU machine for the system": (
        {"systemMachineType": "ct6e-standard-4t"},
        'systemMachineType: "ct6e-standard-4t" is a TPU machine, and only Pods that ask for TPUs run there. Use one '
        "like e2-standard-4.",
    ),
    "machine type that is none": (
        {"systemMachineType": "large"},
        'systemMachineType: "large" is not a machine type. Use one like e2-standard-4 (4 vCPUs or more).',
    ),
}

WARNED: dict[str, tuple[Values, str]] = {
    "new family": ({"systemMachineType": "n9-standard-4"}, "systemMachineType: n9-standard-4 is not among"),
    "new size": ({"systemMachineType": "e2-standard-5"}, "systemMachineType: e2-standard-5 is not among"),
    "small": ({"systemMachineType": "e2-medium"}, "systemMachineType: e2-medium may be too small"),
}


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_this_line_and_no_other(changes: Values, line: str) -> None:
    assert problems(stack(changes)) == [line]


@pytest.mark.parametrize(("changes", "warning"), WARNED.values(), ids=WARNED)
def test_what_is_not_known_is_a_warning(changes: Values, warning: str) -> None:
    assert [line for line in parse(stack(changes)).warnings if line.startswith(warning)]


@pytest.mark.parametrize("machine", ["e2-standard-4", "n1-standard-8", "n2-custom-4-16384", "c3-standard-8-lssd"])
def test_machine_that_is_known_and_large_enough_is_no_warning(machine: str) -> None:
    assert parse(stack({"systemMachineType": machine})).warnings == []
