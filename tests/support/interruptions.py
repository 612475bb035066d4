"""Stacks to interrupt, the commands that recover them, and what is then there."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.google_kinds import FORWARDING_RULE, SERVICE_IDENTITY
from sandbox.engine import pulumi_cli
from sandbox.engine.faults import KILLED_AFTER, KILLED_BEFORE, REFUSED, Fault, FaultyStack

from .project import ROOT

EFFECTS = (KILLED_BEFORE, KILLED_AFTER, REFUSED)
Make = Callable[[], FaultyStack]
STACK = "dev"


@cache
def resources(*, hardened: bool = False) -> list[str]:
    """The URN of every resource that the stack makes in a cloud, as the engine plans it, sorted."""
    events: list[Any] = []
    config = {"hardenedCluster": hardened}
    with TemporaryDirectory() as folder, FaultyStack(STACK, home=Path(folder), config=config) as stack:
        stack.preview(on_event=events.append)
    planned = [event.resource_pre_event.metadata for event in events if event.resource_pre_event]
    return sorted(step.urn for step in planned if step.new.custom and not step.type.startswith("pulumi:"))


def cases(shift: int = 0) -> list[tuple[str, str]]:
    """What is interrupted, and how: every resource in every way, or with EACH=type in the environment the first of each
    type in one way, which takes turns from type to type; `shift` says which comes first."""
    if os.environ.get("EACH") != "type":
        return list(itertools.product(resources(), EFFECTS))
    first = {urn.split("::")[2].rsplit("$", 1)[-1]: urn for urn in reversed(resources())}
    return [(urn, EFFECTS[(i + shift) % len(EFFECTS)]) for i, urn in enumerate(reversed(first.values()))]


def of_new_types() -> list[str]:
    """The first resource of each type that only a hardened cluster has."""
    known = {urn.split("::")[2].rsplit("$", 1)[-1] for urn in resources()}
    found = {urn.split("::")[2].rsplit("$", 1)[-1]: urn for urn in resources(hardened=True)}
    return [urn for kind, urn in found.items() if kind not in known]


def short(value: str) -> str:
    """Type and name of a URN, or an effect, for the id of a test."""
    if value in EFFECTS:
        return value.replace(" ", "-")
    _, _, kind, name = value.split("::")
    return f"{kind.rsplit(':', 1)[-1]}-{name}"


def command(stack: FaultyStack, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of docs/recovery.md as a user would, in the folder and with the backend of this stack."""
    workspace = stack.stack.workspace
    path = os.pathsep.join([str(Path(pulumi_cli.ensure()).parent), os.environ["PATH"]])
    environment = {"PULUMI_HOME": str(workspace.pulumi_home), "PYTHONPATH": str(ROOT), "PATH": path}
    words = [sys.executable if word == "python" else word for word in arguments]
    return subprocess.run(  # noqa: S603
        [*words, "--stack", STACK],
        cwd=workspace.work_dir,
        env={**os.environ, **workspace.env_vars, **environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def recover(stack: FaultyStack) -> None:
    """What docs/recovery.md says after a run was killed. Nothing goes wrong any more."""
    stack.fail(None)
    for arguments in (("pulumi", "cancel", "--yes"), ("python", "-m", "ops", "recover")):
        done = command(stack, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def in_the_clouds(stack: FaultyStack) -> list[tuple[str, str]]:
    """Type and id of what exists, but for what GKE makes and removes by itself."""
    return sorted((item.kind, item.id) for item in stack.inventory.find() if item.kind != FORWARDING_RULE)


def in_the_state(stack: FaultyStack) -> list[tuple[str, str]]:
    """Type and id of what the engine knows of, but for service agents: no cloud tells whether there is one."""
    known = [r for r in stack.resources() if r["custom"] and r["type"] != SERVICE_IDENTITY]
    return sorted((r["type"], r["id"]) for r in known if r["type"][:7] != "pulumi:")


def everything_up(stack: FaultyStack, *, hardened: bool = False) -> None:
    """`up` succeeds, and all is there."""
    stack.up()
    planned = resources(hardened=hardened)
    assert {r["urn"] for r in stack.resources()} >= set(planned)
    assert len(in_the_clouds(stack)) == len([urn for urn in planned if SERVICE_IDENTITY not in urn])
    assert in_the_state(stack) == in_the_clouds(stack)


def nothing_left(stack: FaultyStack) -> None:
    """`destroy` succeeds, and nothing is there."""
    stack.destroy()
    assert stack.inventory.find() == []
    assert stack.resources() == []


def interrupt(stack: FaultyStack, fault: Fault) -> None:
    """Run into the fault, and do what docs/recovery.md says. Afterwards the engine knows all there is, and no more."""
    stack.fail(fault)
    with pytest.raises(CommandError) as failed:
        stack.destroy() if fault.operation == "delete" else stack.up()
    if fault.effect == REFUSED:
        assert fault.message in str(failed.value)
        stack.fail(None)
    else:
        recover(stack)
    assert in_the_state(stack) == in_the_clouds(stack)
