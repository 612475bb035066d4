"""What GKE does around a cluster: nodes for its node pools, more of them for Pods without a place, load balancers.

Nodes follow the node pools of the simulated Google Cloud. They are objects only: `kubelet` runs what the scheduler
binds to them. The autoscaler looks at node selectors, tolerations and requests, adds one node at a time, and never
takes one away: GKE waits ten minutes before it does. GKE's own Pods are not there, so nodes have a little more room.

Load balancers are in `services`. The VPC's firewall and NAT (`firewall`, `nat`) take effect here: what the control
plane may open to Pods, and what nodes reach.
"""

import hashlib
import threading
import time
import traceback
from collections import Counter
from contextlib import suppress

from sandbox.api_client import MERGE, UNREACHABLE, Api, ApiException, Json, now
from sandbox.clouds import nat
from sandbox.clouds.firewall import control_plane_flows
from sandbox.clouds.google_kinds import CLUSTER, POOL
from sandbox.clouds.inventory import Inventory

from . import packet_filter
from .control_plane import ControlPlane
from .isolation import CONTROL_PLANE
from .load_balancers import Services
from .node_pools import CHIPS, Pool, node_pool
from .packet_filter import Allowed

POLL_SECONDS = 0.5
NODE_INFO = (
    *("machineID", "systemUUID", "bootID", "kernelVersion", "osImage"),
    *("containerRuntimeVersion", "kubeProxyVersion", "operatingSystem", "architecture"),
)


