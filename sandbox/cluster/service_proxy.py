"""Carries what connects to an address of a Service to a ready Pod, as there is no kube-proxy.

The addresses are those in the cluster and those of load balancers, which are the machine's own here. A load balancer
with source ranges refuses what comes from elsewhere: the connection is closed, where the VPC's firewall lets none come
about. Whatever the traffic policy, a Pod sees the address of this proxy.
"""

import itertools
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_address, ip_network

from sandbox.api_client import Api

from .forward import Forwarder
from .load_balancers import LoadBalancers

Allows = Callable[[str, str, int], bool]
SLICE_LABEL = "kubernetes.io/service-name"


class ServiceProxy:
    """The addresses of all Services of a cluster. `allows` says whether who has an address may open a Pod's port."""

    def __init__(self, api: Api, load_balancers: LoadBalancers, allows: Allows) -> None:
        self._api, self._load_balancers, self._allows = api, load_balancers, allows
        self._all = ExitStack()
        self._forwarder = self._all.enter_context(Forwarder())
        self._listening: dict[tuple[str, int], ExitStack] = {}
        self._backends: dict[tuple[str, str], list[tuple[str, int]]] = {}
        self._sources: dict[str, list[str]] = {}  # of the addresses of load balancers

    def follow(self) -> None:
        """Do what has changed."""
        wanted: dict[tuple[str, int], tuple[str, str]] = {}  # where to listen, for which Service and port
        for service in self._api.items("/api/v1/services"):
            meta, spec = service["metadata"], service["spec"]
            outside = self._load_balancers.address(service)
            self._sources[outside or ""] = spec.get("loadBalancerSourceRanges") or []
            addresses = {spec.get("clusterIP"), outside} - {None, "", "None"}
            for address, port in itertools.product(addresses, spec.get("ports", [])):
                wanted[str(address), port["port"]] = (f"{meta['namespace']}/{meta['name']}", port.get("name", ""))
        backends: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for part in self._api.items("/apis/discovery.k8s.io/v1/endpointslices"):
            service = f"{part['metadata']['namespace']}/{part['metadata'].get('labels', {}).get(SLICE_LABEL)}"
            ready = [e["addresses"][0] for e in part["endpoints"] or [] if e["conditions"].get("ready")]
            for port in part["ports"] or []:
                of_port = backends.setdefault((service, port.get("name") or ""), [])
                of_port += [(address, port["port"]) for address in ready]
        self._backends = backends
        self._hang_up(self._listening.keys() - wanted.keys())
        for key in wanted.keys() - self._listening.keys():
            self._listen(*key, *wanted[key])

    def close(self) -> None:
        """Carry nothing any more. What is in Google Cloud stays."""
        self._hang_up(set(self._listening))
        self._all.close()

    def _hang_up(self, gone: set[tuple[str, int]]) -> None:
        for key in gone:
            self._listening.pop(key).close()
        for address in {address for address, _ in gone} - {address for address, _ in self._listening}:
            _loopback("delete", address)

    def _listen(self, address: str, port: int, service: str, name: str) -> None:
        _loopback("replace", address)
        listener = socket.create_server((address, port), backlog=128)
        turn = itertools.count()

        def target(client: str) -> tuple[str, int] | None:
            ranges = self._sources.get(address)
            if ranges and not any(ip_address(client) in ip_network(source) for source in ranges):
                return None
            backends = self._backends.get((service, name))
            chosen = backends[next(turn) % len(backends)] if backends else None
            return chosen if chosen and self._allows(client, *chosen) else None

        self._listening[address, port] = stack = ExitStack()
        stack.enter_context(self._forwarder.forward(listener, target))


def _loopback(change: str, address: str) -> None:
    subprocess.run(["ip", "address", change, f"{address}/32", "dev", "lo"], check=True)  # noqa: S603, S607
