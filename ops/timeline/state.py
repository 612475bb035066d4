"""What a stack's state says of what waited for what. The engine's events have no dependencies."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]


def _direct(resource: Mapping[str, Any]) -> Iterator[str]:
    """What has to be there before a resource: what it depends on, its parent, its provider."""
    yield from resource.get("dependencies") or ()
    if parent := resource.get("parent"):
        yield parent
    if provider := resource.get("provider"):
        yield provider.rpartition("::")[0]


def needs(resources: Iterable[Json]) -> dict[str, tuple[str, ...]]:
    """By URN, what each resource waited for. Components make nothing themselves: in place of one stands what it waited
    for. Raises `RecursionError` if they go in a circle, which the engine does not let them."""
    by_urn = {resource["urn"]: resource for resource in resources}

    def made(urn: str) -> Iterator[str]:
        if urn not in by_urn:
            return
        if by_urn[urn].get("custom"):
            yield urn
            return
        for other in _direct(by_urn[urn]):
            yield from made(other)

    return {
        urn: tuple(sorted({found for other in _direct(resource) for found in made(other)}))
        for urn, resource in by_urn.items()
        if resource.get("custom")
    }


def name(urn: str) -> str:
    """A resource's type and name in short, such as `NodePool system`."""
    kind, own = urn.split("::")[2:4]
    return f"{kind.rsplit(':', 1)[-1]} {own}" if "pulumi:providers:" not in kind else f"provider {own}"
