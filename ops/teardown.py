"""Deletes a stack, then looks for what Google Cloud has left behind: `python -m ops teardown --stack NAME`.

What GKE makes for a Service or a claim is no resource of Pulumi's: if a cluster goes before its Services, load
balancers and firewall rules stay, and keep the VPC from being deleted
(https://github.com/kubernetes/ingress-gce/issues/1195). A claim with the reclaim policy `Retain` leaves its disk on
purpose. Only what can be shown to belong to the stack's VPC or cluster is touched, and nothing while the cluster has
nodes.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from pulumi import automation
from rich.console import Console
from rich.table import Table

from .compute import KINDS, Compute, Thing
from .leftovers import Scope, leftovers, mark, nodes, scope_of
from .tokens import CLUSTER


class TeardownError(Exception):
    """Something that the user can fix; the message says how."""


def protected(resources: Iterable[dict[str, Any]]) -> list[str]:
    """The resources that Pulumi or Google Cloud would refuse to delete."""
    return [
        "{} {}".format(resource["type"], resource["urn"].rsplit("::", 1)[-1])
        for resource in resources
        if resource.get("protect") or (resource.get("outputs") or {}).get("deletionProtection") is True
    ]


def show(found: list[tuple[Thing, str]]) -> None:
    """Print a table of leftovers."""
    table = Table("what", "name", "where", "why", title="left behind by Google Cloud")
    for thing, reason in found:
        table.add_row(KINDS[thing.collection].what, thing.message.name, "/".join(thing.scope), reason)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _look(compute: Compute, scope: Scope) -> list[tuple[Thing, str]]:
    try:
        return leftovers(compute.things(scope.project), scope)
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise TeardownError(
            f"cannot look into project {scope.project}: {error}\nIt takes application-default credentials "
            "(`gcloud auth application-default login`) with roles/compute.viewer on the project."
        ) from None


def clean(compute: Compute, scope: Scope, *, remove: bool, disks: bool) -> bool:
    """Report what is left, and remove what may be removed. Returns whether nothing is left."""
    found = _look(compute, scope)
    if found and (alive := nodes(compute.instances(scope.project), scope)):
        raise TeardownError(
            f"nodes of the cluster still run: {', '.join(alive[:5])}. Nothing was removed: what a cluster uses is not "
            "left behind. If `pulumi destroy` has failed, see why, and run it again."
        )
    if not found:
        print("Google Cloud has left nothing behind")
        return True
    show(found)
    wanted = [thing for thing, _ in found if (disks if thing.collection == "disks" else remove)]
    for thing in wanted:
        problem = compute.remove(thing)
        print(f"{KINDS[thing.collection].what} {thing.message.name}: {problem or 'removed'}")
    left = _look(compute, scope) if wanted else found
    if left:
        print(f"{len(left)} left. To look again: {scope.command()}")
    return not left


def _resources(stack: automation.Stack) -> list[dict[str, Any]]:
    return (stack.export_stack().deployment or {}).get("resources") or []


def _without_cluster(stack: automation.Stack) -> list[dict[str, Any]]:
    resources = _resources(stack)
    if any(resource["type"] == CLUSTER for resource in resources):
        raise TeardownError(f"stack {stack.name} still has its cluster; nothing is left behind before that is gone")
    return resources


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def _destroy(stack: automation.Stack) -> bool:
    try:
        stack.destroy(on_output=print, on_error=_complain, suppress_progress=True)
    except automation.CommandError:
        return False  # the engine has said why
    return True


def _agreed(stack: automation.Stack, resources: list[dict[str, Any]], answer: Callable[[], str]) -> None:
    """Show what will go, and refuse to go on unless it may and the answer is the stack's name."""
    if not resources:
        raise TeardownError(
            f"stack {stack.name} is empty. To look for what an earlier run left behind: "
            ".venv/bin/python -m ops teardown --leftovers-only --project PROJECT --cluster LOCATION/CLUSTER"
        )
    if guarded := protected(resources):
        raise TeardownError(
            f"stack {stack.name} is protected; nothing was deleted. Protected: {', '.join(guarded)}.\n"
            "To lift the protection on purpose, and then run this again:\n"
            f"  pulumi config set protect false --stack {stack.name}\n  pulumi up --stack {stack.name}"
        )
    stack.preview_destroy(on_output=print, suppress_progress=True)
    if (said := answer().strip()) != stack.name:
        raise TeardownError(f"{said!r} is not the stack's name, {stack.name!r}; nothing was deleted")


def down(
    stack: automation.Stack, compute: Compute, *, answer: Callable[[], str], remove: bool = False, disks: bool = False
) -> bool:
    """Delete a stack and look for what is left. Returns whether it is gone and nothing is.

    `answer` asks for the stack's name; any other answer deletes nothing.
    """
    resources = _resources(stack)
    _agreed(stack, resources, answer)
    scope = scope_of(resources)
    if scope:
        # The rules of the VPC, whose names carry the marks, may be gone afterwards.
        marks = {mark(thing.message.name) for thing, _ in _look(compute, scope)} - {None}
        scope = replace(scope, marks=frozenset(marks))
        print(f"to look for leftovers later: {scope.command()}", flush=True)
    gone = _destroy(stack)
    now = _without_cluster(stack)
    if scope is None:
        return gone
    # An address that the stack has released may be somebody else's by now.
    rest = scope_of(now) or Scope(scope.project)
    left = replace(scope, addresses=rest.addresses, managed=rest.managed)
    nothing_left = clean(compute, left, remove=remove, disks=disks)
    if not gone and remove:
        gone = _destroy(stack)
    if not gone:
        _complain(f"stack {stack.name} is not gone: remove what is listed, or run this again with --remove")
    return gone and nothing_left


def run(
    stack: str, given: Scope | None, *, confirm: str = "", leftovers_only: bool = False, remove: bool, disks: bool
) -> int:
    """Delete a stack, or look for what is left of it or of a `given` place; the exit code.

    What the user can fix becomes one message.
    """
    compute = Compute()
    question = f"Type the stack's name, {stack}, to delete all this for good: "
    try:
        if given:
            return int(not clean(compute, given, remove=remove, disks=disks))
        with _selected(stack) as found:
            if leftovers_only:
                return int(not clean(compute, _left_by(found), remove=remove, disks=disks))
            return int(not down(found, compute, answer=lambda: confirm or input(question), remove=remove, disks=disks))
    except EOFError:
        _complain("there is nobody to ask for the stack's name; give it with --confirm NAME")
    except automation.StackNotFoundError:
        _complain(f"there is no stack {stack!r}: `pulumi stack ls` lists them")
    except (TeardownError, automation.CommandError, automation.InvalidVersionError, OSError) as error:
        _complain(str(error))
    return 1


@contextmanager
def _selected(name: str) -> Iterator[automation.Stack]:
    """A stack of the project in this folder. What the user has selected stays selected."""
    workspace = automation.LocalWorkspace(work_dir=str(Path.cwd()))
    selected = workspace.stack()
    try:
        yield automation.Stack.select(name, workspace)
    finally:
        if selected and selected.name != name:
            workspace.select_stack(selected.name)


def _left_by(stack: automation.Stack) -> Scope:
    """Where to look for what a stack has left behind."""
    scope = scope_of(_without_cluster(stack))
    if scope is None:
        raise TeardownError(
            f"stack {stack.name} has nothing in its state that says where to look. Say it: --project PROJECT "
            "--cluster LOCATION/CLUSTER, and what you know of --network NETWORK and --mark MARK"
        )
    return scope
