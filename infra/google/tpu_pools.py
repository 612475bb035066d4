"""Which node pools a stack has for TPUs: one for each slice that models run on and each class of capacity."""

from typing import NamedTuple

from infra.settings import capacity
from infra.settings.schema import Settings

from .slices import Slice

NAME = "tpu"

COMPUTE_CLASS = "cloud.google.com/compute-class"
"""Label and taint of a pool that belongs to a ComputeClass, and what its Pods select
(https://cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes#manual-node-pools)."""


class Plan(NamedTuple):
    """A node pool: its `name` in Pulumi, the slice of its nodes, how they are bought (an entry of `tpuCapacity`), how
    many there are at least, and the ComputeClass that it belongs to, if there are several classes."""

    name: str
    slice: Slice
    capacity: str
    least: int
    compute_class: str


def compute_class(tpu_slice: Slice, settings: Settings) -> str:
    """The name of the ComputeClass that orders a slice's pools; nothing if there is one pool, which needs no order."""
    return f"{NAME}-{tpu_slice.name}" if len(settings.tpu_capacity) > 1 else ""


def _name(tpu_slice: Slice, entry: str, settings: Settings) -> str:
    """A name for the slice and the class, and not for the place in the list, so that other classes may come and go.

    The slice of the stack and the only class go without saying, as does on-demand: its pool is the one that stays when
    others are added.
    """
    of_slice = [] if tpu_slice.name == settings.tpu_slice else [tpu_slice.name]
    silent = len(settings.tpu_capacity) == 1 or entry == capacity.ON_DEMAND
    return "-".join([NAME, *of_slice, *([] if silent else [capacity.kind(entry)])])


def planned(settings: Settings) -> list[Plan]:
    """The TPU pools of a stack, slice by slice, in the order of `tpuCapacity`."""
    return [
        Plan(
            name=_name(tpu_slice, entry, settings),
            slice=tpu_slice,
            capacity=entry,
            least=settings.tpu_min_nodes if entry == settings.tpu_capacity[0] else 0,
            compute_class=compute_class(tpu_slice, settings),
        )
        for tpu_slice in settings.used_slices
        for entry in settings.tpu_capacity
    ]
