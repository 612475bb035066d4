"""The cluster autoscaler: more nodes for Pods that the scheduler finds no place for.

It looks at node selectors, tolerations, requests and required affinity, and adds one node at a time. Nobody gets a node
who has a place on one that is there, who is about to preempt others, or whose priority is below `CUT_OFF`. Which pool
and zone are next is decided in `scale_up`.

A node is taken away only to move what runs on it to a better one (`activeMigration` of a ComputeClass), once that is
there: one that is idle stays, as GKE waits ten minutes. Pods that wait come before Pods that are to move.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sandbox.api_client import Api, Json

from .affinity import fits_beside, likes
from .migration import Drains, obstacle, to_move
from .node_pools import Pool
from .nodes import Nodes
from .room import Room, active
from .scale_up import Backoff, better, choose, ordered

CLASSES = "/apis/cloud.google.com/v1/computeclasses"
BUDGETS = "/apis/policy/v1/poddisruptionbudgets"
CUT_OFF = -10
"""Below it, Pods are expendable (`--expendable-pods-priority-cutoff`). They and those with a `nominatedNodeName` are
left out by `FilterOutExpendableAndSplit` of the autoscaler's core/utils/expendable.go."""


class Autoscaler:
    """The autoscaler of a cluster's nodes. A pool grows `delay` seconds after a Pod asks for it."""

    def __init__(self, api: Api, nodes: Nodes, *, delay: float) -> None:
        self._api, self._nodes, self._delay = api, nodes, delay
        self._growing: dict[str, float] = {}  # when a pool's next node comes
        self._backoff, self._drains = Backoff(), Drains(api, nodes)
        self._said: set[tuple[str, str]] = set()

    def follow(self, pods: list[Json]) -> None:
        """Do what is due for these Pods, all of the cluster."""
        pools = self._nodes.pools
        on = {name: pools[pool] for name, (pool, _) in self._nodes.places.items() if pool in pools}
        room = Room(on, pods, closed=self._nodes.closed)
        classes = {found["metadata"]["name"]: found for found in self._api.items(CLASSES)}
        asked: set[str] = set()
        for pod in sorted(pods, key=_priority, reverse=True):
            if waits_for_a_node(pod) and not self._has_place(pod, room):
                asked |= self._ask(pod, ordered(pod, pools.values(), classes), room)
        self._drains.follow(pods)
        if not asked and not self._drains.going_on:
            asked = self._move(on, pods, room, classes)
        self._growing = {pool: due for pool, due in self._growing.items() if pool in asked}

    def _has_place(self, pod: Json, room: Room, *, outside: Pool | None = None) -> bool:
        """Whether there is room for a Pod on a node other than its own, `outside` of a pool if one is given, which is
        then taken: the scheduler finds it."""
        pools = [pool for pool in self._nodes.pools.values() if pool is not outside]
        return any(room.take(pod, pool) for pool in pools if likes(pod, pool.labels) and not pool.refuses(pod))

    def _move(self, on: Mapping[str, Pool], pods: list[Json], room: Room, classes: Mapping[str, Json]) -> set[str]:
        """Empty the first node whose Pods have a place on others, or grow a pool that is better; which pool that is.

        Nodes of its own pool are none of the others, as all of them are to be left: `simulateNodeRemovals` has no
        candidate for a destination (pkg/defrag/processor/simulation.go, see `migration`).
        """
        found = {node: better(pool, self._nodes.pools.values(), classes) for node, pool in on.items()}
        worse = [node for node in sorted(on) if found[node] and node not in self._nodes.closed]
        budgets = self._api.items(BUDGETS) if worse else []
        for node in worse:
            least, moving = on[node].least, to_move(pods, node)
            if self._nodes.targets[on[node].id] <= least or self._drains.rests(node) or obstacle(moving, budgets):
                continue
            homeless = [pod for pod in moving if not self._has_place(pod, room, outside=on[node])]
            if not homeless:
                self._drains.start(node)
                return set()
            if asked := self._ask(homeless[0], found[node], room):
                return asked
        return set()

    def _ask(self, pod: Json, candidates: Iterable[Pool], room: Room) -> set[str]:
        """Grow the first of some pools that would do, when it is time; which pool that is. `room` then counts it."""
        now, pools = time.monotonic(), self._nodes.pools.values()
        apart = {pool.id for pool in pools if not likes(pod, pool.labels)}
        apart |= {pool.id for pool in pools if not fits_beside(pod, pool.labels, room.placed)}
        zoned = [replace(pool, zones=self._nodes.zones(pool)) for pool in candidates]
        full = {pool.id for pool in pools if self._nodes.targets[pool.id] >= pool.most}
        resting = self._backoff.resting(now)
        pool, zone, refusals = choose(pod, zoned, full=full, resting=resting, apart=apart)
        if pool is None:
            reasons = (
                ", ".join(f"{count} {reason}" for reason, count in sorted(refusals.items())) or "no pool is led to"
            )
            self._tell(pod, "NotTriggerScaleUp", f"pod didn't trigger scale-up: {reasons}")
            return set()
        room.expect(pod, self._nodes.pools[pool.id])
        if now >= self._growing.setdefault(pool.id, now + self._delay):
            self._grow(pool, zone, pod)
        return {pool.id}

    def _grow(self, pool: Pool, zone: str, pod: Json) -> None:
        count = self._nodes.targets[pool.id]
        groups = f"https://www.googleapis.com/compute/v1/projects/{pool.project}/zones/{zone}/instanceGroups"
        plan = f"[{{{groups}/{pool.group}-grp {count}->{count + 1} (max: {pool.most})}}]"
        self._tell(pod, "TriggeredScaleUp", f"pod triggered scale-up: {plan}")
        if self._nodes.has_capacity(pool, zone):
            self._nodes.grow(pool, zone)
            del self._growing[pool.id]
        else:
            self._backoff.failed((pool.id, zone), time.monotonic())
            where = f"Node scale up in zones {zone} associated with this pod failed"
            message = f"{where}: GCE out of resources. Pod is at risk of not being scheduled."
            self._tell(pod, "FailedScaleUp", message, normal=False)

    def _tell(self, pod: Json, reason: str, message: str, *, normal: bool = True) -> None:
        """An event, once."""
        if (pod["metadata"]["uid"], message) not in self._said:
            self._said.add((pod["metadata"]["uid"], message))
            self._api.event(pod, "Pod", reason, message, source="cluster-autoscaler", normal=normal)


def _priority(pod: Json) -> int:
    return pod["spec"].get("priority", 0)


def waits_for_a_node(pod: Json) -> bool:
    """Whether the scheduler has found no place for a Pod, and a node may be added for it."""
    conditions = [(c["type"], c.get("reason")) for c in pod["status"].get("conditions", [])]
    unscheduled = ("PodScheduled", "Unschedulable") in conditions and "deletionTimestamp" not in pod["metadata"]
    return unscheduled and active(pod) and not pod["status"].get("nominatedNodeName") and _priority(pod) >= CUT_OFF
