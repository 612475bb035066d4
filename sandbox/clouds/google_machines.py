"""Machine types of Compute Engine, where they are, and the disks that they take, from `data/google_machines.yaml`.

Left out: which of the families for general use a zone lacks (all have them but the zones of AI), custom types, and
local disks.
"""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

DATA = Path(__file__).with_name("data")
DEFAULT = "e2-medium"
"""https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/NodeConfig: the machine if none is named."""


class Machine(NamedTuple):
    """A machine type. `disks` are the types that it boots from, the default first; `zones` is None if all have it.

    `topology` is that of a TPU slice of one such host, which has all of its chips.
    """

    vcpus: int
    gb: float
    disks: tuple[str, ...]
    zones: frozenset[str] | None = None
    chips: int = 0
    topology: str = ""


@cache
def data(name: str) -> dict[str, Any]:
    """One of the data files."""
    return yaml.safe_load((DATA / name).read_text())


@cache
def machines() -> dict[str, Machine]:
    """Every machine type that is known, by its name."""
    tables = data("google_machines.yaml")
    found: dict[str, Machine] = {}
    for family, shapes in tables["families"].items():
        disks = tuple(shapes["disks"])
        for shape, table in shapes.items():
            for size in table["sizes"] if shape != "disks" else ():
                gb = table.get("gb", {}).get(size, size * table["gb_per_vcpu"])
                found[f"{family}-{shape}-{size}"] = Machine(size, gb, disks)
    for group in ("shared", "tpu"):
        table = tables[group]
        zones = frozenset(table["zones"]) if "zones" in table else None
        for name, values in table.items():
            if name not in ("disks", "zones"):
                found[name] = Machine(**values, disks=tuple(table["disks"]), zones=zones)
    return found


def machine(kind: str) -> Machine:
    """The machine type of this name, which must be a known one."""
    return machines()[kind]


@cache
def zones() -> frozenset[str]:
    """Every zone that is known."""
    table = data("google_machines.yaml")["zones"]
    lettered = {f"{r}-{x}" for r in table["regions"] for x in table["others"].get(r, table["letters"])}
    return frozenset(lettered | set(table["ai"]))


def regions() -> frozenset[str]:
    """Every region that is known."""
    return frozenset(data("google_machines.yaml")["zones"]["regions"])


def zones_of(location: str) -> list[str]:
    """The zones in which GKE puts nodes, if it is told no others: the zone itself, or three of the region's."""
    if location not in regions():
        return [location]
    general = zones() - set(data("google_machines.yaml")["zones"]["ai"])
    return sorted(zone for zone in general if zone.rsplit("-", 1)[0] == location)[:3]


def is_in(kind: str, zone: str) -> bool:
    """Whether the machine type exists and can be had in the zone."""
    found = machines().get(kind)
    general = zones() - set(data("google_machines.yaml")["zones"]["ai"])
    return found is not None and zone in (general if found.zones is None else found.zones)


TPU_MACHINES = {name: (m.chips, m.topology) for name, m in machines().items() if m.chips}
"""Machine types with v6e chips: chips of a host, and the topology of a slice that is one host."""
