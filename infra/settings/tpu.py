"""The TPU pools: where their slices may be, which they are, and the nodes' disk."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from infra.google import slices

from . import places
from .explain import listed, refuse
from .scalars import Whole

SMALLEST_DISK, LARGEST_DISK = 30, 65_536
"""In GB. A disk may have 64 TiB (https://cloud.google.com/compute/docs/disks/hyperdisks). Of a small one GKE keeps half
and a tenth, and vLLM's image has to fit the rest
(https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes#local_ephemeral_storage_reservation)."""


def _of_the_region(names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    location = info.data.get("location")
    if location is None:
        return names
    if not names:
        if not places.is_zone(location):
            raise ValueError(
                f"is empty, and `location` {location} is a region. Name the zones that may hold TPU nodes, like "
                f"`pulumi config set --path 'tpuZones[0]' {location}-a`."
            )
        return (location,)
    region = places.region(location)
    refuse(
        f"contains {zone!r}, which is not a zone of {region}, the region of `location`. Use zones of that region, "
        f"like {region}-a, or change `location`."
        for zone in names
        if not re.fullmatch(rf"{region}-[a-z0-9]+", zone)
    )
    if len(set(names)) < len(names):
        raise ValueError("names a zone twice. Name each once.")
    return names


def _known(name: str) -> str:
    if name not in slices.SLICES:
        raise ValueError(f"is not a slice of one host. Use one of {listed(slices.SLICES)}.")
    return name


Zones = Annotated[tuple[str, ...], AfterValidator(_of_the_region)]
SliceName = Annotated[str, AfterValidator(_known)]
BootDisk = Annotated[Whole, Field(ge=SMALLEST_DISK, le=LARGEST_DISK)]


def warnings(names: Iterable[str]) -> Iterator[str]:
    """What may be wrong with zones."""
    for zone in names:
        if zone not in slices.KNOWN_ZONES:
            yield (
                f"tpuZones: {zone} was not known to have TPU v6e when this was written; known are "
                f"{listed(sorted(slices.KNOWN_ZONES))}. If it has none, the TPU pool stays empty and the models do not "
                "start."
            )
