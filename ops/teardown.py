"""Deletes a stack, then looks for what Google Cloud has left behind: `python -m ops teardown --stack NAME`.

What GKE makes for a Service or a claim is no resource of Pulumi's: if a cluster goes before its Services, load
balancers and firewall rules stay, and keep the VPC from being deleted
(https://github.com/kubernetes/ingress-gce/issues/1195). A claim with the reclaim policy `Retain` leaves its disk on
purpose. Only what carries two signs of the stack's is touched, and only what was on the list that somebody has read and
given back; and nothing while the cluster has nodes.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from pulumi import automation
from rich.table import Table

from .compute import KINDS, Compute, Thing
from .console import WIDE, console
from .leftovers import Leftover, evidence, leftovers, nodes
from .origin import message
from .say import say
from .scope import Scope, ScopeError, scope_of
from .tokens import CLUSTER
from .words import LOGIN


class TeardownError(Exception):
    """Something that the user can fix; the message says how."""


def protected(resources: Iterable[dict[str, Any]]) -> list[str]:
    """The resources that Pulumi or Google Cloud would refuse to delete."""
    return [
        "{} {}".format(resource["type"], resource["urn"].rsplit("::", 1)[-1])
        for resource in resources
        if resource.get("protect") or (resource.get("outputs") or {}).get("deletionProtection") is True
    ]


def show(found: list[Leftover]) -> None:
    """Print what is left: what is the stack's, each under its digest, and what only may be."""
    sure = Table("digest", "what", "name", "where", "why", title="left behind by Google Cloud")
    perhaps = Table("what", "name", "where", "why", title="perhaps of this stack: look yourself")
    for left in found:
        thing = left.thing
        cells = (KINDS[thing.collection].what, thing.message.name, "/".join(thing.scope), ", ".join(left.signs))
        sure.add_row(left.digest, *cells) if left.sure else perhaps.add_row(*cells)
    for table in (table for table in (sure, perhaps) if table.row_count):
        console(WIDE).print(table)
    if by_hand := [left.thing.by_hand for left in found if not left.sure]:
        print("One sign is too little to remove it for you. If it is the stack's:")
        print("\n".join(f"  {command}" for command in by_hand))


def _looked(compute: Compute, scope: Scope) -> list[Thing]:
    try:
        return compute.things(scope.project)
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise TeardownError(
            f"cannot look into project {scope.project}: {error}\nIt takes application-default credentials "
            f"(`{LOGIN}`) with roles/compute.viewer on the project."
        ) from None


def _look(compute: Compute, scope: Scope) -> list[Leftover]:
    return leftovers(_looked(compute, scope), scope)


