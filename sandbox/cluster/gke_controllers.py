"""What GKE does around a cluster: nodes for its node pools, the autoscaler, load balancers, the VPC's network, metrics.

The VPC's firewall and NAT (`clouds.firewall`, `clouds.nat`) take effect here, and with them the cluster's
NetworkPolicies (`policy_filter`): what the control plane and Pods may open, and what nodes and Pods reach.
"""

import threading
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_network

from sandbox.api_client import UNREACHABLE, Json
from sandbox.clouds import google_repositories, monitoring, nat
from sandbox.clouds.firewall import control_plane_flows
from sandbox.clouds.google_kinds import CLUSTER
from sandbox.clouds.inventory import Inventory
from sandbox.clouds.registries import Remote

from . import metadata_server, monitoring_api, packet_filter
from .addresses import CONTROL_PLANE
from .autoscaler import Autoscaler
from .collectors import Collectors
from .control_plane import ControlPlane
from .load_balancers import LoadBalancers
from .metadata_server import MetadataServer, Tokens
from .monitoring_api import MonitoringApi
from .nodes import Nodes
from .packet_filter import Allowed
from .policy_filter import PolicyFilter
from .service_proxy import ServiceProxy

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60
NOBODYS = "198.51.100.0/28"
"""Addresses for documentation."""


class GkeControllers:
    """GKE's controllers for the cluster of one simulated project. A context manager.

    A pool grows `delay` seconds after a Pod asks for it. Without `sandbox.clouds.capacity` it does not, and a
    node that is lost is not replaced.
    """

    def __init__(self, plane: ControlPlane, inventory: Inventory, *, delay: float = 1) -> None:
        self._plane, self._inventory = plane, inventory
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(step,), name=f"gke{step.__name__}", daemon=True)
            for step in (self._look, self._carry)
        ]
        self._nodes = Nodes(plane, inventory)
        self._looked = threading.Event()
        self._new_autoscaler = partial(Autoscaler, plane.api, self._nodes, delay=delay)
        self._autoscaler = self._new_autoscaler()
        self._policies, self._filtered = PolicyFilter(plane), threading.Event()
        self._services = ServiceProxy(plane.api, LoadBalancers(plane.api, inventory), self._policies.allows)
        tokens, self._stack = Tokens(), ExitStack()
        self._metadata = MetadataServer(lambda: plane.api.items("/api/v1/pods"), tokens)
        self._collectors = Collectors(plane)
        self._monitoring = MonitoringApi(inventory, tokens, self._collectors)
        self._allowed: set[Allowed] | None = None  # as the packet filter has it

    def __enter__(self) -> "GkeControllers":
        """Start."""
        self._plane.reaches, self._plane.closed = self._reaches, self._policies.closed
        self._plane.remotes = self._remotes
        self._plane.filtered = self._policies.ready
        self._plane.restart_autoscaler = self._restart_autoscaler
        self._stack.enter_context(metadata_server.serve(self._metadata))
        self._stack.enter_context(monitoring_api.serve(self._monitoring, self._plane.internet))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; nodes stay, but nothing is carried any more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._stack.close()
        self._collectors.close()
        self._services.close()
        self._policies.close()
        self._plane.reaches, self._plane.closed = lambda _node, _host: True, lambda _pod: frozenset()
        self._plane.remotes = lambda _node: {}
        self._plane.filtered = lambda _address: True
        self._plane.restart_autoscaler = lambda: None
        packet_filter.apply(CONTROL_PLANE, None)

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            try:
                step()
            except UNREACHABLE:
                pass
            except Exception:  # a bug of the sandbox: it says so, and goes on with what else there is to do
                with self._plane.processes.log("gke").open("a") as log:
                    log.write(traceback.format_exc())

    def _look(self) -> None:
        self._nodes.follow()
        pods = self._plane.api.items("/api/v1/pods")
        self._policies.follow([*pods, *self._collectors.pods], self._control_plane())
        self._filtered.set()
        self._filter(pods)
        self._autoscaler.follow(pods)
        self._measure()
        self._looked.set()

    def _carry(self) -> None:
        """Beside the other look, which takes seconds while Pods come and go: a Pod that ends has two until it is asked
        no more (`programs.drain`). Nothing is carried before it is known who may reach whom."""
        if self._filtered.is_set():
            self._services.follow()

    def _restart_autoscaler(self) -> None:
        for _ in range(2):  # the first look may have begun before
            self._looked.clear()
            self._looked.wait(PATIENCE_SECONDS)
        self._autoscaler = self._new_autoscaler()

    def _measure(self) -> None:
        """Let the metrics of the cluster be collected, if it wants them to be."""
        with self._inventory.lock:
            self._metadata.place = place = monitoring.place(self._inventory)
        self._collectors.follow(place)

    def _filter(self, pods: list[Json]) -> None:
        """Let the control plane open to Pods what the firewall and the Pods' policies let it open."""
        with self._inventory.lock:
            flows = control_plane_flows(self._inventory.find())
        places = [(self._nodes.pool_of(pod["spec"].get("nodeName", "")), pod["status"].get("podIP")) for pod in pods]
        allowed = None
        if flows is not None:
            allowed = {
                Allowed(at, max(flow.first, first), min(flow.last, last))
                for of, at in places
                for flow in flows
                if at and flow.pool == of
                for first, last in self._policies.of_control_plane(at)
                if flow.first <= last and first <= flow.last
            }
        if allowed != self._allowed:
            packet_filter.apply(CONTROL_PLANE, allowed)
            self._allowed = allowed

    def _control_plane(self) -> str:
        """The control plane's address in the VPC, the second of its range; one of nobody's without a cluster."""
        with self._inventory.lock:
            clusters = self._inventory.find(CLUSTER)
        place = clusters[-1].inputs.get("privateClusterConfig", {}) if clusters else {}
        return str(ip_network(place.get("masterIpv4CidrBlock", NOBODYS))[2])

    def _reaches(self, node: str, host: str) -> bool:
        with self._inventory.lock:
            return nat.reaches(self._inventory.find(), self._nodes.pool_of(node), host)

    def _remotes(self, node: str) -> dict[str, Remote]:
        with self._inventory.lock:
            return google_repositories.of_pool(self._inventory.find(), self._nodes.pool_of(node))
