"""How TPU capacity is bought: the classes of `tpuCapacity`, in the order in which GKE tries them.

Google's own order for accelerators is reservation, on-demand, flex-start, spot
(https://github.com/GoogleCloudPlatform/accelerated-platforms, custom compute classes for obtainability); the order that
the stack file gives is kept. docs/capacity.md says what each class costs and when it ends.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Annotated

from packaging.version import Version
from pydantic import AfterValidator, Field, ValidationInfo

from infra.google import slices

from .explain import listed, refuse
from .scalars import TrueOrFalse, Whole

RESERVATION, ON_DEMAND, FLEX_START, SPOT = "reservation", "on-demand", "flex-start", "spot"
WRITTEN = (f"{RESERVATION}:NAME", ON_DEMAND, FLEX_START, SPOT)
ENDING = frozenset({FLEX_START, SPOT})
"""Classes whose nodes Google takes back."""

SHORTEST, LONGEST = 10 * 60, 7 * 24 * 60 * 60
"""Life of a flex-start node in seconds: `minFlexStartMRDInSeconds` and `maxFlexStartMRDInSeconds` in
https://github.com/GoogleCloudPlatform/cluster-autoscaler (pkg/autoprovisioning/injection.go)."""

FLEX_START_GKE = "1.33.0-gke.1712000"
"""Oldest GKE with flex-start for TPUs: https://cloud.google.com/kubernetes-engine/docs/concepts/dws#requirements."""


def kind(name: str) -> str:
    """The class of an entry, `reservation` of `reservation:NAME`."""
    return name.partition(":")[0]


def reservation(name: str) -> str:
    """The reservation that an entry names, nothing for other classes."""
    return name.partition(":")[2]


def _entry_problem(name: str) -> str | None:
    if name == RESERVATION:
        return (
            f"contains '{RESERVATION}', which names none. Write {RESERVATION}:NAME; `gcloud compute reservations list` "
            "shows them."
        )
    if kind(name) == RESERVATION and not re.fullmatch(
        r"(projects/[^/\s]+/reservations/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?", reservation(name)
    ):
        return (
            f"contains {name!r}, which has no name of a reservation. Use one of `gcloud compute reservations list`; a "
            f"shared one is {RESERVATION}:projects/PROJECT_ID/reservations/NAME."
        )
    if kind(name) != RESERVATION and name not in WRITTEN:
        return f"contains {name!r}, which is no class of capacity. Use {listed(WRITTEN)}."
    return None


def _classes(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError(f"is empty. Name at least one of {listed(WRITTEN)}.")
    refuse(map(_entry_problem, names))
    kinds = list(map(kind, names))
    if kinds.count(RESERVATION) > 1:
        raise ValueError("names two reservations, and a slice has one node pool for each class. Name one.")
    if len(set(kinds)) < len(kinds):
        raise ValueError("names a class twice. Name each once.")
    return names


def _moves_between_classes(migration: bool, info: ValidationInfo) -> bool:
    names = info.data.get("tpu_capacity", ())
    if migration and len(names) == 1:
        raise ValueError(
            f"has nowhere to move to, as `tpuCapacity` is {names[0]} alone. Name more classes, or remove it."
        )
    return migration


def _no_node_is_kept_by_flex_start(fewest: int, info: ValidationInfo) -> int:
    names = info.data.get("tpu_capacity", ())
    if fewest and names and names[0] == FLEX_START:
        raise ValueError(
            f"keeps nodes of the first class of `tpuCapacity`, and {FLEX_START} has none that stay. Set it to 0, or "
            "put another class first."
        )
    return fewest


def _has_flex_start(version: str, info: ValidationInfo) -> str:
    wanted = FLEX_START in info.data.get("tpu_capacity", ())
    if version and wanted and _number(version) < _number(FLEX_START_GKE):
        raise ValueError(
            f"has no {FLEX_START} for TPUs, which `tpuCapacity` names. Use {FLEX_START_GKE} or newer, or remove it to "
            "use the channel's."
        )
    return version


def _number(version: str) -> Version:
    return Version(version.replace("-gke.", "."))


Classes = Annotated[tuple[str, ...], AfterValidator(_classes)]
Migration = Annotated[TrueOrFalse, AfterValidator(_moves_between_classes)]
FlexStartSeconds = Annotated[Whole, Field(ge=SHORTEST, le=LONGEST)]
NotOfFlexStart = AfterValidator(_no_node_is_kept_by_flex_start)
WithFlexStart = AfterValidator(_has_flex_start)


def warnings(names: Collection[str], zones: Iterable[str], *, protect: bool) -> Iterator[str]:
    """What classes may cost later."""
    if protect and {kind(name) for name in names} <= ENDING:
        yield (
            f"tpuCapacity: {listed(names)} alone, on a stack with `protect: true`: Google takes such nodes back, and "
            f"without capacity for the next one the models stay down. Name {ON_DEMAND} or a reservation as well "
            "(docs/capacity.md)."
        )
    for zone in zones if FLEX_START in names else ():
        if zone not in slices.FLEX_START_ZONES:
            yield (
                f"tpuCapacity: {zone} was not known to have {FLEX_START} for TPU v6e when this was written; known are "
                f"{listed(sorted(slices.FLEX_START_ZONES))}. If it has none, that pool stays empty."
            )
