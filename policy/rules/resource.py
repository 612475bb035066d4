"""A resource as a rule sees it, and how a rule reads it.

A rule looks at the inputs as the engine has them, with camelCase names. What a preview does not know yet (`UNKNOWN`)
breaks no rule: the engine asks again, with the value, before it makes the resource.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from .allowed import STACK

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine has for a value that a preview does not know yet."""

Props = Mapping[str, Any]
GKE = "https://cloud.google.com/kubernetes-engine/docs"


class Resource(NamedTuple):
    """Type token, logical name, inputs, the inputs of its provider, the Pulumi project, where else than `allowed` says
    its charts and images may come from, and the caches of its stack (`repositories`)."""

    type: str
    name: str
    props: Props
    provider: Props = MappingProxyType({})
    project: str = STACK
    own: tuple[str, ...] = ()
    caches: Mapping[str, str] = MappingProxyType({})


class Rule(NamedTuple):
    """One rule: `check` tells each way in which a resource breaks it; `source` says why it is one."""

    name: str
    description: str
    source: str
    check: Callable[[Resource], Iterator[str]]


def project_of(urn: str) -> str:
    """The Pulumi project of a resource: `urn:pulumi:STACK::PROJECT::TYPE::NAME`."""
    return urn.split("::")[1]


def of_state(resources: list[dict[str, Any]], own: tuple[str, ...] = ()) -> list[Resource]:
    """The resources of a stack's state, as `pulumi stack export` has them; `own` as for each of them."""
    providers = {f"{r['urn']}::{r.get('id')}": r.get("inputs", {}) for r in resources}
    return [
        Resource(
            r["type"],
            r["urn"].rsplit("::", 1)[-1],
            r.get("inputs", {}),
            providers.get(r.get("provider", ""), {}),
            project_of(r["urn"]),
            own,
        )
        for r in resources
    ]


def at(props: Any, *path: str) -> Any:
    """The value at a path; None if there is nothing, `UNKNOWN` if it or what it is in is not known."""
    for key in path:
        if props == UNKNOWN:
            return UNKNOWN
        props = cast(Props, props).get(key) if isinstance(props, Mapping) else None
    return props


def differs(value: Any, *allowed: Any) -> bool:
    """Whether a value is known and none of these."""
    return value not in (*allowed, UNKNOWN)


def items(value: Any) -> list[Any]:
    """A list, or nothing."""
    return cast(list[Any], value) if isinstance(value, list) else []


def shown(value: Any) -> str:
    """A value in a message."""
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a value, by where it stands: maps and lists too, without the outermost."""
    if isinstance(value, Mapping):
        for key, inner in cast(Props, value).items():
            yield f"{path}.{key}".lstrip("."), inner
            yield from nodes(inner, f"{path}.{key}".lstrip("."))
    for i, inner in enumerate(items(value)):
        yield f"{path}[{i}]", inner
        yield from nodes(inner, f"{path}[{i}]")
