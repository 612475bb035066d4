"""The stack's history, and which of its entries is what is deployed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .known import Deployed, Unknown

ENTRIES = 50
"""That are read, the last ones: previews leave none, but each `refresh` and `import` does."""
SUBJECT = 100
"""Characters of a message that are kept."""


def deployed(entries: Iterable[Mapping[str, Any]]) -> Deployed | Unknown:
    """The last update that succeeded, of what `pulumi stack history --json` prints, the newest first.

    The commit is the one that the engine finds in its folder; who deployed says it in the message too (`ops.origin`).
    """
    done = [entry for entry in entries if entry.get("result") == "succeeded"]
    last = next((entry for entry in done if entry.get("kind") in ("update", "destroy")), None)
    if last is None:
        return Unknown(because=f"none of the last {ENTRIES} entries of its history is an update that succeeded")
    if last["kind"] == "destroy":
        return Unknown(because=f"it was destroyed, {last['endTime']}")
    environment = last.get("environment") or {}
    return Deployed(
        at=datetime.fromisoformat(last["endTime"]),
        commit=environment.get("git.head"),
        changed=environment.get("git.dirty") == "true",
        message=str(last.get("message", "")).split("\n", 1)[0][:SUBJECT],
    )
