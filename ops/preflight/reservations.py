"""Whether the reservations that TPU nodes are to be taken from are there, and for such machines.

A reservation lies in one zone (https://cloud.google.com/compute/docs/instances/reservations-overview). One of another
project is left out: it is shared by its owner, and need not be readable.

One of TPUs is an `aggregateReservation`: chips of a family, which nodes of every shape take from. What GKE takes
is as its autoscaler has it, https://github.com/GoogleCloudPlatform/cluster-autoscaler at 7d250507339b, August 2026:
`MatchAggregateReservationShapeWithReasons` in pkg/reservations/matcher.go, and for `specificReservationRequired`
pkg/autoprovisioning/injection.go. What is free is counted as in `_get_reservation_count` of
https://github.com/AI-Hypercomputer/xpk/blob/0009c097e061f261d6c380b14804f18a386aabe8/src/xpk/core/capacity.py.
A `specificReservation` is one of so many machines of one type.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from .findings import Finding, fail, left_out, ok, warn
from .needs import Nodes

CHECK = "reservation"
LIST = "`gcloud compute reservations list` shows them"
FAMILY = "VM_FAMILY_CLOUD_TPU_LITE_POD_SLICE_CT6E"
SEVERAL_HOSTS = "BATCH"
"""The type of workload for slices of several hosts. GKE takes no slice of one host from it, and all here have one."""


def of_others(name: str) -> Finding:
    """What is said of a reservation of another project."""
    return left_out(
        CHECK, f"{name} is another project's", f"gcloud compute reservations describe {name.rsplit('/', 1)[-1]}, there"
    )


def _scarce(free: str, least: int) -> Finding:
    return warn(CHECK, f"{free} free, and the models take {least}", "Free some, unless this stack holds them already")


def _of_machines(where: str, of: Any, nodes: Collection[Nodes]) -> Iterator[Finding]:
    """What is wrong with a message `AllocationSpecificSKUReservation`."""
    wanted = {of_slice.slice.machine_type: of_slice for of_slice in nodes}
    kind, free = of.instance_properties.machine_type, of.count - of.in_use_count
    if kind not in wanted:
        models = " and ".join(f"{of.slice.name} is a {machine}" for machine, of in wanted.items())
        yield fail(
            CHECK,
            f"{where} is for {kind}, and {models}",
            f"Set `tpuSlice` or the reservation of `tpuCapacity` to what goes together; {LIST}",
        )
    elif free < wanted[kind].least:
        yield _scarce(f"{where} has {free} of {of.count} machines", wanted[kind].least)


def _chips(resources: Iterable[Any]) -> int:
    """The chips of messages `AllocationAggregateReservationReservedResourceInfo`."""
    return sum(one.accelerator.accelerator_count for one in resources)


def _of_chips(where: str, of: Any, nodes: Collection[Nodes]) -> Iterator[Finding]:
    """What is wrong with a message `AllocationAggregateReservation`. The pools of all slices take from it."""
    all_, least = _chips(of.reserved_resources), sum(one.chips(one.least) for one in nodes)
    free = all_ - _chips(of.in_use_resources)
    name = f"Name one of TPU v6e for serving in `tpuCapacity`; {LIST}"
    if of.vm_family != FAMILY:
        yield fail(CHECK, f"{where} is for {of.vm_family or 'no family of machines'}, and TPU v6e is {FAMILY}", name)
    elif of.workload_type == SEVERAL_HOSTS:
        yield fail(CHECK, f"{where} is for {SEVERAL_HOSTS}: slices of several hosts. All slices here have one", name)
    elif free < least:
        yield _scarce(f"{where} has {free} of {all_} chips", least)


def _problems(where: str, reservation: Any, nodes: Collection[Nodes]) -> Iterator[Finding]:
    if "aggregate_reservation" in reservation:
        yield from _of_chips(where, reservation.aggregate_reservation, nodes)
    elif reservation.specific_reservation.instance_properties.machine_type:
        yield from _of_machines(where, reservation.specific_reservation, nodes)
    else:
        do = "gcloud compute reservations describe, and see whether it is for TPU v6e"
        yield left_out(CHECK, f"{where} says neither what chips it holds nor what machines", do)
    if not reservation.specific_reservation_required:
        yield warn(
            CHECK,
            f"{where} is open to every machine (specificReservationRequired is false). The nodes ask for it by name",
            "Have one made with --require-specific-reservation, or drop it from `tpuCapacity`",
        )


def findings(
    name: str, found: Mapping[str, Any], zones: Collection[str], nodes: Collection[Nodes]
) -> Iterator[Finding]:
    """What is to say of a reservation; `found` has the messages `Reservation` of this name by zone, and it is of use
    to the `nodes`: all slices those of one of chips, one of them that of one of machines."""
    if not found:
        yield fail(CHECK, f"{name} is not in {', '.join(zones)}", f"Name one that is in `tpuCapacity`; {LIST}")
    for zone, reservation in found.items():
        where = f"{name} in {zone}"
        yield from list(_problems(where, reservation, nodes)) or [ok(CHECK, f"{name} is in {zone}")]
