"""What of a project belongs to a stack and is not Pulumi's. Reads only, and decides by evidence.

A project may have other stacks, other clusters, and a VPC that they share. So one sign is not enough: what carries two
that do not depend on each other is the stack's, what carries one is for people to look at.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from .compute import KINDS, Thing, path
from .scope import Scope
from .signs import CLUSTER_LABEL, IDENTITY, SUPPORTING, mark, signs

Signs = Mapping[str, str]


class Leftover(NamedTuple):
    """A thing that may be the stack's, and what in it says so."""

    thing: Thing
    signs: tuple[str, ...]

    @property
    def sure(self) -> bool:
        """Whether it is the stack's: two signs."""
        return len(self.signs) >= 2

    @property
    def digest(self) -> str:
        """By which it is named on a list. What is made again under the same name has another."""
        return hashlib.sha256(f"{self.thing.path} {self.thing.message.id}".encode()).hexdigest()[:12]


def _uses(thing: Thing) -> dict[str, set[str]]:
    """What a thing sends requests to, and all that it refers to."""
    message = thing.message
    to = {getattr(message, "target", ""), getattr(message, "backend_service", "")}
    to |= {backend.group for backend in getattr(message, "backends", [])}
    others = set(getattr(message, "health_checks", []))
    return {"to": {path(link) for link in to if link}, "all": {path(link) for link in to | others if link}}


def _by_use(things: list[Thing], ours: frozenset[str]) -> dict[str, str]:
    """Which things have to do with nothing but the stack's: what they send requests to, or what uses them."""
    found: dict[str, str] = {}
    users: dict[str, set[str]] = {}
    for thing in things:
        uses = _uses(thing)
        for used in uses["all"]:
            users.setdefault(used, set()).add(thing.path)
        if uses["to"] and uses["to"] <= ours:
            found[thing.path] = "uses only what is the stack's"
    return {used: "used only by what is the stack's" for used, by in users.items() if by <= ours} | found


def evidence(things: Iterable[Thing], scope: Scope) -> tuple[dict[str, Signs], frozenset[str]]:
    """The signs of each thing by its path, and the marks: those of the scope, and what is learned from the signs.

    What is the stack's tells more of others, until nothing more follows.
    """
    things, found = list(things), dict[str, Signs]()
    while True:
        candidates = [thing for thing in things if thing.path not in scope.managed]
        ours = frozenset(place for place, of in found.items() if len(of) >= 2)
        learned = {mark(t.message.name) for t in candidates if t.path in ours and IDENTITY & found[t.path].keys()}
        scope = replace(scope, marks=scope.marks | (learned - {None}))
        use = _by_use(things, ours)
        now: dict[str, Signs] = {}
        for thing in candidates:
            of = signs(thing, scope) | ({"use": use[thing.path]} if thing.path in use else {})
            if of.keys() - SUPPORTING:
                now[thing.path] = of
        if now == found:
            return found, scope.marks
        found = now


def leftovers(things: Iterable[Thing], scope: Scope) -> list[Leftover]:
    """What may belong to the stack and is not Pulumi's, and why, in the order in which it can be removed."""
    things, order = list(things), list(KINDS)
    found, _ = evidence(things, scope)
    ours = [Leftover(thing, (*found[thing.path].values(),)) for thing in things if thing.path in found]
    return sorted(ours, key=lambda left: (order.index(left.thing.collection), left.thing.path))


def nodes(instances: Iterable[Any], scope: Scope) -> list[str]:
    """The machines that show that a cluster of the stack is alive, so that nothing of it is left behind yet."""
    return [
        instance.name
        for instance in instances
        if (cluster := instance.labels.get(CLUSTER_LABEL))
        and (
            cluster in [name for name, _ in scope.clusters]
            or any(path(interface.network) in scope.networks for interface in instance.network_interfaces)
        )
    ]
