"""What nodes have left for Pods, so that nobody asks for another node who has a place already."""

from collections.abc import Collection, Mapping

from kubernetes.utils import parse_quantity

from sandbox.api_client import Json

from .affinity import Placed, fits_beside
from .container_rules import CHIPS
from .node_pools import Pool, requested

ENDED = ("Succeeded", "Failed")
RESOURCES = ("cpu", "memory", CHIPS)


def active(pod: Json) -> bool:
    """Whether a Pod takes anything of its node, which one that has ended does not."""
    return pod["status"].get("phase") not in ENDED


class Room:
    """The nodes of some pools, by their names, with the Pods that are on them; `closed` are those that take no more."""

    def __init__(self, nodes: Mapping[str, Pool], pods: list[Json], *, closed: Collection[str] = ()) -> None:
        self._pools, self._closed = nodes, closed
        self._free = {
            name: {r: parse_quantity(pool.room.get(r, "0")) for r in RESOURCES} for name, pool in nodes.items()
        }
        self.placed: list[Placed] = []
        for pod in pods:
            name = pod["spec"].get("nodeName") or pod["status"].get("nominatedNodeName")
            if name in nodes and active(pod):
                self._put(pod, name)

    def take(self, pod: Json, pool: Pool) -> bool:
        """Keep a place for a Pod on a node of a pool, other than the one that it is on, if there is one."""
        closed = {*self._closed, pod["spec"].get("nodeName")}
        for name, of in self._pools.items():
            fits = of is pool and all(requested(pod, r) <= self._free[name][r] for r in RESOURCES)
            if fits and name not in closed and fits_beside(pod, of.labels, self.placed):
                self._put(pod, name)
                return True
        return False

    def expect(self, pod: Json, pool: Pool) -> None:
        """Count with one more node of a pool, on which a Pod has a place."""
        name = f"the next node of {pool.id}, {len(self._free)}"
        self._pools = {**self._pools, name: pool}
        self._free[name] = {r: parse_quantity(pool.room.get(r, "0")) for r in RESOURCES}
        self._put(pod, name)

    def _put(self, pod: Json, name: str) -> None:
        for resource in RESOURCES:
            self._free[name][resource] -= requested(pod, resource)
        self.placed.append(Placed(pod, self._pools[name].labels))
