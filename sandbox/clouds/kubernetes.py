"""Simulated Kubernetes: objects, Helm releases, the gateway's load balancer and KServe, in a simulated GKE cluster.

No Pod runs. What is kept is the order in which things need each other, on the way up and on the way down, and what
the real system says when something is missing: see `kubernetes_controllers`. A refusal leaves nothing behind, where the
real one may leave an object that is not ready; an update waits like a creation, where KServe's Ready would be stale.
"""
# The methods of `Kubernetes` are described in `calls.Cloud`.
# ruff: noqa: D102

from . import keda
from .calls import Call, NotReadyError, Props, unknown
from .google_kinds import last
from .inventory import CloudError, Inventory, Item, merge
from .kubernetes_cluster import Cluster, reach
from .kubernetes_controllers import settle, stuck
from .kubernetes_kinds import CLAIM, CLUSTER_SCOPED, JOB, NAMESPACE, RELEASE, SECRET, VOLUME, kind_of

FIXED = {
    JOB: ("spec.completions", "spec.parallelism", "spec.selector", "spec.template", "status"),
    VOLUME: ("spec.csi",),
    CLAIM: ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
}
"""`forceNew` in provider/pkg/provider/diff.go of pulumi-kubernetes, as far as it is met here, and a Job's `status`,
which only `drift` has."""


class Kubernetes:
    """The simulated cloud behind the `kubernetes` provider."""

    config_replaces = "clusterIdentifier"
    config_target: tuple[str, ...] = ("kubeconfig", "context", "cluster")

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory

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
        if path.startswith(FIXED.get(call.kind, ())):
            return True
        return path in ("apiVersion", "kind", "metadata.name", "metadata.namespace")

    def delete_before_replace(self, call: Call, old: Props, new: Props) -> bool:
        a, b = (old, new) if call.kind == RELEASE else (old.get("metadata", {}), new.get("metadata", {}))
        autonamed = "__defaults" in new or "pulumi.com/autonamed" in b.get("annotations", {})
        return not autonamed and all(a.get(key) == b.get(key) for key in ("name", "namespace"))

    def drift(self, call: Call, object_id: str, new: Props) -> list[str]:
        """A Job that has this annotation and is not complete is made anew (`Diff` in provider/pkg/provider/provider.go
        of pulumi-kubernetes)."""
        if call.kind != JOB or new["metadata"].get("annotations", {}).get("pulumi.com/replaceUnready") != "true":
            return []
        cluster = reach(self.inventory, call.config)
        item = self._get(cluster, call, object_id) if cluster else None
        return ["status"] if item and not item.computed["status"].get("succeeded") else []

    def preview(self, call: Call, object_id: str | None, inputs: Props) -> Props:
        shown = {k: v for k, v in inputs.items() if not k.startswith("__")}
        item = self._get(Cluster(self.inventory, call.config), call, object_id)
        return merge(item.computed if item else {"status": unknown({})}, shown)

    def create(self, call: Call, inputs: Props) -> tuple[str, Props]:
        cluster = Cluster(self.inventory, call.config)
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
        if item.key in self.inventory.items:
            raise CloudError(f'{refused}: {kind_of(item)} "{name}" already exists')
        if call.kind != RELEASE:
            item.computed = {"metadata": {"uid": self.inventory.unique(object_id)[:32], "resourceVersion": "1"}}
        self._settle("create", cluster, item)
        return object_id, item.props

    def read(self, call: Call, object_id: str) -> Props | None:
        cluster = reach(self.inventory, call.config)
        item = self._get(cluster, call, object_id) if cluster else None
        return item.props if item else None

    def update(self, call: Call, object_id: str, inputs: Props) -> Props:
        cluster = Cluster(self.inventory, call.config)
        item = self._get(cluster, call, object_id)
        if item is None:
            raise CloudError(f'{call.kind} "{object_id}" not found')
        changed = Item(item.cloud, item.kind, item.scope, item.name, item.id, inputs, dict(item.computed))
        self._settle("update", cluster, changed)
        return changed.props

    def delete(self, call: Call, object_id: str) -> None:
        cluster = reach(self.inventory, call.config)
        if cluster is None:
            return
        item = self._get(cluster, call, object_id)
        if item is None and call.kind == RELEASE:
            raise CloudError(f"uninstall: Release not loaded: {last(object_id)}: release: not found")
        if item is None:
            return
        if problem := stuck(cluster, item) or keda.stuck(cluster, item):
            raise CloudError(f"{kind_of(item)} {item.id} was not deleted: {problem}")
        inside = self.inventory.find(scope=cluster.scope(item.name)) if item.kind == NAMESPACE else []
        for gone in (*inside, item):
            for rule in cluster.rules(gone):
                self.inventory.record("delete", rule)
            self.inventory.record("delete", gone)

    def _settle(self, operation: str, cluster: Cluster, item: Item) -> None:
        """Put an object into the cluster, one that is not ready too."""
        try:
            settle(cluster, item)
        except NotReadyError:
            self.inventory.record(operation, item)
            raise
        self.inventory.record(operation, item)

    def _get(self, cluster: Cluster, call: Call, object_id: str | None) -> Item | None:
        return next((item for item in cluster.find(call.kind) if item.id == object_id), None)
