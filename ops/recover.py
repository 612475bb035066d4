"""What became of an interrupted run? `python -m ops recover --stack NAME`, after `pulumi cancel` has removed its lock.

When the engine is killed, its state still says what was under way. Pulumi reads again what was being updated or
deleted, but not what was being created: that has no id yet. `pulumi up` would make it a second time, and
`pulumi refresh --import-pending-creates` (3.274) only forgets it. So this computes the id of each such object from its
inputs, puts it into the state and has the engine read it: what is there stays in the state, what was never made leaves
it. Nothing is created or deleted, and nothing is written over what somebody else has written meanwhile.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from . import tokens
from .cli import Cli, CliError
from .console import WIDE, console
from .object_ids import UnknownIdError, import_id
from .origin import message
from .say import say

Json = dict[str, Any]

MADE_IN_STEPS = (tokens.CLUSTER, tokens.RELEASE)
"""Types that are not made by one request, so that half of one may exist: GKE's default pool is removed only after the
cluster is there, and Helm refuses to upgrade a release that is `pending-install`."""
UNREADABLE = (tokens.SERVICE_IDENTITY,)
"""Types of which the provider reads nothing, so that a refresh would leave them without outputs. To make one again is
to be told of the same one."""
MADE_AGAIN = (*MADE_IN_STEPS, *UNREADABLE)
"""The next `pulumi up` replaces these; nothing can depend on them yet."""

UNREAD = "not read by ops.recover since it was interrupted while "
"""In `initErrors` of a resource that was not read yet, before the operation: should reading be interrupted, too."""


class RecoverError(Exception):
    """It cannot go on; the message says why and what to do."""


class Interrupted(NamedTuple):
    """One operation that was under way."""

    operation: str
    urn: str
    id: str

    @property
    def type(self) -> str:
        """The type token."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def name(self) -> str:
        """The name in the program."""
        return self.urn.split("::")[3]


def _provider(deployment: Json, resource: Json) -> Mapping[str, Any]:
    urn = resource.get("provider", "").rsplit("::", 1)[0]
    return next((r.get("inputs", {}) for r in deployment.get("resources", []) if r["urn"] == urn), {})


def interrupted(deployment: Json, known: Mapping[str, str]) -> list[Interrupted]:
    """What was under way in a state; `known` are ids by URN that the user has looked up."""
    found: list[Interrupted] = []
    problems: list[str] = []
    for operation in deployment.get("pending_operations") or []:
        resource, kind = operation["resource"], operation["type"]
        object_id = resource.get("id") or ""
        if kind == "creating":
            in_a_cloud = resource.get("custom") and not resource["type"].startswith("pulumi:")
            object_id = known.get(resource["urn"], "")
            try:
                object_id = object_id or (import_id(resource, _provider(deployment, resource)) if in_a_cloud else "")
            except UnknownIdError as error:
                problems.append(str(error))
        found.append(Interrupted(kind, resource["urn"], object_id))
    if problems:
        raise RecoverError("\n".join(problems))
    return found + [
        Interrupted(error.removeprefix(UNREAD), resource["urn"], resource["id"])
        for resource in deployment.get("resources") or []
        for error in resource.get("initErrors", [])
        if error.startswith(UNREAD)
    ]


def _without_hidden(value: Any) -> Any:
    """The same without the keys that providers keep for themselves, such as `__defaults`."""
    if isinstance(value, dict):
        return {key: _without_hidden(inner) for key, inner in value.items() if not key.startswith("__")}
    return [_without_hidden(inner) for inner in value] if isinstance(value, list) else value


def adopt(resource: Json, object_id: str) -> Json:
    """A resource whose creation was interrupted as if it had been answered, with its inputs for the answer.

    With outputs the provider reads it like a resource in a refresh. Without them it would import it, and lose what the
    API does not tell, such as that the name was made up.
    """
    adopted = resource | {"id": object_id, "initErrors": [f"{UNREAD}creating"]}
    adopted["outputs"] = _without_hidden(resource["inputs"])
    if resource["type"] in MADE_AGAIN:
        adopted |= {"taint": True, "protect": False}
    if resource["type"] == tokens.CLUSTER:
        adopted["outputs"]["deletionProtection"] = False  # kept in the state alone, not by GKE
    return adopted


def recovered(deployment: Json, operations: list[Interrupted]) -> Json:
    """The state with everything that may have been created, and nothing pending; the engine has to read it next."""
    resources: list[Json] = list(deployment.get("resources") or [])
    ids = {(o.urn, o.id) for o in operations if o.operation == "creating" and o.id}
    for operation in deployment.get("pending_operations") or []:
        new = operation["resource"]
        object_id = next((i for urn, i in ids if urn == new["urn"]), None)
        if operation["type"] != "creating":
            of = (new["urn"], new.get("id"))
            mark = {"initErrors": [UNREAD + operation["type"]]}
            resources = [r | mark if (r["urn"], r.get("id")) == of and r.get("custom") else r for r in resources]
        if operation["type"] != "creating" or not object_id:
            continue
        same = [i for i, r in enumerate(resources) if r["urn"] == new["urn"] and not r.get("delete")]
        if not same:
            resources.append(adopt(new, object_id))
        elif resources[same[0]].get("pendingReplacement"):  # the old one is gone already
            resources[same[0]] = adopt(new, object_id)
        elif resources[same[0]].get("id") != object_id:  # there is another: the engine deletes this one
            resources.append(adopt(new, object_id) | {"delete": True, "taint": False})
    return deployment | {"resources": resources, "pending_operations": []}


