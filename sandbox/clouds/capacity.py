"""Zones without capacity: what is pretended where a test says that there is no TPU to be had.

There is one until a test sets `inventory.capacity.tpus` to False: then the cluster's autoscaler gets no TPU node
in any zone. A node pool that cannot be made at all is a fault of `sandbox.engine.faults`, with the words `STOCKOUT`.
"""

from dataclasses import dataclass

STOCKOUT = (
    "Google Compute Engine: The zone does not have enough resources available to fulfill the request: GCE_STOCKOUT"
)
"""https://cloud.google.com/kubernetes-engine/docs/troubleshooting/troubleshoot-node-pool-creation"""


@dataclass
class Capacity:
    """What zones have left: machines without TPU always, TPU hosts as long as `tpus` is true."""

    tpus: bool = True

    def has(self, chips: int) -> bool:
        """Whether a node with so many TPU chips can be had."""
        return self.tpus or not chips
