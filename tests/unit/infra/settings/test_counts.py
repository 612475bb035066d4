"""How many there may be of what a stack file counts."""

import pytest

from infra.settings.configuration import SettingsError
from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, problems, refused, stack

BAD: dict[str, tuple[Values, str]] = {
    "regional cluster with fewer system nodes than zones": (
        {"location": "us-east5", "tpuZones": ["us-east5-a"], "systemMaxNodes": "2"},
        'systemMaxNodes: "2" is too small for the regional cluster in us-east5, which begins with a node in each of '
        "three zones. Use 3 or more, or a zone as `location`.",
    ),
    "TPU nodes: fewest above most": (
        {"tpuMinNodes": 2},
        "tpuMaxNodes: 1 is below `tpuMinNodes`, which is 2. Raise it to 2, or lower that one.",
    ),
    "system nodes: fewest above most": (
        {"systemMinNodes": 4},
        "systemMaxNodes: 3 is below `systemMinNodes`, which is 4. Raise it to 4, or lower that one.",
    ),
    "fewer than no TPU nodes": ({"tpuMinNodes": -1}, "tpuMinNodes: -1 is too small. Use 0 or more."),
    "no wait for a TPU node": ({"tpuCapacityWait": 0}, "tpuCapacityWait: 0 is too small. Use 1 or more."),
    "a wait of more than a day": ({"tpuCapacityWait": 1441}, "tpuCapacityWait: 1441 is too large. Use 1440 or less."),
    "no system nodes": ({"systemMinNodes": 0}, "systemMinNodes: 0 is too small. Use 1 or more."),
}

GOOD: dict[str, Values] = {
    "fewest equals most": {"tpuMinNodes": 1},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_more_replicas_than_the_charts_scale_to_are_refused() -> None:
    assert parse(stack({"routerReplicas": 5})).router_replicas == 5
    for bad, line in ((6, "routerReplicas: 6 is too large. Use 5 or less."), (0, "routerReplicas: 0 is too small.")):
        with pytest.raises(SettingsError, match=line):
            parse(stack({"routerReplicas": bad}))


def test_system_nodes_are_counted_only_where_the_location_is_one() -> None:
    (line,) = problems(stack({"location": "Europe", "systemMaxNodes": 2}))

    assert line.startswith("location: ")


def test_three_system_nodes_are_enough_for_a_region_and_one_for_a_zone() -> None:
    parse(stack({"location": "us-east5", "tpuZones": ["us-east5-a"], "systemMaxNodes": 3}))
    parse(stack({"systemMaxNodes": 1}))


@pytest.mark.parametrize("key", ["tpuMinNodes", "tpuMaxNodes", "systemMinNodes", "systemMaxNodes"])
def test_a_cluster_has_at_most_fifteen_thousand_nodes(key: str) -> None:
    assert f"{key}: 15001 is too large. Use 15000 or less." in problems(stack({key: 15_001}))


@pytest.mark.parametrize("key", ["tpuMaxNodes", "systemMaxNodes"])
def test_most_nodes_of_a_cluster_are_accepted(key: str) -> None:
    parse(stack({key: 15_000, "subnetCidr": "11.0.0.0/8", "podCidr": "32.0.0.0/9"}))
