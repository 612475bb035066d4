"""Simulated Kubernetes: objects, Helm releases, the gateway's load balancer and KServe, in a simulated GKE cluster.

No Pod runs. What is kept is the order in which things need each other, on the way up and on the way down, and what
the real system says when something is missing. A refusal leaves nothing behind, where the real one may leave an
object that is not ready; and an update waits like a creation, where KServe's Ready would be stale.
"""
# The methods of `Kubernetes` are described in `calls.Cloud`.
# ruff: noqa: D102, ARG002

import os
from typing import Any

import yaml

from .calls import Call, Props, unknown
from .google_kinds import ADDRESS, CLUSTER, FORWARDING_RULE, POOL, dns_endpoint, free_address, last
from .google_machines import TPU_MACHINES
from .inventory import CloudError, Item, World, merge

RELEASE = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:core/v1:Service"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
LLM = "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"

CONTROLLER, PRESETS, LLM_CRDS = "kserve-llmisvc-resources", "kserve-runtime-configs", "kserve-llmisvc-crd"
NEEDED_CHARTS = {
    CONTROLLER: (
        ("cert-manager", 'no matches for kind "Certificate" in version "cert-manager.io/v1"'),
        (LLM_CRDS, 'no matches for kind "LLMInferenceServiceConfig" in version "serving.kserve.io/v1alpha2"'),
    ),
    PRESETS: ((CONTROLLER, 'failed calling webhook "llminferenceserviceconfig.kserve-webhook-server.v1alpha2"'),),
    "istiod": (("base", 'no matches for kind "EnvoyFilter" in version "networking.istio.io/v1alpha3"'),),
    "gateway": (("istiod", "timed out: Pods ImagePullBackOff, as no webhook replaced the image `auto`"),),
}
"""What a chart needs to be installed before it, and what it fails with otherwise."""

CRD_CHARTS = {
    "serving.kserve.io": LLM_CRDS,
    "inference.networking.k8s.io": CONTROLLER,
    "cert-manager.io": "cert-manager",
    "networking.istio.io": "base",
    "security.istio.io": "base",
}
"""The chart that brings the CRDs of an API group. Those of the Gateway API come with the cluster."""

