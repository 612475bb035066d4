"""The stack's history, and which of its entries is what is deployed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from .known import Deployed, Failed, Unknown

ENTRIES = 50
"""That are read, the last ones: previews leave none, but each `refresh` and `import` does."""
SUBJECT = 100
"""Characters of a message that are kept."""


KINDS = ("update", "destroy")
"""That change what is there."""


def _failed(newer: Iterable[Mapping[str, Any]]) -> Failed | None:
    """The last update or destroy that failed, of the entries after the last one that succeeded."""
    last = next((one for one in newer if one.get("kind") in KINDS and one.get("result") == "failed"), None)
    return Failed(kind=last["kind"], at=datetime.fromisoformat(last["endTime"])) if last else None


def deployed(entries: Sequence[Mapping[str, Any]]) -> Deployed | Unknown:
    """The last update that succeeded, of what `pulumi stack history --json` prints, the newest first.

    The commit is the one that the engine finds in its folder; who deployed says it in the message too (`ops.origin`).
    """
    done = [one.get("kind") in KINDS and one.get("result") == "succeeded" for one in entries]
    if not any(done):
        return Unknown(because=f"none of the last {ENTRIES} entries of its history is an update that succeeded")
    last, failed = entries[done.index(True)], _failed(entries[: done.index(True)])
    if last["kind"] == "destroy":
        since = f"; {failed.what} failed since, {failed.at:%Y-%m-%d %H:%M} UTC" if failed else ""
        return Unknown(because=f"it was destroyed, {last['endTime']}{since}")
    environment = last.get("environment") or {}
    return Deployed(
        at=datetime.fromisoformat(last["endTime"]),
        commit=environment.get("git.head"),
        changed=environment.get("git.dirty") == "true",
        message=str(last.get("message", "")).split("\n", 1)[0][:SUBJECT],
        failed=failed,
    )
