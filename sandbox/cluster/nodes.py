"""The nodes of a cluster: as many as its node pools in the simulated Google Cloud are to have.

They are objects only: `kubelet` runs what the scheduler binds to them. A pool has none while the firewall keeps its
nodes from their control plane. GKE's own Pods are not there, so nodes have a
little more room.
"""

import hashlib
from collections import Counter
from contextlib import suppress

from sandbox.api_client import MERGE, ApiException, Json, now
from sandbox.clouds.firewall import reaches_control_plane
from sandbox.clouds.google_kinds import CLUSTER, POOL
from sandbox.clouds.inventory import Inventory

from .control_plane import ControlPlane
from .node_pools import Pool, node_pool

NODE_INFO = (
    *("machineID", "systemUUID", "bootID", "kernelVersion", "osImage"),
    *("containerRuntimeVersion", "kubeProxyVersion", "operatingSystem", "architecture"),
)
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"
"""Taint of a node that the autoscaler drains (pkg/utils/taints in https://github.com/kubernetes/autoscaler)."""


def takes_none(node: Json) -> bool:
    """Whether a node takes no more Pods: somebody has cordoned it, or the autoscaler drains it."""
    spec = node["spec"]
    return bool(spec.get("unschedulable")) or TO_BE_DELETED in [taint["key"] for taint in spec.get("taints", [])]


class Nodes:
    """The nodes, and the node pools that they follow.

    `pools` are by their IDs, as are `targets`, how many nodes a pool is to have, which the autoscaler changes. `places`
    has the pool and the zone of each node, `closed` the names of those that take no more Pods.
    """

    def __init__(self, plane: ControlPlane, inventory: Inventory) -> None:
        self.pools: dict[str, Pool] = {}
        self.targets: dict[str, int] = {}
        self.places: dict[str, tuple[str, str]] = {}
        self.closed: set[str] = set()
        self._plane, self._api, self._inventory = plane, plane.api, inventory
        self._made = 0

    def follow(self) -> None:
        """Do what has changed."""
        with self._inventory.lock:
            items, clusters = self._inventory.find(), self._inventory.find(CLUSTER)
            found = [(p, c) for p in self._inventory.find(POOL) for c in clusters if p.scope.startswith(c.id + "/")]
            pools = {p.id: node_pool(p, c) for p, c in found if reaches_control_plane(items, c, p)}
        self.pools = pools
        self.targets = {p.id: max(p.least, self.targets.get(p.id, p.initial)) for p in pools.values()}
        alive = {node["metadata"]["name"]: node for node in self._api.items("/api/v1/nodes")}
        for name, node in alive.items():
            pool = pools.get(self.pool_of(name))
            if not pool or not pool.labels.items() <= node["metadata"]["labels"].items():
                self._remove(name)
        self.places = {name: place for name, place in self.places.items() if name in alive}
        self.closed = {name for name, node in alive.items() if takes_none(node)}
        for pool in pools.values():
            count = self._count(pool).total()
            for _ in range(self.targets[pool.id] - count):
                zones = [zone for zone in self.zones(pool) if self.has_capacity(pool, zone)]
                if not zones:
                    self.targets[pool.id] = self._count(pool).total()  # the autoscaler gives up what never came
                    break
                self._add(pool, zones[0])

    def has_capacity(self, pool: Pool, zone: str) -> bool:
        """Whether Google Cloud has a machine for one more node there."""
        return self._inventory.capacity.has(pool.chips, zone, pool.bought)

    def grow(self, pool: Pool, zone: str) -> None:
        """One more node."""
        self.targets[pool.id] += 1
        self._add(pool, zone)

    def shrink(self, name: str) -> None:
        """One node less: this one."""
        self.targets[self.pool_of(name)] -= 1
        self._remove(name)
        del self.places[name]

    def mark(self, name: str, *, leaving: bool) -> None:
        """Put the autoscaler's taint on a node, so that no Pod comes to it any more, or take it off."""
        pool = self.pools[self.pool_of(name)]
        taints = [*pool.taints, *([{"key": TO_BE_DELETED, "effect": "NoSchedule"}] if leaving else [])]
        self._api("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": taints}}, content=MERGE)

    def pool_of(self, node: str) -> str:
        """The ID of a node's pool, empty for a node that is unknown."""
        return self.places.get(node, ("", ""))[0]

    def zones(self, pool: Pool) -> list[str]:
        """Where a pool's next node may come: the zones with the fewest first."""
        return sorted(pool.zones, key=self._count(pool).__getitem__)

    def _count(self, pool: Pool) -> Counter[str]:
        """How many nodes a pool has in each zone."""
        return Counter(zone for of, zone in self.places.values() if of == pool.id)

    def _add(self, pool: Pool, zone: str) -> None:
        self._made += 1
        name = f"{pool.group}-{hashlib.sha256(str(self._made).encode()).hexdigest()[:4]}"
        self.places[name] = (pool.id, zone)
        self._plane.pulled.pop(name, None)
        labels = {
            **pool.labels,
            "kubernetes.io/hostname": name,
            "topology.kubernetes.io/zone": zone,
            "topology.kubernetes.io/region": zone.rsplit("-", 1)[0],
        }
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
        }
        ready |= {"lastHeartbeatTime": now(), "lastTransitionTime": now()}
        status = {
            "capacity": pool.room,
            "allocatable": pool.room,
            "conditions": [ready],
            "addresses": [{"type": "InternalIP", "address": f"10.0.{self._made // 250}.{self._made % 250 + 2}"}],
            "nodeInfo": dict.fromkeys(NODE_INFO, "simulated") | {"kubeletVersion": f"v{pool.version}"},
        }
        node = {"kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {"taints": pool.taints}}
        self._api("POST", "/api/v1/nodes", {**node, "status": status})
        # Admission marks every new node as not ready; the controller that would see otherwise asks for a kubelet.
        self._api("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": pool.taints}}, content=MERGE)

    def _remove(self, name: str) -> None:
        """Delete a node, and the Pods that nobody can stop any more."""
        self._api("DELETE", f"/api/v1/nodes/{name}")
        for pod in self._api.items("/api/v1/pods", fieldSelector=f"spec.nodeName={name}"):
            path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
            with suppress(ApiException):
                self._api("DELETE", path, {"gracePeriodSeconds": 0})
