"""Addresses of Services: what GKE's load balancers do, and, as there is no kube-proxy, cluster addresses too.

A load balancer is a forwarding rule in the simulated Google Cloud. Here its address is the machine's own, and what
connects to it is carried to a ready Pod, as is what connects to a cluster address.
"""

import itertools
import socket
import subprocess
from contextlib import ExitStack

from sandbox.api_client import MERGE, Api, Json
from sandbox.clouds.google_kinds import ADDRESS, CLUSTER, FORWARDING_RULE, dns_endpoint, free_address
from sandbox.clouds.inventory import Inventory, Item
from sandbox.clouds.kubernetes_kinds import SERVICE

from .forward import forward

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
SLICE_LABEL = "kubernetes.io/service-name"


class Services:
    """All Services of a cluster."""

    def __init__(self, api: Api, inventory: Inventory) -> None:
        self._api, self._inventory = api, inventory
        self._listening: dict[tuple[str, int], ExitStack] = {}
        self._backends: dict[tuple[str, str], list[tuple[str, int]]] = {}
        self._refused: set[tuple[str, str]] = set()

    def follow(self) -> None:
        """Do what has changed."""
        wanted: dict[tuple[str, int], tuple[str, str]] = {}  # where to listen, for which Service and port
        for service in self._api.items("/api/v1/services"):
            meta, spec = service["metadata"], service["spec"]
            addresses = {spec.get("clusterIP"), self._load_balancer(service)} - {None, "", "None"}
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

    def _hang_up(self, gone: set[tuple[str, int]]) -> None:
        for key in gone:
            self._listening.pop(key).close()
        for address in {address for address, _ in gone} - {address for address, _ in self._listening}:
            _loopback("delete", address)

    def _listen(self, address: str, port: int, service: str, name: str) -> None:
        _loopback("replace", address)
        listener = socket.create_server((address, port), backlog=128)
        turn = itertools.count()

        def target() -> tuple[str, int] | None:
            backends = self._backends.get((service, name))
            return backends[next(turn) % len(backends)] if backends else None

        self._listening[address, port] = stack = ExitStack()
        stack.enter_context(forward(listener, target))

    def _load_balancer(self, service: Json) -> str | None:
        """The address of a Service's load balancer, made, changed or removed as the Service says."""
        meta, spec, finalizers = service["metadata"], service["spec"], service["metadata"].get("finalizers", [])
        path = f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}"
        if spec.get("type") != "LoadBalancer" or "deletionTimestamp" in meta:
            if FINALIZER in finalizers:
                self._release(service)
                self._api("PATCH", f"{path}/status", {"status": {"loadBalancer": None}}, content=MERGE)
                kept = [f for f in finalizers if f != FINALIZER]
                self._api("PATCH", path, {"metadata": {"finalizers": kept}}, content=MERGE)
            return None
        if FINALIZER not in finalizers:
            self._api("PATCH", path, {"metadata": {"finalizers": [*finalizers, FINALIZER]}}, content=MERGE)
        address = self._assign(service)
        ingress = [{"ip": address, "ipMode": "VIP"}]
        if address and service["status"].get("loadBalancer", {}).get("ingress") != ingress:
            self._api("PATCH", f"{path}/status", {"status": {"loadBalancer": {"ingress": ingress}}}, content=MERGE)
        return address

    def _rule(self, cluster: Item, service: Json) -> tuple[str, Item | None]:
        """What a forwarding rule says of the Service that it is for, as the simulated cluster does, and the rule."""
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        owner = f"{SERVICE} {dns_endpoint(cluster)}/{namespace} {namespace}/{name}"
        return owner, next((r for r in self._inventory.find(FORWARDING_RULE) if r.inputs["service"] == owner), None)

    def _assign(self, service: Json) -> str | None:
        """The address that a Service has in Google Cloud, from now on if it had none; None if it cannot have it."""
        with self._inventory.lock:
            clusters = self._inventory.find(CLUSTER)
            if not clusters:
                return None
            cluster = clusters[-1]
            project, region = cluster.props["project"], "-".join(str(cluster.inputs["location"]).split("-")[:2])
            owner, rule = self._rule(cluster, service)
            address = service["spec"].get("loadBalancerIP") or (rule and rule.inputs["address"])
            if rule and rule.inputs["address"] == address:
                return address
            reserved = [a for a in self._inventory.find(ADDRESS) if a.props["region"] == region]
            others = [
                r for r in self._inventory.find(FORWARDING_RULE) if r is not rule and r.inputs["address"] == address
            ]
            if address and (others or address not in [a.props["address"] for a in reserved]):
                problem = f'requested ip "{address}" is neither static nor assigned to the LB'
                message = f"Error syncing load balancer: failed to ensure load balancer: {problem}"
                if (service["metadata"]["uid"], address) not in self._refused:
                    self._refused.add((service["metadata"]["uid"], address))
                    self._api.event(service, "Service", "SyncLoadBalancerFailed", message, source="service-controller")
                return None
            scope = f"projects/{project}/regions/{region}/forwardingRules"
            name = rule.name if rule else f"a{service['metadata']['uid'].replace('-', '')[:31]}"
            points = {"network": cluster.inputs["network"], "address": address or free_address(self._inventory)}
            item = Item("gcp", FORWARDING_RULE, scope, name, f"{scope}/{name}", points | {"service": owner})
            self._inventory.record("update" if rule else "create", item)
            return item.inputs["address"]

    def _release(self, service: Json) -> None:
        with self._inventory.lock:
            for cluster in self._inventory.find(CLUSTER):
                rule = self._rule(cluster, service)[1]
                if rule:
                    self._inventory.record("delete", rule)


def _loopback(change: str, address: str) -> None:
    subprocess.run(["ip", "address", change, f"{address}/32", "dev", "lo"], check=True)  # noqa: S603, S607
