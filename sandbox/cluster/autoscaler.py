"""The cluster autoscaler: more nodes for Pods that the scheduler finds no place for.

It looks at node selectors, tolerations and requests, adds one node at a time, and never takes one away: GKE waits ten
minutes before it does.
"""

import time
from collections import Counter

from sandbox.api_client import Api, Json

from .node_pools import Pool
from .nodes import Nodes


class Autoscaler:
    """The autoscaler of a cluster's nodes. A pool grows `delay` seconds after a Pod asks for it."""

    def __init__(self, api: Api, nodes: Nodes, *, delay: float) -> None:
        self._api, self._nodes, self._delay = api, nodes, delay
        self._growing: dict[str, float] = {}  # when a pool's next node comes
        self._said: set[tuple[str, str]] = set()

    def follow(self, pods: list[Json]) -> None:
        """Do what is due for these Pods, all of the cluster."""
        used = {pod["spec"].get("nodeName") for pod in pods}
        free = Counter(pool for name, (pool, _) in self._nodes.places.items() if name not in used)
        asked: set[str] = set()
        for pod in pods:
            conditions = [(c["type"], c.get("reason")) for c in pod["status"].get("conditions", [])]
            if ("PodScheduled", "Unschedulable") in conditions and "deletionTimestamp" not in pod["metadata"]:
                asked |= self._scale_for(pod, free)
        self._growing = {pool: due for pool, due in self._growing.items() if pool in asked}

    def _scale_for(self, pod: Json, free: Counter[str]) -> set[str]:
        """Grow the first pool that would do, when it is time; which pool that is. A `free` node is taken first."""
        refusals: Counter[str] = Counter()
        for pool in self._nodes.pools.values():
            full = self._nodes.targets[pool.id] >= pool.most
            refusal = pool.refuses(pod)
            if not refusal and free[pool.id]:
                free[pool.id] -= 1  # the scheduler is about to find it
                return set()
            refusal = refusal or ("max node group size reached" if full else None)
            if refusal:
                refusals[refusal] += 1
                continue
            if time.monotonic() >= self._growing.setdefault(pool.id, time.monotonic() + self._delay):
                self._grow(pool, pod)
            return {pool.id}
        if refusals:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(refusals.items()))
            self._tell(pod, "NotTriggerScaleUp", f"pod didn't trigger scale-up: {reasons}")
        return set()

    def _grow(self, pool: Pool, pod: Json) -> None:
        count, zone = self._nodes.targets[pool.id], self._nodes.next_zone(pool)
        groups = f"https://www.googleapis.com/compute/v1/projects/{pool.project}/zones/{zone}/instanceGroups"
        plan = f"[{{{groups}/{pool.group}-grp {count}->{count + 1} (max: {pool.most})}}]"
        self._tell(pod, "TriggeredScaleUp", f"pod triggered scale-up: {plan}")
        if self._nodes.has_capacity(pool):
            self._nodes.targets[pool.id] += 1
            del self._growing[pool.id]
        else:
            where = f"Node scale up in zones {', '.join(pool.zones)} associated with this pod failed"
            message = f"{where}: GCE out of resources. Pod is at risk of not being scheduled."
            self._tell(pod, "FailedScaleUp", message, normal=False)

    def _tell(self, pod: Json, reason: str, message: str, *, normal: bool = True) -> None:
        """An event, once."""
        if (pod["metadata"]["uid"], message) not in self._said:
            self._said.add((pod["metadata"]["uid"], message))
            self._api.event(pod, "Pod", reason, message, source="cluster-autoscaler", normal=normal)