class Pulumi:
    """The engine, on one stack. Raises `RecoverError` with its own words."""

    def __init__(self, stack: str, folder: Path) -> None:
        self.stack = stack
        self._folder = folder
        self._cli = Cli(stack, folder)

    @contextmanager
    def _explained(self, *command: str) -> Iterator[None]:
        """What the engine refuses, and what to do about it."""
        try:
            yield
        except CliError as error:
            said = f"`pulumi {' '.join(command)}` failed.\n{error}".strip()
            if "currently locked" in said or "[409]" in said:
                said += (
                    "\nMake sure that nobody is running Pulumi on this stack. Then:"
                    f"\n  pulumi cancel --stack {self.stack}\n  .venv/bin/python -m ops recover --stack {self.stack}"
                )
            told = said if str(error) else f"{said} Put right what it says, and run this again: it goes on."
            raise RecoverError(told) from None

    def export(self) -> Json:
        """The state, secrets encrypted."""
        with self._explained("stack", "export"):
            return {"deployment": {}} | json.loads(self._cli("stack", "export"))

    def last_update(self) -> str:
        """The newest entry of the stack's history, as the engine tells it."""
        with self._explained("stack", "history"):
            return self._cli("stack", "history", "--json", "--page-size=1")

    def replace(self, state: Json, *, seen: Json, last: str) -> None:
        """Make this the state, unless the stack is locked or its state is no longer the one that was `seen`.

        The engine has no import with a condition, and refuses one under a lock of somebody else's, of ours too. So its
        import is started first, and waits for its input: between this look at the state and the engine's own lock are
        milliseconds, in which an update would have to begin and end. If one does, the history has an entry behind
        `last`.
        """
        with self._explained("stack", "import"), self._cli.waiting("stack", "import") as give:
            if self.export() != seen:
                raise RecoverError(
                    f"{self.stack}: the state has changed while it was looked at: somebody else has run Pulumi on this "
                    "stack. Nothing was changed. Make sure that nobody does any more, and run this again"
                )
            give(json.dumps(state))
        if self.last_update() != last:
            raise RecoverError(
                f"{self.stack}: another update ended just as the state was put right, and what it wrote last is "
                "overwritten. `pulumi stack history` shows who that was. Run nothing else: docs/recovery.md says, "
                "under `Two runs at once`, where the overwritten state lies and how it comes back"
            )

    def refresh(self, urns: list[str]) -> None:
        """Have the engine read these, and say in its history who wanted it."""
        targets = [f"--target={urn}" for urn in urns]
        told = message("recover", self._folder)
        with self._explained("refresh"):
            self._cli("refresh", "--yes", "--skip-preview", f"--message={told}", *targets, shown=True)


def _print(operations: list[Interrupted], now: Callable[[Interrupted], str]) -> None:
    table = Table("interrupted while", "type", "name", "id", "now")
    for operation in operations:
        table.add_row(operation.operation, operation.type, operation.name, operation.id, now(operation))
    console(WIDE).print(table)


def recover(pulumi: Pulumi, known: Mapping[str, str], *, check: bool) -> int:
    """Find out and put right, or with `check` only tell. Returns the exit code."""
    last = "" if check else pulumi.last_update()
    state = pulumi.export()
    operations = interrupted(state["deployment"], known)
    if not operations:
        print(f"{pulumi.stack}: no operation was interrupted")
        return 0
    if check:
        _print(operations, lambda _: "unknown")
        say(
            f"{pulumi.stack}: {len(operations)} operations are under way or were interrupted. If nobody is running "
            f"Pulumi on this stack:\n  pulumi cancel --stack {pulumi.stack}\n"
            f"  .venv/bin/python -m ops recover --stack {pulumi.stack}"
        )
        return 1
    deployment = recovered(state["deployment"], operations)
    pulumi.replace(state | {"deployment": deployment}, seen=state, last=last)
    targets = sorted({r["urn"] for r in deployment["resources"]} & {operation.urn for operation in operations})
    if targets:
        pulumi.refresh(targets)
    left = pulumi.export()["deployment"]
    there = {(r["urn"], r.get("id", "")): r for r in left.get("resources") or []}

    def now(operation: Interrupted) -> str:
        resource = there.get((operation.urn, operation.id), {})
        follows = {
            "taint": "there; the next `pulumi up` replaces it",
            "delete": "there; the next `pulumi up` deletes it",
        }
        return next((text for key, text in follows.items() if resource.get(key)), "there" if resource else "not there")

    _print(operations, now)
    return int(bool(interrupted(left, known)))


def run(stack: str, folder: Path, known: Mapping[str, str], *, check: bool) -> int:
    """Do it to a stack of the project in a folder, and turn what the user can fix into one message; the exit code."""
    try:
        return recover(Pulumi(stack, folder), known, check=check)
    except RecoverError as error:
        say(str(error))
        return 2