BUILT_IN_GROUPS = {
    *("core", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io"),
    *("storage.k8s.io", "scheduling.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io"),
    *("networking.gke.io", "monitoring.googleapis.com"),
}
CLUSTER_SCOPED = {
    *("Namespace", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"),
    *("StorageClass", "PriorityClass", "GatewayClass", "ClusterIssuer"),
    *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
}


def _kind(item: Item) -> str:
    return item.kind.rsplit(":", 1)[-1]


def _load_balancer(service: Item) -> str | None:
    ingress = service.props["status"]["loadBalancer"].get("ingress")
    return ingress[0]["ip"] if ingress else None


def _most_nodes(pool: Item) -> int:
    scaling, zones = pool.inputs.get("autoscaling", {}), len(pool.inputs.get("nodeLocations", [])) or 1
    fixed = pool.inputs.get("nodeCount", pool.inputs.get("initialNodeCount", 0))
    return int(scaling.get("totalMaxNodeCount", scaling.get("maxNodeCount", fixed) * zones))


def _tpu_demand(service: Item) -> tuple[tuple[int, str | None], int]:
    """What a service asks for: chips and topology of a host, and how many hosts."""
    template = service.inputs["spec"].get("template", {})
    limits = [c.get("resources", {}).get("limits", {}) for c in template.get("containers", [])]
    chips = max((int(limit.get("google.com/tpu", 0)) for limit in limits), default=0)
    topology = template.get("nodeSelector", {}).get("cloud.google.com/gke-tpu-topology")
    return (chips, topology), int(service.inputs["spec"].get("replicas", 1))


class Cluster:
    """One cluster's part of the world: the one that the provider's kubeconfig points at."""

    def __init__(self, world: World, config: Props) -> None:
        self.world = world
        kubeconfig = yaml.safe_load(config.get("kubeconfig") or "{}")
        server = kubeconfig["clusters"][0]["cluster"]["server"] if kubeconfig else "http://localhost:8080"
        self.host = server.removeprefix("https://")
        found = [item for item in world.find(CLUSTER) if dns_endpoint(item) == self.host]
        if not found:
            raise CloudError(
                f'configured Kubernetes cluster is unreachable: Get "{server}/version": dial tcp: connection refused '
                "(no simulated cluster has this DNS endpoint)"
            )
        self.gke = found[0]
        self.project = self.gke.props["project"]
        self.region = "-".join(self.gke.inputs["location"].split("-")[:2])
        pools = [pool for pool in world.find(POOL) if pool.scope.startswith(self.gke.id + "/") and _most_nodes(pool)]
        self.pools = [(pool.inputs.get("nodeConfig", {}).get("machineType", "e2-medium"), pool) for pool in pools]
        self.has_system_nodes = any(machine not in TPU_MACHINES for machine, _ in self.pools)

    def scope(self, namespace: str) -> str:
        """Where the objects of a namespace are; the empty one has those without namespace."""
        return f"{self.host}/{namespace}"

    def find(self, kind: str, namespace: str | None = None, name: str | None = None) -> list[Item]:
        """Objects of one kind, everywhere unless a namespace is given."""
        found = [item for item in self.world.find(kind, name=name) if item.scope.startswith(self.host + "/")]
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

    def rules(self, item: Item) -> list[Item]:
        """The forwarding rule that GKE made for a Service, if there is one."""
        return [
            r for r in self.world.find(FORWARDING_RULE) if r.inputs["service"] == f"{item.kind} {item.scope} {item.id}"
        ]


def reach(world: World, config: Props) -> Cluster | None:
    """The provider's cluster, or None if it is gone and Pulumi was told that so are its objects."""
    try:
        return Cluster(world, config)
    except CloudError as unreachable:
        if os.environ.get("PULUMI_K8S_DELETE_UNREACHABLE") == "true":
            return None
        hint = "If the cluster was deleted, retry with the environment variable PULUMI_K8S_DELETE_UNREACHABLE=true"
        raise CloudError(f"{unreachable}. {hint}") from None


class Kubernetes:
    """The simulated cloud behind the `kubernetes` provider."""

    config_replaces = "clusterIdentifier"
    config_target: tuple[str, ...] = ("kubeconfig", "context", "cluster")

    def __init__(self, world: World) -> None:
        self.world = world

    def check(self, call: Call, old: Props, new: Props, suffix: str) -> Props:
        generated = f"{call.name}-{suffix[:8]}"
        if call.kind == RELEASE:
            kept = old.get("name") if "name" in old.get("__defaults", []) else None
            named = {} if new.get("name") else {"name": kept or generated, "__defaults": ["name"]}
            return {"namespace": "default"} | new | named
        meta, old_meta = dict(new.get("metadata", {})), old.get("metadata", {})
        if "name" not in meta:
            autonamed = "pulumi.com/autonamed" in old_meta.get("annotations", {})
            meta["name"] = old_meta["name"] if autonamed else generated
            meta["annotations"] = {"pulumi.com/autonamed": "true"} | meta.get("annotations", {})
        if call.kind.rsplit(":", 1)[-1] not in CLUSTER_SCOPED:
            meta.setdefault("namespace", "default")
        return new | {"metadata": meta}

    def replaces(self, call: Call, path: str) -> bool:
        if call.kind == RELEASE:
            return path in ("name", "namespace")
        if call.kind == SECRET and path.startswith(("data", "stringData")):
            return True  # unless enableSecretMutable, which this project does not set
        return path in ("apiVersion", "kind", "metadata.name", "metadata.namespace")

    def delete_before_replace(self, call: Call, old: Props, new: Props) -> bool:
        a, b = (old, new) if call.kind == RELEASE else (old.get("metadata", {}), new.get("metadata", {}))
        autonamed = "__defaults" in new or "pulumi.com/autonamed" in b.get("annotations", {})
        return not autonamed and all(a.get(key) == b.get(key) for key in ("name", "namespace"))

    def drift(self, call: Call, object_id: str, new: Props) -> list[str]:
        return []

    def preview(self, call: Call, object_id: str | None, inputs: Props) -> Props:
        shown = {k: v for k, v in inputs.items() if not k.startswith("__")}
        item = self._get(Cluster(self.world, call.config), call, object_id)
        return merge(item.computed if item else {"status": unknown({})}, shown)

    def create(self, call: Call, inputs: Props) -> tuple[str, Props]:
        cluster = Cluster(self.world, call.config)
        place = inputs if call.kind == RELEASE else inputs["metadata"]
        name, namespace = place["name"], place.get("namespace", "")
        object_id = f"{namespace}/{name}" if namespace else name
        refused = f"resource {object_id} was not successfully created by the Kubernetes API server"
        if call.kind != RELEASE and not cluster.serves(call.kind.split(":")[1].split("/")[0]):
            kind, version = inputs["kind"], inputs["apiVersion"]
            raise CloudError(f'{refused}: no matches for kind "{kind}" in version "{version}"')
        if namespace not in ("", "default", "kube-system") and not cluster.find(NAMESPACE, "", namespace):
            raise CloudError(f'{refused}: namespaces "{namespace}" not found')
        item = Item("kubernetes", call.kind, cluster.scope(namespace), name, object_id, inputs)
        if item.key in self.world.items:
            raise CloudError(f'{refused}: {_kind(item)} "{name}" already exists')
        if call.kind != RELEASE:
            item.computed = {"metadata": {"uid": self.world.unique(object_id)[:32], "resourceVersion": "1"}}
        self._settle(cluster, item)
        self.world.record("create", item)
        return object_id, item.props

    def read(self, call: Call, object_id: str) -> Props | None:
        cluster = reach(self.world, call.config)
        item = self._get(cluster, call, object_id) if cluster else None
        return item.props if item else None

    def update(self, call: Call, object_id: str, inputs: Props) -> Props:
        cluster = Cluster(self.world, call.config)
        item = self._get(cluster, call, object_id)
        if item is None:
            raise CloudError(f'{call.kind} "{object_id}" not found')
        changed = Item(item.cloud, item.kind, item.scope, item.name, item.id, inputs, dict(item.computed))
        self._settle(cluster, changed)
        self.world.record("update", changed)
        return changed.props

    def delete(self, call: Call, object_id: str) -> None:
        cluster = reach(self.world, call.config)
        if cluster is None:
            return
        item = self._get(cluster, call, object_id)
        if item is None and call.kind == RELEASE:
            raise CloudError(f"uninstall: Release not loaded: {last(object_id)}: release: not found")
        if item is None:
            return
        if problem := self._stuck(cluster, item):
            raise CloudError(f"{_kind(item)} {item.id} was not deleted: {problem}")
        inside = self.world.find(scope=cluster.scope(item.name)) if item.kind == NAMESPACE else []
        for gone in (*inside, item):
            for rule in cluster.rules(gone):
                self.world.record("delete", rule)
            self.world.record("delete", gone)

    def _get(self, cluster: Cluster, call: Call, object_id: str | None) -> Item | None:
        return next((item for item in cluster.find(call.kind) if item.id == object_id), None)

    def _settle(self, cluster: Cluster, item: Item) -> None:
        """Give the object its status, or refuse with what Pulumi would say after waiting in vain."""
        if item.kind == RELEASE:
            self._install(cluster, item)
        elif item.kind == SERVICE:
            self._balance(cluster, item)
        elif item.kind in (GATEWAY, LLM):
            condition = "Programmed" if item.kind == GATEWAY else "Ready"
            problem = self._gateway_problem(cluster, item) if item.kind == GATEWAY else self._llm_problem(cluster, item)
            if problem and "pulumi.com/waitFor" in item.inputs["metadata"].get("annotations", {}):
                raise CloudError(f"timed out waiting for condition {condition} of {_kind(item)} {item.id}: {problem}")
            status = {"type": condition, "status": "False" if problem else "True", "message": problem or ""}
            item.computed = item.computed | {"status": {"conditions": [status]}}
            addresses = [ip for service in cluster.find(SERVICE) if (ip := _load_balancer(service))]
            if item.kind == LLM and not problem and addresses:
                item.computed["status"]["url"] = f"http://{addresses[0]}/{item.id}"

    def _install(self, cluster: Cluster, item: Item) -> None:
        chart = last(item.inputs["chart"])
        failed = f'Helm release "{item.id}" was not installed'
        for needed, message in NEEDED_CHARTS.get(chart, ()):
            if not cluster.release(needed):
                raise CloudError(f"{failed}: {message} (there is no release of the chart {needed})")
        if not cluster.has_system_nodes:
            raise CloudError(f"{failed}: timed out waiting for the condition: Pods Pending, no node without TPU")
        if (
            chart == CONTROLLER
            and not item.inputs.get("takeOwnership")
            and cluster.serves("inference.networking.k8s.io")
        ):
            crd = 'CustomResourceDefinition "inferencepools.inference.networking.k8s.io"'
            raise CloudError(f"{failed}: {crd} cannot be imported into the current release: invalid ownership metadata")
        revision = item.computed.get("status", {}).get("revision", 0) + 1
        facts = {key: item.inputs.get(key, "") for key in ("name", "namespace", "version")}
        item.computed = {"status": facts | {"status": "deployed", "chart": chart, "revision": revision}}

    def _balance(self, cluster: Cluster, item: Item) -> None:
        """The load balancer that GKE makes for a Service, and the forwarding rule it leaves in the VPC."""
        rules, spec = cluster.rules(item), item.inputs.get("spec", {})
        if spec.get("type") != "LoadBalancer":
            for rule in rules:
                self.world.record("delete", rule)
            item.computed["status"] = {"loadBalancer": {}}
            return
        if not cluster.release("gateway", item.inputs["metadata"]["namespace"]):
            raise CloudError(f"timed out: Service {item.id} does not target any Pods")
        address = spec.get("loadBalancerIP")
        others = [r for r in self.world.find(FORWARDING_RULE) if r not in rules and r.inputs["address"] == address]
        reserved = [a for a in self.world.find(ADDRESS) if a.props["address"] == address]
        if address and (others or not any(a.props["region"] == cluster.region for a in reserved)):
            problem = f"in use by {others[0].id}" if others else f"not a reserved address of {cluster.region}"
            raise CloudError(f"timed out: Service {item.id}: SyncLoadBalancerFailed: {address} is {problem}")
        address = address or (rules[0].inputs["address"] if rules else free_address(self.world))
        scope = f"projects/{cluster.project}/regions/{cluster.region}/forwardingRules"
        name = rules[0].name if rules else f"a{self.world.unique(item.id)[:31]}"
        points = {"network": cluster.gke.inputs["network"], "address": address}
        rule = Item("gcp", FORWARDING_RULE, scope, name, f"{scope}/{name}", points)
        rule.inputs["service"] = f"{item.kind} {item.scope} {item.id}"
        self.world.record("update" if rules else "create", rule)
        item.computed["status"] = {"loadBalancer": {"ingress": [{"ip": address}]}}

    @staticmethod
    def _gateway_problem(cluster: Cluster, item: Item) -> str | None:
        if not cluster.release("istiod"):
            return "no controller: istiod is not running"
        for address in item.inputs["spec"].get("addresses", []):
            name, namespace = [*address["value"].split("."), ""][:2]
            if any(_load_balancer(service) for service in cluster.find(SERVICE, namespace, name)):
                return None
        return "no Service in spec.addresses has a load-balancer address"

    @staticmethod
    def _llm_problem(cluster: Cluster, item: Item) -> str | None:
        """Why KServe would not make this service Ready; without its charts the API server refuses it at once."""
        if not cluster.release(CONTROLLER):
            raise CloudError(
                'failed calling webhook "llminferenceservice.kserve-webhook-server": no endpoints available'
            )
        if not cluster.release(PRESETS):
            raise CloudError('LLMInferenceServiceConfig "kserve-config-llm-template" not found: no presets')
        spec, namespace = item.inputs["spec"], item.inputs["metadata"]["namespace"]
        needed = [
            (GATEWAY, ref.get("namespace", namespace), ref["name"])
            for ref in spec.get("router", {}).get("gateway", {}).get("refs", [])
        ]
        account = spec.get("template", {}).get("serviceAccountName")
        if account:
            needed.append((ACCOUNT, namespace, account))
        for found in cluster.find(ACCOUNT, namespace, account) if account else []:
            needed += [(SECRET, namespace, secret["name"]) for secret in found.inputs.get("secrets", [])]
        for kind, where, name in needed:
            if not cluster.find(kind, where, name):
                return f'{kind.rsplit(":", 1)[-1]} "{where}/{name}" not found'
        wanted, replicas = _tpu_demand(item)
        fitting = [pool for machine, pool in cluster.pools if TPU_MACHINES.get(machine) == wanted]
        others = [_tpu_demand(other) for other in cluster.find(LLM) if other.id != item.id]
        hosts, most = replicas + sum(n for demand, n in others if demand == wanted), sum(map(_most_nodes, fitting))
        if wanted[0] and hosts > most:
            wish = f"{hosts} hosts of {wanted[0]} chips with topology {wanted[1]}"
            return f"insufficient google.com/tpu: {wish} are wanted, the node pools have {most} at most"
        return None if cluster.has_system_nodes else "Pods of the endpoint picker are Pending: no node without TPU"

    @staticmethod
    def _stuck(cluster: Cluster, item: Item) -> str | None:
        """Why the deletion would hang or be refused."""
        controller, services = cluster.release(CONTROLLER), cluster.find(LLM)
        orphaned = "timed out: finalizer serving.kserve.io/llmisvc-finalizer: its controller is gone"
        chart = last(item.inputs["chart"]) if item.kind == RELEASE else ""
        if not controller:
            if item.kind == LLM or chart == PRESETS or (item.kind == NAMESPACE and cluster.find(LLM, item.name)):
                return orphaned
        elif chart == PRESETS:
            env: Any = controller.inputs.get("values", {})
            for key in ("kserve", "llmisvc", "controller", "env"):
                env = env.get(key, {})
            if {"name": "PREVENT_WELL_KNOWN_CONFIG_DELETION", "value": "false"} not in list(env):
                return "admission webhook denied the request: well-known configs are protected from deletion"
        if chart == LLM_CRDS and services:
            return f"its CRDs hold LLMInferenceServices that would go with them, such as {services[0].id}"
        return None
