"""Whether the reservations that TPU nodes are to be taken from are there, and for such machines.

A reservation lies in one zone (https://cloud.google.com/compute/docs/instances/reservations-overview). One of another
project is left out: it is shared by its owner, and need not be readable.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .findings import Finding, fail, left_out, ok, warn
from .needs import Nodes

CHECK = "reservation"
LIST = "`gcloud compute reservations list` shows them"


def of_others(name: str) -> Finding:
    """What is said of a reservation of another project."""
    return left_out(
        CHECK, f"{name} is another project's", f"gcloud compute reservations describe {name.rsplit('/', 1)[-1]}, there"
    )


def findings(
    name: str, found: Mapping[str, Any], zones: Collection[str], nodes: Collection[Nodes]
) -> Iterator[Finding]:
    """What is to say of a reservation; `found` has the messages `Reservation` of this name by zone, and it is of use
    to the `nodes` of one of the slices."""
    wanted = {of_slice.slice.machine_type: of_slice for of_slice in nodes}
    if not found:
        yield fail(CHECK, f"{name} is not in {', '.join(zones)}", f"Name one that is in `tpuCapacity`; {LIST}")
    for zone, reservation in found.items():
        specific = reservation.specific_reservation
        kind = specific.instance_properties.machine_type
        free = specific.count - specific.in_use_count
        if kind and kind not in wanted:
            models = " and ".join(f"{of.slice.name} is a {machine}" for machine, of in wanted.items())
            yield fail(
                CHECK,
                f"{name} in {zone} is for {kind}, and {models}",
                f"Set `tpuSlice` or the reservation of `tpuCapacity` to what goes together; {LIST}",
            )
        elif kind and free < wanted[kind].least:
            yield warn(
                CHECK,
                f"{name} in {zone} has {free} of {specific.count} machines free, and the models take "
                f"{wanted[kind].least}",
                "Free some, unless this stack holds them already",
            )
        else:
            yield ok(CHECK, f"{name} is in {zone}")
