"""Addresses of load balancers: what GKE does for a Service of type LoadBalancer.

A load balancer is a forwarding rule in the simulated Google Cloud. Here its address is the machine's own;
`service_proxy` carries what connects to it.
"""

from sandbox.api_client import MERGE, Api, Json
from sandbox.clouds.google_kinds import ADDRESS, CLUSTER, FORWARDING_RULE, dns_endpoint, free_address
from sandbox.clouds.inventory import Inventory, Item
from sandbox.clouds.kubernetes_kinds import SERVICE

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"


class LoadBalancers:
    """The load balancers of a cluster."""

    def __init__(self, api: Api, inventory: Inventory) -> None:
        self._api, self._inventory = api, inventory
        self._refused: set[tuple[str, str]] = set()

    def address(self, service: Json) -> str | None:
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
