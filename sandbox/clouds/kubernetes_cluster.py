"""One simulated cluster: which objects are in it, what its API server knows, and how many nodes it can have."""

import os

import yaml

from . import google_repositories
from .calls import Props
from .google_kinds import CLUSTER, FORWARDING_RULE, POOL, dns_endpoint, last
from .google_machines import TPU_MACHINES
from .inventory import CloudError, Inventory, Item
from .kubernetes_kinds import BUILT_IN_GROUPS, RELEASE

CONTROLLER, PRESETS, LLM_CRDS = "kserve-llmisvc-resources", "kserve-runtime-configs", "kserve-llmisvc-crd"
CRD_CHARTS = {
    "serving.kserve.io": LLM_CRDS,
    "inference.networking.k8s.io": CONTROLLER,
    "cert-manager.io": "cert-manager",
    "keda.sh": "keda",
    "networking.istio.io": "base",
    "security.istio.io": "base",
    "telemetry.istio.io": "base",
}
"""The chart that brings the CRDs of an API group. Those of the Gateway API come with the cluster."""


def most_nodes(pool: Item) -> int:
    """How many nodes a node pool can have in all."""
    scaling, zones = pool.inputs.get("autoscaling", {}), len(pool.inputs.get("nodeLocations", [])) or 1
    fixed = pool.inputs.get("nodeCount", pool.inputs.get("initialNodeCount", 0))
    return int(scaling.get("totalMaxNodeCount", scaling.get("maxNodeCount", fixed) * zones))


class Cluster:
    """One cluster's part of the inventory: the one that the provider's kubeconfig points at."""

    def __init__(self, inventory: Inventory, config: Props) -> None:
        self.inventory = inventory
        kubeconfig = yaml.safe_load(config.get("kubeconfig") or "{}")
        server = kubeconfig["clusters"][0]["cluster"]["server"] if kubeconfig else "http://localhost:8080"
        self.host = server.removeprefix("https://")
        found = [item for item in inventory.find(CLUSTER) if dns_endpoint(item) == self.host]
        if not found:
            raise CloudError(
                f'configured Kubernetes cluster is unreachable: Get "{server}/version": dial tcp: connection refused '
                "(no simulated cluster has this DNS endpoint)"
            )
        self.gke = found[0]
        self.project = self.gke.props["project"]
        self.region = "-".join(self.gke.inputs["location"].split("-")[:2])
        pools = [pool for pool in inventory.find(POOL) if pool.scope.startswith(self.gke.id + "/") and most_nodes(pool)]
        self.pools = [(pool.inputs.get("nodeConfig", {}).get("machineType", "e2-medium"), pool) for pool in pools]
        self.has_system_nodes = any(machine not in TPU_MACHINES for machine, _ in self.pools)

    def scope(self, namespace: str) -> str:
        """Where the objects of a namespace are; the empty one has those without namespace."""
        return f"{self.host}/{namespace}"

    def find(self, kind: str, namespace: str | None = None, name: str | None = None) -> list[Item]:
        """Objects of one kind, everywhere unless a namespace is given."""
        found = [item for item in self.inventory.find(kind, name=name) if item.scope.startswith(self.host + "/")]
        return [item for item in found if namespace is None or item.scope == self.scope(namespace)]

    def release(self, chart: str, namespace: str | None = None) -> Item | None:
        """An installed release of the chart of this name."""
        return next((r for r in self.find(RELEASE, namespace) if last(r.inputs["chart"]) == chart), None)

    def serves(self, group: str) -> bool:
        """Whether the API server knows the kinds of this group."""
        gateway_api = self.gke.inputs.get("gatewayApiConfig", {}).get("channel") == "CHANNEL_STANDARD"
        if gateway_api and group in ("gateway.networking.k8s.io", "inference.networking.k8s.io"):
            return True
        return group in BUILT_IN_GROUPS or (group in CRD_CHARTS and self.release(CRD_CHARTS[group]) is not None)

    def unpullable(self, item: Item) -> list[str]:
        """What of an object's images the nodes cannot pull, as far as they are in Artifact Registry."""
        items = self.inventory.find()
        return [p for _, pool in self.pools for p in google_repositories.unpullable_by(items, pool.id, item.inputs)]

    def rules(self, item: Item) -> list[Item]:
        """The forwarding rule that GKE made for a Service, if there is one."""
        return [
            r
            for r in self.inventory.find(FORWARDING_RULE)
            if r.inputs["service"] == f"{item.kind} {item.scope} {item.id}"
        ]


def reach(inventory: Inventory, config: Props) -> Cluster | None:
    """The provider's cluster, or None if it is gone and Pulumi was told that so are its objects."""
    try:
        return Cluster(inventory, config)
    except CloudError as unreachable:
        if os.environ.get("PULUMI_K8S_DELETE_UNREACHABLE") == "true":
            return None
        hint = "If the cluster was deleted, retry with the environment variable PULUMI_K8S_DELETE_UNREACHABLE=true"
        raise CloudError(f"{unreachable}. {hint}") from None