class Gke:
    """GKE for the cluster of one simulated project. A context manager.

    A pool grows `delay` seconds after a Pod asks for it. Without `sandbox.clouds.capacity` it does not, and a
    node that is lost is not replaced.
    """

    def __init__(self, plane: ControlPlane, inventory: Inventory, *, delay: float = 1) -> None:
        self._plane, self._inventory, self._delay = plane, inventory, delay
        self._api = Api(plane.kubeconfig)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gke", daemon=True)
        self._pools: dict[str, Pool] = {}
        self._nodes: dict[str, tuple[str, str]] = {}  # a node's pool and zone
        self._made = 0
        self._targets: dict[str, int] = {}  # how many nodes a pool is to have
        self._growing: dict[str, float] = {}  # when a pool's next node comes
        self._services = Services(self._api, inventory)
        self._said: set[tuple[str, str]] = set()
        self._allowed: set[Allowed] | None = None  # as the packet filter has it

    def __enter__(self) -> "Gke":
        """Start."""
        self._plane.reaches = self._reaches
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; nodes stay, but nothing is carried any more."""
        self._stopping.set()
        self._thread.join()
        self._services.close()
        self._plane.reaches = lambda _node, _host: True
        packet_filter.apply(CONTROL_PLANE, None)

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            try:
                self._follow_pools()
                pods = self._api.items("/api/v1/pods")
                self._filter(pods)
                self._scale(pods)
                self._services.follow()
            except UNREACHABLE:
                pass
            except Exception:  # a bug of the sandbox: it says so, and goes on with what else there is to do
                with self._plane.processes.log("gke").open("a") as log:
                    log.write(traceback.format_exc())

    def _tell(self, pod: Json, reason: str, message: str, *, normal: bool = True) -> None:
        """An event of the cluster autoscaler's, once."""
        if (pod["metadata"]["uid"], message) not in self._said:
            self._said.add((pod["metadata"]["uid"], message))
            self._api.event(pod, "Pod", reason, message, source="cluster-autoscaler", normal=normal)

    # Nodes.

    def _follow_pools(self) -> None:
        with self._inventory.lock:
            clusters = self._inventory.find(CLUSTER)
            found = [(p, c) for p in self._inventory.find(POOL) for c in clusters if p.scope.startswith(c.id + "/")]
            pools = {p.id: node_pool(p, c) for p, c in found}
        self._pools = pools
        self._targets = {p.id: max(p.least, self._targets.get(p.id, p.initial)) for p in pools.values()}
        alive = {node["metadata"]["name"]: node for node in self._api.items("/api/v1/nodes")}
        for name, node in alive.items():
            pool = pools.get(self._pool_of(name))
            if not pool or not pool.labels.items() <= node["metadata"]["labels"].items():
                self._remove(name)
        self._nodes = {name: place for name, place in self._nodes.items() if name in alive}
        for pool in pools.values():
            count = len(self._zones(pool))
            if not self._has_capacity(pool):
                self._targets[pool.id] = min(self._targets[pool.id], count)  # the autoscaler gives up what never came
            for _ in range(self._targets[pool.id] - count):
                self._add(pool)

    def _has_capacity(self, pool: Pool) -> bool:
        return self._inventory.capacity.has(int(pool.room.get(CHIPS, 0)))

    def _zones(self, pool: Pool) -> list[str]:
        """The zones of a pool's nodes, one entry for each node."""
        return [zone for of, zone in self._nodes.values() if of == pool.id]

    def _add(self, pool: Pool) -> None:
        self._made += 1
        name = f"{pool.group}-{hashlib.sha256(str(self._made).encode()).hexdigest()[:4]}"
        zone = min(pool.zones, key=self._zones(pool).count)
        self._nodes[name] = (pool.id, zone)
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

    # The VPC.

    def _filter(self, pods: list[Json]) -> None:
        """Let the control plane open to Pods what the firewall lets it open to their nodes."""
        with self._inventory.lock:
            flows = control_plane_flows(self._inventory.find())
        places = [(self._pool_of(pod["spec"].get("nodeName", "")), pod["status"].get("podIP")) for pod in pods]
        allowed = None
        if flows is not None:
            allowed = {Allowed(at, f.first, f.last) for of, at in places for f in flows if at and f.pool == of}
        if allowed != self._allowed:
            packet_filter.apply(CONTROL_PLANE, allowed)
            self._allowed = allowed

    def _pool_of(self, node: str) -> str:
        return self._nodes.get(node, ("", ""))[0]

    def _reaches(self, node: str, host: str) -> bool:
        with self._inventory.lock:
            return nat.reaches(self._inventory.find(), self._pool_of(node), host)

    # The cluster autoscaler.

    def _scale(self, pods: list[Json]) -> None:
        used = {pod["spec"].get("nodeName") for pod in pods}
        free = Counter(pool for name, (pool, _) in self._nodes.items() if name not in used)
        asked: set[str] = set()
        for pod in pods:
            conditions = [(c["type"], c.get("reason")) for c in pod["status"].get("conditions", [])]
            if ("PodScheduled", "Unschedulable") in conditions and "deletionTimestamp" not in pod["metadata"]:
                asked |= self._scale_for(pod, free)
        self._growing = {pool: due for pool, due in self._growing.items() if pool in asked}

    def _scale_for(self, pod: Json, free: Counter[str]) -> set[str]:
        """Grow the first pool that would do, when it is time; which pool that is. A `free` node is taken first."""
        refusals: Counter[str] = Counter()
        for pool in self._pools.values():
            full = self._targets[pool.id] >= pool.most
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
        count, zone = self._targets[pool.id], min(pool.zones, key=self._zones(pool).count)
        groups = f"https://www.googleapis.com/compute/v1/projects/{pool.project}/zones/{zone}/instanceGroups"
        plan = f"[{{{groups}/{pool.group}-grp {count}->{count + 1} (max: {pool.most})}}]"
        self._tell(pod, "TriggeredScaleUp", f"pod triggered scale-up: {plan}")
        if self._has_capacity(pool):
            self._targets[pool.id] += 1
            del self._growing[pool.id]
        else:
            where = f"Node scale up in zones {', '.join(pool.zones)} associated with this pod failed"
            message = f"{where}: GCE out of resources. Pod is at risk of not being scheduled."
            self._tell(pod, "FailedScaleUp", message, normal=False)
