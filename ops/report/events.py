"""The events of one preview or refresh, put together by resource."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.automation.events import EngineEvent, PolicyEvent, PropertyDiff, StepEventMetadata, StepEventStateMetadata
from pulumi.runtime.rpc import _special_sig_key

STACK = "pulumi:pulumi:Stack"
HIDDEN = object()
"""In place of a value that is secret or not known yet."""


class LogError(Exception):
    """A file cannot be read, or is no event log of the engine; the message says which."""


def _internal(path: str) -> bool:
    """Whether a property is the provider's own, like `__meta` and `__defaults`."""
    return any(name.startswith("__") for name in names(path))


def _within(path: str, block: str) -> bool:
    return path.startswith((f"{block}.", f"{block}["))


def _forces(diff: PropertyDiff | None) -> bool:
    return bool(diff and diff.diff_kind.endswith("-replace"))


def names(path: str) -> list[str]:
    """The steps of a property path in the engine's syntax."""
    return [a or b or c for a, b, c in re.findall(r'\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.\[\]]+)', path)]


def look_up(path: str, value: Any) -> Any:
    """The value at a path, None if there is none, `HIDDEN` if something on the way is secret or unknown."""
    for name in names(path):
        if isinstance(value, dict) and _special_sig_key not in value:
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit():
            value = value[int(name)] if int(name) < len(value) else None
        elif value is not None:
            return HIDDEN
    return value


@dataclass
class Change:
    """What happens to one resource: its steps (a replacement has several) as one operation."""

    op: str
    kind: str
    name: str
    old: StepEventStateMetadata | None = None
    new: StepEventStateMetadata | None = None
    paths: dict[str, PropertyDiff | None] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    found: bool = False
    """By a refresh: what only the cloud says counts too."""

    @property
    def shown(self) -> list[str]:
        """The property paths that a person can use, or else those that there are.

        Without the provider's own keys, such as `__meta`, without blocks of which a part is there, and without what
        only the cloud fills in, unless it is what forces a replacement.
        """
        return self._given or self._leaves

    @property
    def causes(self) -> list[str]:
        """The property paths that make it a replacement; none if it is replaced with what it depends on."""
        forced = [path for path, diff in self.paths.items() if _forces(diff)]
        known = self._given if self.old or self.new else self._leaves
        if causes := [path for path in known if path in forced]:
            return causes
        # The provider names a block, or its own key, in place of what is different.
        named = [*forced, *self.keys]
        within = [path for path in known if any(path == block or _within(path, block) for block in named)]
        return within or (known if named else [])

    @property
    def _leaves(self) -> list[str]:
        own = [path for path in self.paths or dict.fromkeys(self.keys) if not _internal(path)]
        return [path for path in own if not any(_within(other, path) for other in own)]

    @property
    def _given(self) -> list[str]:
        """Those of which the program says something, or the cloud something that counts."""
        inputs = [side.inputs for side in (self.old, self.new) if side]
        outputs = self.old.outputs if self.old else None

        def given(path: str) -> bool:
            sides = [*inputs, outputs] if self.found or _forces(self.paths.get(path)) else inputs
            return any(look_up(path, side) not in (None, {}, []) for side in sides)

        return [path for path in self._leaves if given(path)]


@dataclass
class Outcome:
    """What the engine has said, in order."""

    changes: dict[str, Change] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    violations: list[PolicyEvent] = field(default_factory=list)
    outputs: tuple[dict[str, Any], dict[str, Any]] = field(default_factory=lambda: ({}, {}))
    """The stack's, as they are and as they would be."""
    started: bool = False
    ended: bool = False

    @property
    def failed(self) -> bool:
        """Whether the engine found an error, or did not get to its end."""
        return bool(self.errors) or not self.ended

    @property
    def changed(self) -> bool:
        """Whether any resource is to change, or has changed."""
        return any(change.op != "same" for change in self.changes.values())

    def with_op(self, op: str) -> list[Change]:
        """The resources that this happens to."""
        return [change for change in self.changes.values() if change.op == op]


def plain(message: str) -> str:
    """The engine's message without its marks for colour and the terminal's."""
    return re.sub(r"<\{%.*?%\}>|\x1b\[[0-9;]*[A-Za-z]", "", message).strip()


def collect(events: Iterable[EngineEvent], kind: str = "preview") -> Outcome:
    """The events of one preview or refresh, put together by resource.

    A preview says with the first event of a step what it is; a refresh with the last one what it has found.
    """
    outcome = Outcome()
    for event in events:
        outcome.started = True
        outcome.ended |= event.summary_event is not None
        if (done := event.res_outputs_event) and done.metadata.type == STACK:
            old, new = ((side and side.outputs) or {} for side in (done.metadata.old, done.metadata.new))
            outcome.outputs = (dict(old), dict(new))
        if step := event.resource_pre_event or (event.res_outputs_event if kind == "drift" else None):
            _add(outcome.changes, step.metadata, found=kind == "drift")
        elif diagnostic := event.diagnostic_event:
            message = plain(diagnostic.message)
            said = {"error": outcome.errors, "warning": outcome.warnings}.get(diagnostic.severity)
            repeated = message.removeprefix("an unhandled error occurred: ")
            if said is not None and message and repeated not in said:
                said.append(message)
        elif policy := event.policy_event:
            outcome.violations.append(policy)
    return outcome


def _add(changes: dict[str, Change], step: StepEventMetadata, *, found: bool) -> None:
    qualified, name = step.urn.split("::")[-2:]
    # `replace`, `create-replacement` and `delete-replaced` are one.
    op = "replace" if "replace" in step.op.value else "same" if step.op.value in ("refresh", "read") else step.op.value
    change = changes.setdefault(step.urn, Change(op, qualified, name, found=found))
    change.op = op if change.op == "same" else change.op
    change.old, change.new = step.old or change.old, step.new or change.new
    change.paths |= step.detailed_diff or dict.fromkeys(step.diffs or [])
    change.keys += step.keys or []


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise LogError(f"{path}: {error.strerror}") from None


def read(path: Path) -> list[EngineEvent]:
    """The events of a log; none if there is no such file, and those before a line that was cut off. Raises `LogError`
    for what the engine has not written."""
    events: list[EngineEvent] = []
    for number, line in enumerate(_lines(path), 1):
        try:
            events.append(EngineEvent.from_json(_object(line)))
        except (json.JSONDecodeError, UnicodeDecodeError):
            break
        except (AttributeError, KeyError, TypeError, ValueError):  # whatever the SDK makes of other JSON
            raise LogError(f"{path} is no event log: line {number} is no event of the engine") from None
    return events


def _object(line: bytes) -> dict[str, Any]:
    """The JSON object of a line. Raises `TypeError` if none begins there, and `ValueError` if it does not end."""
    if line[:1] not in (b"{", b""):
        raise TypeError
    return json.loads(line)
