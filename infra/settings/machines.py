"""Machine types for the nodes that run the platform.

Sources: https://cloud.google.com/compute/docs/general-purpose-machines and .../compute-optimized-machines (sizes),
https://cloud.google.com/kubernetes-engine/docs/concepts/arm-on-gke (the taint of Arm nodes),
https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes (what GKE keeps of a node's memory).
"""

import re
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

ARM = frozenset({"t2a", "c4a", "n4a"})
LEAST_GB, COMFORTABLE_VCPUS = 4, 4
"""istiod alone asks for 2 GiB, and of 2 GB GKE keeps a quarter."""

_POWERS = "2 4 8 16 32 "
_TYPES = {
    "e2": {"standard": (4, _POWERS), "highmem": (8, "2 4 8 16"), "highcpu": (1, _POWERS)},
    "n1": {
        "standard": (3.75, "1 2 4 8 16 32 64 96"),
        "highmem": (6.5, _POWERS + "64 96"),
        "highcpu": (0.9, _POWERS + "64 96"),
    },
    "n2": {
        "standard": (4, _POWERS + "48 64 80 96 128"),
        "highmem": (8, _POWERS + "48 64 80 96 128"),
        "highcpu": (1, _POWERS + "48 64 80 96"),
    },
    "n2d": {
        "standard": (4, _POWERS + "48 64 80 96 128 224"),
        "highmem": (8, _POWERS + "48 64 80 96"),
        "highcpu": (1, _POWERS + "48 64 80 96 128 224"),
    },
    "n4": {
        "standard": (4, _POWERS + "48 64 80"),
        "highmem": (8, _POWERS + "48 64 80"),
        "highcpu": (2, _POWERS + "48 64 80"),
    },
    "n4d": {
        "standard": (4, _POWERS + "48 64 80 96"),
        "highmem": (8, _POWERS + "48 64 80 96"),
        "highcpu": (2, _POWERS + "48 64 80 96"),
    },
    "t2d": {"standard": (4, "1 2 4 8 16 32 48 60")},
    "c2": {"standard": (4, "4 8 16 30 60")},
    "c2d": {
        "standard": (4, _POWERS + "56 112"),
        "highmem": (8, _POWERS + "56 112"),
        "highcpu": (2, _POWERS + "56 112"),
    },
    "c3": {"standard": (4, "4 8 22 44 88 176"), "highmem": (8, "4 8 22 44 88 176"), "highcpu": (2, "4 8 22 44 88 176")},
    "c3d": {
        "standard": (4, "4 8 16 30 60 90 180 360"),
        "highmem": (8, "4 8 16 30 60 90 180 360"),
        "highcpu": (2, "4 8 16 30 60 90 180 360"),
    },
    "c4": {
        "standard": (3.75, "2 4 8 16 24 32 48 96 144 192 288"),
        "highmem": (7.75, "2 4 8 16 24 32 48 96 144 192 288"),
        "highcpu": (2, "2 4 8 16 24 32 48 96 144 192 288"),
    },
    "c4d": {
        "standard": (3.875, "2 4 8 16 32 48 64 96 192 384"),
        "highmem": (7.875, "2 4 8 16 32 48 64 96 192 384"),
        "highcpu": (1.875, "2 4 8 16 32 48 64 96 192 384"),
    },
}
_SHARED = {"f1-micro": 0.6, "g1-small": 1.7, "e2-micro": 1, "e2-small": 2, "e2-medium": 4}


class Machine(NamedTuple):
    """What a machine has: virtual processors, of which a shared core counts as one, and memory."""

    vcpus: int
    gb: float


def known(machine_type: str) -> Machine | None:
    """The machine of a type, if it is among those that were known when this was written."""
    if machine_type in _SHARED:
        return Machine(1, _SHARED[machine_type])
    if custom := re.fullmatch(r"(?:([a-z0-9]+)-)?custom-([0-9]{1,3})-([0-9]{3,7})(-ext)?", machine_type):
        return Machine(int(custom[2]), int(custom[3]) / 1024) if (custom[1] or "n1") in _TYPES else None
    if named := re.fullmatch(r"([a-z0-9]+)-([a-z]+)-([0-9]+)(-lssd)?", machine_type):
        gb_per_vcpu, sizes = _TYPES.get(named[1], {}).get(named[2], (0, ""))
        return Machine(int(named[3]), gb_per_vcpu * int(named[3])) if named[3] in sizes.split() else None
    return None


def _check(machine_type: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", machine_type) or len(machine_type) > 63:
        raise ValueError("is not a machine type. Use one like e2-standard-4 (4 vCPUs or more).")
    if re.match(r"(ct|tpu)[0-9]", machine_type):
        raise ValueError("is a TPU machine, and only Pods that ask for TPUs run there. Use one like e2-standard-4.")
    if machine_type.partition("-")[0] in ARM:
        raise ValueError(
            "has an Arm processor. GKE taints such nodes, and nothing of the platform tolerates that. Use one like "
            "e2-standard-4."
        )
    machine = known(machine_type)
    if machine and machine.gb < LEAST_GB:
        raise ValueError(
            f"has {machine.gb:g} GB of memory, and istiod alone asks for 2 GiB of what GKE leaves of it. Use one with "
            "more, like e2-standard-4."
        )
    return machine_type


MachineType = Annotated[str, AfterValidator(_check)]


def warnings(machine_type: str) -> Iterator[str]:
    """What may be wrong with a machine type."""
    machine = known(machine_type)
    if machine is None:
        yield (
            f"systemMachineType: {machine_type} is not among the machine types that were known when this was written. "
            "If it is none, the cluster gets no nodes: `gcloud compute machine-types list`."
        )
    elif machine.vcpus < COMFORTABLE_VCPUS:
        yield (
            f"systemMachineType: {machine_type} may be too small for Istio, KServe and the endpoint pickers; "
            "e2-standard-4 holds them."
        )
