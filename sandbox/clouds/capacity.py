"""Zones without capacity: what is pretended where a test says that there is no TPU to be had.

There is some until a test says otherwise: with `inventory.capacity.tpus` False there is no TPU node in any zone, and a
zone and a class that are a pair of `inventory.capacity.sold_out` have none together. A node pool that cannot be made at
all is a fault of `sandbox.engine.faults`, with the words `STOCKOUT`.
"""

from dataclasses import dataclass, field
from typing import Any

STOCKOUT = (
    "Google Compute Engine: The zone does not have enough resources available to fulfill the request: GCE_STOCKOUT"
)
"""https://cloud.google.com/kubernetes-engine/docs/troubleshooting/troubleshoot-node-pool-creation"""


def bought(config: dict[str, Any]) -> str:
    """How the nodes of a pool are bought, by its `nodeConfig`, in the words of the setting `tpuCapacity`."""
    if config.get("flexStart"):
        return "flex-start"
    if config.get("spot") or config.get("preemptible"):
        return "spot"
    specific = config.get("reservationAffinity", {}).get("consumeReservationType") == "SPECIFIC_RESERVATION"
    return "reservation" if specific else "on-demand"


@dataclass
class Capacity:
    """What zones have left: machines without TPU always, TPU hosts as long as nothing here says that there are none."""

    tpus: bool = True
    sold_out: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def has(self, chips: int, zone: str, bought: str) -> bool:
        """Whether a node with so many TPU chips can be had in a zone, bought in this way."""
        return not chips or (self.tpus and (zone, bought) not in self.sold_out)
