"""The cluster's NetworkPolicies, in force: what Pods and the control plane open is dropped where no policy allows it.

Each Pod's network has a packet filter, as `flows` judges its Pod and all others. What a Pod or a client opens to a
Service is judged where that is carried, by `service_proxy`. A Pod's own node may open everything, as on GKE. A Pod
starts no program before its network is filtered.

It refuses every connection between Pods, between Pods and the control plane, to the metadata server, and to the hosts
of `internet`, that a policy of either end does not allow, and what clients open to the load balancer. There are no
resolvers here, and of the internet only those hosts, so what programs could ask of the others is judged before they
start (`closed`): who may not ask for names knows none. Left out: named ports of policies; Pods on the network of their
node. What is connected stays so when policies change. A refused connection to a Service is closed at once, and not left
unanswered, as it has been accepted by then.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress

from sandbox.api_client import Json

from . import flows, packet_filter
from .addresses import API_SERVER, METADATA
from .control_plane import ControlPlane
from .flows import HIGHEST_PORT, Flow
from .internet import SOMEWHERE
from .packet_filter import Allowed

POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
CLIENT, INTERNET, NAMES = "a client outside", "the internet", "names"
ALL = [(1, HIGHEST_PORT)]
RESOLVERS: dict[str, Json] = {
    "kube-dns": flows.pod("kube-system", {"k8s-app": "kube-dns"}),
    "NodeLocal DNSCache, which is Pods to Dataplane V2": flows.pod("kube-system", {"k8s-app": "node-local-dns"}),
    "NodeLocal DNSCache by its address": flows.outside("169.254.20.10"),
}
"""Which of them answers depends on GKE's version, so all have to be within reach."""


def _network(address: str) -> str:
    return f"pod-{address}"


class PolicyFilter:
    """Keeps the packet filters of a cluster's Pods as its NetworkPolicies are. Without any there are no filters."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane, self._api = plane, plane.api
        self._lock = threading.Lock()
        self._seen = ""
        self._policies: list[Json] = []
        self._open: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._filters: dict[str, set[Allowed] | None] = {}  # by the address of a Pod, as the kernel has it

    def follow(self, pods: Iterable[Json], control_plane: str) -> None:
        """Do what has changed. `control_plane` is its address in the VPC."""
        policies = self._api.items(POLICIES)
        labels = self._namespaces() if policies else {}
        running = {pod["status"]["podIP"]: pod for pod in pods if pod["status"].get("podIP")}
        peers = {address: _peer(pod, labels) for address, pod in running.items()}
        peers |= {address: flows.outside(address) for address in (*self._plane.internet.addresses, METADATA)}
        peers |= {API_SERVER: flows.outside(control_plane), CLIENT: flows.outside(SOMEWHERE)}
        seen = json.dumps([policies, peers])
        if seen == self._seen:
            return
        pairs = [(a, b) for a in peers for b in peers if a != b and {a, b} & running.keys()]
        found = flows.openings(policies, peers, pairs) if policies else {}
        with self._lock:
            self._seen, self._policies, self._open = seen, policies, found
        for address in running:
            places = [to for to in peers if to not in (address, CLIENT)]
            self._apply(
                address, {Allowed(to, *ports) for to in places for ports in found[address, to]} if policies else None
            )
        self._filters = {address: allowed for address, allowed in self._filters.items() if address in running}

    def close(self) -> None:
        """Lift all filters."""
        for address in list(self._filters):
            self._apply(address, None)
        self._policies, self._open, self._seen = [], {}, ""

    def ready(self, address: str) -> bool:
        """Whether the network of a Pod is as the policies are."""
        return not self._policies or address in self._filters

    def allows(self, source: str, destination: str, port: int) -> bool:
        """Whether who has an address may open a port of a Pod; all that is no Pod is outside."""
        with self._lock:
            if not self._policies:
                return True
            here = source if source in self._filters or source == API_SERVER else CLIENT
            return _within(port, self._open.get((here, destination), []))

    def of_control_plane(self, address: str) -> list[tuple[int, int]]:
        """The ports of a Pod that the control plane may open."""
        with self._lock:
            return self._open.get((API_SERVER, address), []) if self._policies else ALL

    def closed(self, manifest: Json) -> frozenset[str]:
        """What policies keep a Pod's programs from, of `NAMES` and `INTERNET`."""
        policies = self._api.items(POLICIES)
        if not policies:
            return frozenset()
        peers = {"it": _peer(manifest, self._namespaces()), INTERNET: flows.outside(SOMEWHERE), **RESOLVERS}
        asked = [*(Flow("it", resolver, 53, "UDP") for resolver in RESOLVERS), Flow("it", INTERNET, 443)]
        verdicts = zip(asked, flows.judge(policies, peers, asked), strict=True)
        refused = {flow.destination for flow, verdict in verdicts if not verdict.out}
        return frozenset(INTERNET if who == INTERNET else NAMES for who in refused)

    def _namespaces(self) -> Mapping[str, Json]:
        return {n["metadata"]["name"]: n["metadata"].get("labels", {}) for n in self._api.items("/api/v1/namespaces")}

    def _apply(self, address: str, allowed: set[Allowed] | None) -> None:
        if self._filters.get(address) == allowed:
            return
        with suppress(OSError):  # the Pod has just gone
            packet_filter.apply(_network(address), allowed)
        self._filters[address] = allowed


def _peer(pod: Json, labels: Mapping[str, Json]) -> Json:
    meta = pod["metadata"]
    return flows.pod(meta["namespace"], meta.get("labels", {}), **labels.get(meta["namespace"], {}))


def _within(port: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= port <= last for first, last in ranges)
