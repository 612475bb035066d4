"""Where the replicas of one thing run, so that they do not go together."""

from collections.abc import Mapping
from typing import Any


def apart(labels: Mapping[str, str], replicas: int) -> list[dict[str, Any]]:
    """The `topologySpreadConstraints` of Pods with these labels: evenly over nodes, and over zones if that can be.

    Only nodes whose taints the Pods tolerate count, or the TPU nodes, which they may not use, would have to be filled
    too. The Pods of an update are spread without regard to those they replace. One replica has nothing to spread.
    """
    if replicas < 2:
        return []
    pods = {"labelSelector": {"matchLabels": dict(labels)}, "matchLabelKeys": ["pod-template-hash"]}
    node = {"topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    zone = {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    return [{"maxSkew": 1, "nodeTaintsPolicy": "Honor", **place, **pods} for place in (node, zone)]
