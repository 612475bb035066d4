"""What became of an interrupted run? `python -m ops recover --stack NAME`, after `pulumi cancel` has removed its lock.

When the engine is killed, its state still says what was under way. Pulumi reads again what was being updated or
deleted, but not what was being created: that has no id yet. `pulumi up` would make it a second time, and
`pulumi refresh --import-pending-creates` (3.274) only forgets it. So this computes the id of each such object from its
inputs, puts it into the state and has the engine read it: what is there stays in the state, what was never made leaves
it. Nothing is created or deleted.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from . import tokens
from .object_ids import UnknownIdError, import_id

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
    """The CLI, on one stack. Raises `RecoverError` with the CLI's own words."""

    def __init__(self, stack: str, folder: Path) -> None:
        self.stack = stack
        self._options = [f"--stack={stack}", f"--cwd={folder}", "--non-interactive"]

    def __call__(self, *command: str, shown: bool = False) -> str:
        """Run a command; what it prints is returned, or with `shown` goes to the terminal."""
        arguments = ["pulumi", *command, *self._options]
        done = subprocess.run(arguments, capture_output=not shown, text=True, check=False)  # noqa: S603
        if done.returncode == 0:
            return done.stdout or ""
        said = f"`pulumi {' '.join(word for word in command if word[0] != '-')}` failed.\n{done.stderr or ''}".strip()
        if "currently locked" in said or "[409]" in said:
            said += (
                "\nMake sure that nobody is running Pulumi on this stack. Then:"
                f"\n  pulumi cancel --stack {self.stack}\n  .venv/bin/python -m ops recover --stack {self.stack}"
            )
        raise RecoverError(said if done.stderr else f"{said} Put right what it says, and run this again: it goes on.")

    def export(self) -> Json:
        """The state, secrets encrypted."""
        return {"deployment": {}} | json.loads(self("stack", "export"))

    def replace(self, state: Json) -> None:
        """Make this the state, unless the stack is locked."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "state.json")
            file.write_text(json.dumps(state))
            self("stack", "import", f"--file={file}")


def _print(operations: list[Interrupted], now: Callable[[Interrupted], str]) -> None:
    table = Table("interrupted while", "type", "name", "id", "now")
    for operation in operations:
        table.add_row(operation.operation, operation.type, operation.name, operation.id, now(operation))
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def recover(pulumi: Pulumi, known: Mapping[str, str], *, check: bool) -> int:
    """Find out and put right, or with `check` only tell. Returns the exit code."""
    state = pulumi.export()
    operations = interrupted(state["deployment"], known)
    if not operations:
        print(f"{pulumi.stack}: no operation was interrupted")
        return 0
    if check:
        _print(operations, lambda _: "unknown")
        print(
            f"{pulumi.stack}: {len(operations)} operations are under way or were interrupted. If nobody is running "
            f"Pulumi on this stack:\n  pulumi cancel --stack {pulumi.stack}\n"
            f"  .venv/bin/python -m ops recover --stack {pulumi.stack}",
            file=sys.stderr,
        )
        return 1
    deployment = recovered(state["deployment"], operations)
    pulumi.replace(state | {"deployment": deployment})
    targets = sorted({r["urn"] for r in deployment["resources"]} & {operation.urn for operation in operations})
    if targets:
        pulumi("refresh", "--yes", "--skip-preview", *(f"--target={urn}" for urn in targets), shown=True)
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
        print(error, file=sys.stderr)
        return 2
