"""The single-host slices of TPU v6e and what each asks of GKE and of vLLM.

Sources: https://cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus (machine types, topologies) and
https://cloud.google.com/tpu/docs/regions-zones (zones).
"""

from typing import NamedTuple


class Slice(NamedTuple):
    """A TPU slice that fits one host, so a Pod that asks for all its `chips` has the host to itself.

    `chips_per_host_bounds` is the shape libtpu wants: x,y,z, each a number of chips.
    """

    name: str
    chips: int
    machine_type: str
    topology: str
    chips_per_host_bounds: str


SLICES = {
    s.name: s
    for s in (
        Slice("v6e-1", 1, "ct6e-standard-1t", "1x1", "1,1,1"),
        Slice("v6e-4", 4, "ct6e-standard-4t", "2x2", "2,2,1"),
        Slice("v6e-8", 8, "ct6e-standard-8t", "2x4", "2,4,1"),
    )
}

ACCELERATOR = "tpu-v6e-slice"
"""Value of the node label `cloud.google.com/gke-tpu-accelerator` that GKE sets on v6e nodes."""

KNOWN_ZONES = frozenset({"us-central1-b", "us-east1-d", "us-east5-a", "us-east5-b", "europe-west4-a", "us-south1-ai1b"})
"""Zones with v6e when this was written; Google adds zones, so an unknown one is worth a warning, not a refusal."""


def tensor_parallel_sizes(chips: int) -> list[int]:
    """The tensor parallelism a slice of so many chips allows: its divisors, ascending."""
    return [n for n in range(1, chips + 1) if chips % n == 0]
