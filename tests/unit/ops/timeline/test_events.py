"""The engine's event log of an `up`, and what became of each resource."""

from datetime import UTC, datetime
from typing import Any

from pulumi.automation.events import EngineEvent

from ops.timeline.events import Run, collect

URN = "urn:pulumi:dev::project::gcp:compute/network:Network::net"
OTHER = "urn:pulumi:dev::project::gcp:compute/address:Address::address"


def event(
    kind: str, at: int, urn: str = URN, op: str = "create", *, custom: bool = True, planning: bool = False
) -> dict[str, Any]:
    """A line of the log, in the form of `sdk/go/common/apitype/events.go`."""
    side = {"type": urn.split("::")[2], "urn": urn, "custom": custom, "id": "", "parent": "", "provider": ""}
    metadata = {"op": op, "urn": urn, "type": side["type"], "old": None, "new": side, "provider": ""}
    return {"sequence": at, "timestamp": at, kind: {"metadata": metadata, "planning": planning}}


def run(*lines: dict[str, Any], needs: dict[str, tuple[str, ...]] | None = None) -> Run:
    return collect(map(EngineEvent.from_json, lines), needs)


def times(found: Run) -> list[tuple[str, float, float]]:
    return [(task.name, task.begin, task.end) for task in found.tasks]


def test_step_lasts_from_its_first_event_to_its_last_in_seconds_since_the_first_step() -> None:
    found = run(
        {"sequence": 0, "timestamp": 90, "preludeEvent": {"config": {}}},
        event("resourcePreEvent", 100),
        event("resOutputsEvent", 130),
        event("resourcePreEvent", 130, OTHER),
        event("resOutputsEvent", 135, OTHER),
        {"sequence": 9, "timestamp": 140, "summaryEvent": {"resourceChanges": {}}},
    )
    assert times(found) == [("Network net", 0, 30), ("Address address", 30, 35)]
    assert found.began == datetime.fromtimestamp(100, UTC)
    assert not found.failed


def test_preview_before_the_update_does_not_count() -> None:
    found = run(
        event("resourcePreEvent", 10, planning=True),
        event("resOutputsEvent", 11, planning=True),
        event("resourcePreEvent", 100),
        event("resOutputsEvent", 130),
    )
    assert times(found) == [("Network net", 0, 30)]


def test_components_and_what_stays_the_same_take_no_time() -> None:
    found = run(
        event("resourcePreEvent", 90, OTHER, "same"),
        event("resOutputsEvent", 91, OTHER, "same"),
        event("resourcePreEvent", 92, OTHER, custom=False),
        event("resourcePreEvent", 100, op="update"),
        event("resOutputsEvent", 130, op="update"),
    )
    assert times(found) == [("Network net", 0, 30)]


def test_replacement_is_one_task_from_the_end_of_the_old_to_the_new_one() -> None:
    found = run(
        event("resourcePreEvent", 100, op="delete-replaced"),
        event("resOutputsEvent", 110, op="delete-replaced"),
        event("resourcePreEvent", 110, op="create-replacement"),
        event("resOutputsEvent", 150, op="create-replacement"),
    )
    assert times(found) == [("Network net", 0, 50)]


def test_replacement_that_was_cut_off_has_not_ended() -> None:
    found = run(
        event("resourcePreEvent", 100, op="delete-replaced"),
        event("resOutputsEvent", 110, op="delete-replaced"),
        event("resourcePreEvent", 110, op="create-replacement"),
        {"sequence": 9, "timestamp": 140, "summaryEvent": {"resourceChanges": {}}},
    )
    assert (times(found), found.failed) == ([("Network net", 0, 40)], True)


def test_what_failed_or_did_not_end_is_told() -> None:
    failed = run(event("resourcePreEvent", 100), event("resOpFailedEvent", 170))
    assert (times(failed), failed.failed) == ([("Network net", 0, 70)], True)
    cut = run(event("resourcePreEvent", 100), event("resourcePreEvent", 120, OTHER), event("resOutputsEvent", 125))
    assert (times(cut)[1], cut.failed) == (("Address address", 20, 25), True)


def test_needs_are_those_that_somebody_knows() -> None:
    lines = [event("resourcePreEvent", 100), event("resOutputsEvent", 130)]
    assert run(*lines).tasks[0].needs is None
    assert run(*lines, needs={URN: (OTHER,)}).tasks[0].needs == (OTHER,)
    assert run(*lines, needs={OTHER: ()}).tasks[0].needs is None
    assert run().tasks == []
