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


class Chip(NamedTuple):
    """One chip: `memory` in bytes, as much of it as jax may use; `flops` a second, with bfloat16; `bandwidth` of its
    memory in bytes a second."""

    memory: int
    flops: float
    bandwidth: float


V6E = Chip(memory=33_550_237_696, flops=918e12, bandwidth=1638e9)
"""918 TFLOP/s, 32 GB and 1,638 GB/s (https://docs.cloud.google.com/tpu/docs/v6e). Of the 32 GiB jax may use so many
bytes: `gpu_memory_per_device` of a v6e host in https://github.com/vllm-project/vllm/pull/16211. The compiler refuses
what is above 31.24 GiB, the same, and tpu-inference logs it as `total_hbm_limit_gb=31.24GiB`."""

ACCELERATOR = "tpu-v6e-slice"
"""Value of the node label `ACCELERATOR_LABEL` that GKE sets on v6e nodes."""
ACCELERATOR_LABEL, TOPOLOGY_LABEL = "cloud.google.com/gke-tpu-accelerator", "cloud.google.com/gke-tpu-topology"

KNOWN_ZONES = frozenset(
    {
        *("asia-northeast1-b", "europe-west4-a", "us-central1-b", "us-east1-d", "us-east5-a", "us-east5-b"),
        "us-south1-ai1b",
    }
)
"""Zones with v6e when this was written; Google adds zones, so an unknown one is worth a warning, not a refusal."""

FLEX_START_ZONES = frozenset({"asia-northeast1-b", "us-east5-a", "us-east5-b"})
"""Those of them with flex-start: https://cloud.google.com/kubernetes-engine/docs/concepts/dws#requirements."""


def tensor_parallel_sizes(chips: int) -> list[int]:
    """The tensor parallelism a slice of so many chips allows: its divisors, ascending."""
    return [n for n in range(1, chips + 1) if chips % n == 0]
