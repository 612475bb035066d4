"""What the official provider makes of inputs and of what Google answers, by the table `data/google_provider.yaml`.

Pure functions of a type's token and of plain values. A path is the engine's, such as `nodeConfig.taints[0].key`.
"""

import ipaddress
import re
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

from pulumi.runtime.rpc import UNKNOWN

from .calls import Props
from .google_keys import by_number
from .google_machines import data
from .inventory import merge

META = "__meta"
"""What the bridge names as the cause of a replacement that no property's schema forces."""
ENCRYPTED = {"ENCRYPTED", "ALL_OBJECTS_ENCRYPTION_ENABLED"}
"""What GKE says of a cluster with a key, by its version (`DatabaseEncryptionSuppress`)."""
COMPUTE = "https://www.googleapis.com/compute/v1/"


class Rules(NamedTuple):
    """The row of a type; the file says what each column means."""

    source: str
    replace: frozenset[str]
    kept: tuple[str, ...]
    same: dict[str, str]
    reads: dict[str, str]
    adds: Props
    noticed: tuple[str, ...]
    custom: tuple[str, ...]


@cache
def rules(kind: str) -> Rules:
    """The row of a type, with those of its blocks."""
    table = data("google_provider.yaml")
    row = table["types"][kind]
    replace, kept = list(row.get("replace", ())), list(row.get("kept", ()))
    for block in row.get("blocks", ()):
        replace += [f"{block}.{path}" for path in table["blocks"][block]["replace"]]
        kept += [f"{block}.{path}" for path in table["blocks"][block]["kept"]]
    return Rules(
        source=row["source"],
        replace=frozenset(replace),
        kept=tuple(kept),
        same=row.get("same", {}),
        reads=row.get("reads", {}),
        adds=row.get("adds", {}),
        noticed=tuple(row.get("noticed", ())),
        custom=tuple(row.get("custom", ())),
    )


def forces(kind: str, path: str) -> bool:
    """Whether a change at this path replaces the resource. A path of a block stands for the whole, come or gone."""
    bare = re.sub(r"\[\d+\]", "", path)
    return path == META or any(_reaches(bare, forced) for forced in rules(kind).replace)


def _reaches(changed: str, forced: str) -> bool:
    of_map = forced.removesuffix(".*")
    if of_map != forced and changed.startswith((of_map + ".", of_map + "[")):
        return True
    return of_map == changed or of_map.startswith(changed + ".")


def shrinks(old: str, new: str) -> bool:
    """Whether the new range lacks an address of the old one, which no API can change in place."""
    return not ipaddress.ip_network(old).subnet_of(ipaddress.ip_network(new))  # type: ignore[arg-type]


def beyond_schema(kind: str, old: Props, new: Props) -> list[str]:
    """Paths of a change that no input's own rule gives: `META`, and what Google filled in and a program leaves out."""
    found = [path for path in rules(kind).noticed if _get(old, path) is not None and _get(new, path) is None]
    custom = [(_get(old, path), _get(new, path)) for path in rules(kind).custom]
    ranges = [(a, b) for a, b in custom if _is_range(a) and _is_range(b)]
    return found + ([META] if any(shrinks(a, b) for a, b in ranges) else [])


def _is_range(value: Any) -> bool:
    return isinstance(value, str) and "/" in value


def unchanged(kind: str, old: Props, new: Props) -> Props:
    """The new inputs, with the old value wherever the provider sees no change."""
    row, result = rules(kind), deepcopy(new)
    for path in row.kept:
        if _get(new, path) is None and _get(old, path) is not None and path not in ("name", "namePrefix"):
            _set(result, path, _get(old, path))
    for path, how in row.same.items():
        a, b = _get(old, path), _get(new, path)
        if isinstance(a, str) and isinstance(b, str) and SAME[how](a, b):
            _set(result, path, a)
    return result


SAME: dict[str, Callable[[str, str], bool]] = {
    "link": lambda a, b: relative(a) == relative(b) if "/" in b else a.rsplit("/", 1)[-1] == b,
    "case": lambda a, b: a.casefold() == b.casefold(),
    "encrypted": lambda a, b: {a, b} <= ENCRYPTED,
}


def relative(link: str) -> str:
    """A link without its host and version: an object's id."""
    return link.removeprefix(COMPUTE)


READS: dict[str, Callable[[str], str]] = {
    "url": lambda value: COMPUTE + value if value.startswith("projects/") else value,
    "name": lambda value: value.rsplit("/", 1)[-1],
    "upper": str.upper,
    "number": by_number,
    "encrypted": lambda value: "ALL_OBJECTS_ENCRYPTION_ENABLED" if value in ENCRYPTED else value,
}


def read_back(kind: str, props: Props) -> Props:
    """The outputs as the provider gives them: inputs in Google's form, on top of what was left to default."""
    row = rules(kind)
    result = deepcopy(merge(row.adds, props))
    for path, how in row.reads.items():
        value = _get(result, path)
        if isinstance(value, str) and value != UNKNOWN:
            _set(result, path, READS[how](value))
        elif isinstance(value, list):
            _set(result, path, [READS[how](each) for each in value])
    if _get(result, "controlPlaneEndpointsConfig.ipEndpointsConfig.enabled") is False:
        # https://github.com/hashicorp/terraform-provider-google: `containerClusterApiDictatedPrivateEndpointField`
        _set(result, "privateClusterConfig.enablePrivateEndpoint", True)
        result.pop("masterAuthorizedNetworksConfig", None)
    return result


def _get(props: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(props, dict) or step not in props:
            return None
        props = props[step]
    return props


def _set(props: Props, path: str, value: Any) -> None:
    """Set the value, if the block that it belongs to is there."""
    *above, last = path.split(".")
    for step in above:
        inner = props.get(step)
        if not isinstance(inner, dict):
            return
        props = inner
    props[last] = value
