"""Which entry of the stack's history is what is deployed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ops.status.history import deployed
from ops.status.known import Deployed, Failed, Unknown

HEAD = "0123456789abcdef0123456789abcdef01234567"


def entry(kind: str = "update", result: str = "succeeded", *, day: int = 30, **more: Any) -> dict[str, Any]:
    times = {"startTime": f"2026-11-{day}T10:00:00.000Z", "endTime": f"2026-11-{day}T10:30:00.000Z"}
    return {"kind": kind, "result": result, "message": "", "environment": {}, "config": {}, **times, **more}


def test_last_update_that_succeeded_is_what_is_deployed() -> None:
    message = f"ops resume by ann@laptop from commit {HEAD[:12]}\n\nmore"
    environment = {"git.head": HEAD, "git.dirty": "true"}
    entries = [
        entry("refresh"),
        entry(result="failed"),
        entry(day=29, message=message, environment=environment),
        entry(day=28),
    ]
    assert deployed(entries) == Deployed(
        at=datetime(2026, 11, 29, 10, 30, tzinfo=UTC),
        commit=HEAD,
        changed=True,
        message=f"ops resume by ann@laptop from commit {HEAD[:12]}",
        failed=Failed(kind="update", at=datetime(2026, 11, 30, 10, 30, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    ("newer", "kind"),
    [
        ([entry("destroy", "failed"), entry(result="failed")], "destroy"),
        ([entry("refresh", "failed"), entry("refresh")], None),
        ([entry("refresh", "failed"), entry(result="in-progress"), entry(result="failed")], "update"),
        ([], None),
    ],
)
def test_last_that_failed_since_is_told(newer: list[dict[str, Any]], kind: str | None) -> None:
    found = deployed([*newer, entry(day=29), entry(day=28, result="failed")])
    assert isinstance(found, Deployed)
    assert (found.failed and found.failed.kind) == kind


def test_without_git_there_is_no_commit() -> None:
    found = deployed([entry(environment=None)])
    assert isinstance(found, Deployed)
    assert (found.commit, found.changed) == (None, False)


def test_destroyed_stack_has_none() -> None:
    assert deployed([entry("destroy"), entry(day=29)]) == Unknown(because="it was destroyed, 2026-11-30T10:30:00.000Z")
    since = deployed([entry(result="failed"), entry("destroy", day=29)])
    said = "it was destroyed, 2026-11-29T10:30:00.000Z; an update failed since, 2026-11-30 10:30 UTC"
    assert since == Unknown(because=said)


def test_stack_that_never_came_up_has_none() -> None:
    said = "none of the last 50 entries of its history is an update that succeeded"
    assert deployed([entry(result="failed")]) == Unknown(because=said)
    assert deployed([]) == Unknown(because=said)
