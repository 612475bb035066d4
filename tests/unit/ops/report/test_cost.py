"""How a pull request is told what a change costs in dollars."""

from typing import Any

import pytest

from ops.report.cost import cost
from tests.support.engine_events import ROUTER, report, step

STACK = "pulumi:pulumi:Stack"


def told(running: float, idle: float, most: float | None = None) -> dict[str, Any]:
    of_range = {"usdPerHourMost": most} if most else {}
    dollars = {"usdPerHourRunning": running, "usdPerHourIdle": idle}
    return {"estimatedCost": {**dollars, **of_range, "pricesOf": "2026-08-25"}}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (told(12, 0.3), told(0.3, 0.3), "288.00 → **7.20** running (-280.80); 7.20 idle, as before."),
        (told(12, 0.3), told(24, 0.4), "288.00 → **576.00** running (+288.00); 7.20 → **9.60** idle (+2.40)."),
        ({}, told(12, 0.3), "288.00 running; 7.20 idle."),
        (told(12, 0.3), told(12, 0.3, 36), "288.00 running, as before; 7.20 idle, as before; 864.00 at the most."),
        (told(12, 0.3, 36), told(12, 0.3), "288.00 running, as before; 7.20 idle, as before."),
    ],
)
def test_difference_of_a_change_is_told_for_a_day(old: dict[str, Any], new: dict[str, Any], said: str) -> None:
    assert cost(old, new) == f"Estimated cost, in US dollars a day: {said}"


@pytest.mark.parametrize(
    ("old", "new"),
    [(told(12, 0.3), told(12.0001, 0.3)), ({}, {}), ({}, {"estimatedCost": "[unknown]"}), (told(12, 1), {})],
)
def test_nothing_is_said_where_nothing_changes_or_is_known(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert cost(old, new) == ""


def outputs(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    event = step("same", STACK, "gke-tpu-inference-dev", event="resOutputsEvent")
    event["resOutputsEvent"]["metadata"] |= {"old": {"outputs": old}, "new": {"outputs": new}}
    return event


def test_report_has_the_difference_from_the_stacks_outputs() -> None:
    text = report(step("update", ROUTER, "r", diff={"bgp": "add"}), outputs(told(12, 0.3), told(0.3, 0.3)))
    assert "US dollars a day: 288.00 → **7.20** running" in text


def test_report_of_drift_has_none() -> None:
    assert "dollars" not in report(outputs(told(12, 0.3), told(1, 0.3)), kind="drift")
