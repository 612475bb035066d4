"""Where a Pod with TPU chips may run: on nodes of its slice, and of the class that orders their pools."""

from typing import Any

from infra.google import slices
from infra.google.tpu_pools import COMPUTE_CLASS


def placement(tpu_slice: slices.Slice, compute_class: str = "") -> dict[str, Any]:
    """The node selector and the tolerations of a Pod that takes a whole slice.

    All pools of a class have the labels of their slice, so that its Pods may select both. GKE adds the toleration of
    the class's taint itself
    (https://cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes#manual-node-pools).
    """
    return {
        "nodeSelector": {
            slices.ACCELERATOR_LABEL: slices.ACCELERATOR,
            slices.TOPOLOGY_LABEL: tpu_slice.topology,
            **({COMPUTE_CLASS: compute_class} if compute_class else {}),
        },
        "tolerations": [{"key": "google.com/tpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}],
    }