class Agreed(NamedTuple):
    """What may be removed: digests from a list that was read before."""

    things: frozenset[str] = frozenset()
    disks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything may be."""
        return bool(self.things or self.disks)

    def chosen(self, found: list[Leftover]) -> list[Leftover]:
        """What of a new look was on the list. Raises `TeardownError` for a disk that is not named as one."""
        if wrong := [left for left in found if left.thing.collection == "disks" and left.digest in self.things]:
            name = wrong[0].thing.message.name
            raise TeardownError(f"{wrong[0].digest} is the disk {name}: data. Nothing was removed; say --remove-disks")
        return [
            left
            for left in found
            if left.sure and left.digest in (self.disks if left.thing.collection == "disks" else self.things)
        ]


NOTHING = Agreed()


def _not_agreed(found: list[Leftover], agreed: Agreed) -> None:
    """Say what of a list is not there any more, and what is there and not on the list."""
    for digest in sorted((agreed.things | agreed.disks) - {left.digest for left in found}):
        print(f"{digest}: not there (any more)")
    for left in found:
        if left.digest in agreed.things | agreed.disks and not left.sure:
            print(f"{left.digest}: only one sign is left that it is the stack's, so it is kept")
        elif left.sure and left.digest not in agreed.things | agreed.disks:
            print(f"{KINDS[left.thing.collection].what} {left.thing.message.name}: not on the list, so it is kept")


def _remaining(left: list[Leftover], again: str) -> None:
    """Print how to go on."""
    print(f"{len(left)} left. To look again: {again}")
    sure = [one for one in left if one.sure]
    options = {
        "--remove": [one.digest for one in sure if one.thing.collection != "disks"],
        "--remove-disks": [one.digest for one in sure if one.thing.collection == "disks"],
    }
    for option, digests in options.items():
        if digests:
            data = ", disks with their data" if option == "--remove-disks" else ""
            print(f"To remove exactly these{data}: {again} {option} {','.join(digests)}")


def clean(compute: Compute, scope: Scope, *, agreed: Agreed = NOTHING, again: str = "") -> bool:
    """List what is left, and remove what of it was agreed to. Returns whether nothing is left.

    `again` is the command that looks again; by default the one that needs no state.
    """
    found = _look(compute, scope)
    if found and (alive := nodes(compute.instances(scope.project), scope)):
        raise TeardownError(
            f"nodes of the cluster still run: {', '.join(alive[:5])}. Nothing was removed: what a cluster uses is not "
            "left behind. If `pulumi destroy` has failed, see why, and run it again."
        )
    chosen = agreed.chosen(found)
    if agreed:
        _not_agreed(found, agreed)
    if not found:
        print("Google Cloud has left nothing behind")
        return True
    show(found)
    for left in chosen:
        problem = compute.remove(left.thing)
        print(f"{KINDS[left.thing.collection].what} {left.thing.message.name}: {problem or 'removed'}")
    rest = _look(compute, scope) if chosen else found
    if rest:
        _remaining(rest, again or scope.command())
    return not rest


def _resources(stack: automation.Stack) -> list[dict[str, Any]]:
    return (stack.export_stack().deployment or {}).get("resources") or []


def _without_cluster(stack: automation.Stack) -> list[dict[str, Any]]:
    resources = _resources(stack)
    if any(resource["type"] == CLUSTER for resource in resources):
        raise TeardownError(f"stack {stack.name} still has its cluster; nothing is left behind before that is gone")
    return resources


def _destroy(stack: automation.Stack, told: str) -> bool:
    try:
        stack.destroy(message=told or None, on_output=print, on_error=say, suppress_progress=True)
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


def _again(stack: automation.Stack, scope: Scope) -> str:
    """How to look again: by the state, as long as it says where."""
    marks = [word for mark in sorted(scope.marks) for word in ("--mark", mark)]
    words = ["--stack", stack.name, "--leftovers-only", *marks]
    return shlex.join([".venv/bin/python", "-m", "ops", "teardown", *words])


def down(
    stack: automation.Stack, compute: Compute, *, answer: Callable[[], str], agreed: Agreed = NOTHING, told: str = ""
) -> bool:
    """Delete a stack and look for what is left. Returns whether it is gone and nothing is.

    `answer` asks for the stack's name; any other answer deletes nothing. `told` stands in the stack's history.
    """
    resources = _resources(stack)
    _agreed(stack, resources, answer)
    scope = scope_of(resources)
    if scope:
        # The forwarding rule that has the stack's address, and in its name the cluster's mark, is gone afterwards.
        _, marks = evidence(_looked(compute, scope), scope)
        scope = replace(scope, marks=marks)
        print(f"to look for leftovers later: {scope.command()}", flush=True)
    gone = _destroy(stack, told)
    now = _without_cluster(stack)
    if scope is None:
        return gone
    # An address that the stack has released may be somebody else's by now.
    rest = scope_of(now)
    left = replace(scope, addresses=rest.addresses if rest else frozenset(), managed=_managed(rest))
    nothing_left = clean(compute, left, agreed=agreed, again=_again(stack, scope) if rest else "")
    if not gone and agreed:
        gone = _destroy(stack, told)
    if not gone:
        say(f"stack {stack.name} is not gone: remove what is listed, and run this again")
    return gone and nothing_left


def _managed(scope: Scope | None) -> frozenset[str]:
    return scope.managed if scope else frozenset()


def run(
    stack: str,
    given: Scope | None,
    *,
    confirm: str = "",
    leftovers_only: bool = False,
    agreed: Agreed,
    marks: list[str],
) -> int:
    """Delete a stack, or look for what is left of it or of a `given` place; the exit code.

    What the user can fix becomes one message.
    """
    compute = Compute()
    question = f"Type the stack's name, {stack}, to delete all this for good: "
    try:
        if given:
            return int(not clean(compute, given, agreed=agreed))
        with _selected(stack) as found:
            if leftovers_only:
                scope = _left_by(found, marks)
                return int(not clean(compute, scope, agreed=agreed, again=_again(found, scope)))
            told = message("teardown", Path.cwd())
            return int(not down(found, compute, answer=lambda: confirm or input(question), agreed=agreed, told=told))
    except EOFError:
        say("there is nobody to ask for the stack's name; give it with --confirm NAME")
    except automation.StackNotFoundError:
        say(f"there is no stack {stack!r}: `pulumi stack ls` lists them")
    except (TeardownError, ScopeError, automation.CommandError, automation.InvalidVersionError, OSError) as error:
        say(str(error))
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


def _left_by(stack: automation.Stack, marks: list[str]) -> Scope:
    """Where to look for what a stack has left behind; `marks` are those that its state no longer tells."""
    scope = scope_of(_without_cluster(stack))
    if scope is None:
        raise TeardownError(
            f"stack {stack.name} has nothing in its state that says where to look. Say it: --project PROJECT "
            "--cluster LOCATION/CLUSTER, and what you know of --network NETWORK and --mark MARK"
        )
    return replace(scope, marks=scope.marks | Scope.named(scope.project, [], [], marks).marks)
