"""What KEDA makes of its objects in a simulated cluster: what it refuses, and what goes only while it runs.

It refuses, in the words of KEDA 2.21's CRDs, webhook and scalers (https://github.com/kedacore/keda/tree/v2.21.0): a
ScaledObject with no triggers, of an unknown type, with fewer replicas at the most than at the least, of nothing that
could be scaled, of what another one scales already, with metadata that is no text, and a trigger whose metadata its
scaler cannot read or whose authentication is not there. Nothing is scaled here.
"""

from collections.abc import Iterator
from typing import Any

from .google_kinds import last
from .inventory import CloudError, Item
from .kubernetes_cluster import Cluster
from .kubernetes_kinds import LLM, RELEASE, SCALED_OBJECT, TRIGGER_AUTHENTICATION

CHART = "keda"
NEEDED = {
    "prometheus": ("serverAddress", "query", "threshold"),
    "cron": ("timezone", "start", "end", "desiredReplicas"),
}
"""The types of triggers that are known here, and the metadata that each must have."""
NUMBERS = ("threshold", "activationThreshold", "desiredReplicas")
DEPLOYMENT = "-kserve"
"""What KServe appends to the name of a service for its Deployment."""


def settle(cluster: Cluster, item: Item) -> None:
    """Takes a ScaledObject, or raises what its CRD, the webhook or the operator say against it."""
    if refused := list(_problems(cluster, item)):
        raise CloudError(f'ScaledObject "{item.name}" is invalid: {"; ".join(refused)}')
    item.computed = item.computed | {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}


def _problems(cluster: Cluster, item: Item) -> Iterator[str]:
    spec, namespace = item.inputs["spec"], item.inputs["metadata"]["namespace"]
    least, most = spec.get("minReplicaCount", 0), spec.get("maxReplicaCount", 100)
    if least > most:
        yield "spec: Invalid value: minReplicaCount must be less than or equal to maxReplicaCount"
    if "idleReplicaCount" in spec and spec["idleReplicaCount"] >= least:
        yield f"IdleReplicaCount={spec['idleReplicaCount']} must be less than MinReplicaCount={least}"
    target = spec.get("scaleTargetRef", {}).get("name", "")
    if not target:
        yield "spec.scaleTargetRef.name: Required value"
    elif not target.endswith(DEPLOYMENT) or not cluster.find(LLM, namespace, target.removesuffix(DEPLOYMENT)):
        yield f'ScaledObject doesn\'t have correct scaleTargetRef specification: deployments.apps "{target}" not found'
    for other in cluster.find(SCALED_OBJECT, namespace):
        if other.id != item.id and other.inputs["spec"]["scaleTargetRef"]["name"] == target:
            managed = f"is already managed by the ScaledObject '{other.name}'"
            yield f"the workload '{target}' of type 'apps/v1.Deployment' {managed}"
    triggers = spec.get("triggers", [])
    if not triggers:
        yield "spec.triggers: Invalid value: 0: spec.triggers in body should have at least 1 items"
    for trigger in triggers:
        yield from _trigger_problems(cluster, trigger)


def _trigger_problems(cluster: Cluster, trigger: dict[str, Any]) -> Iterator[str]:
    kind, metadata = trigger.get("type"), trigger.get("metadata", {})
    if kind not in NEEDED:
        yield f"no scaler found for type: {kind}"
        return
    for key in NEEDED[kind]:
        if not metadata.get(key):
            yield f'error parsing {kind} metadata: missing required parameter "{key}" in [triggerMetadata]'
    for key, value in metadata.items():
        if not isinstance(value, str):
            yield f"spec.triggers.metadata.{key}: Invalid value: must be of type string"
        elif key in NUMBERS and not value.replace(".", "", 1).isdecimal():
            yield f'error parsing {kind} metadata: unable to set param "{key}" value "{value}"'
    if kind == "cron" and metadata.get("start") == metadata.get("end"):
        yield "start and end can not have exactly same time input"
    reference = trigger.get("authenticationRef", {})
    if reference.get("kind") == "ClusterTriggerAuthentication" and not cluster.find(
        TRIGGER_AUTHENTICATION, name=reference["name"]
    ):
        yield f'clustertriggerauthentications.keda.sh "{reference["name"]}" not found'


def stuck(cluster: Cluster, item: Item) -> str | None:
    """Why a ScaledObject would not go, whose finalizer is KEDA's, or KEDA's chart, which takes its CRDs along."""
    if item.kind == SCALED_OBJECT and not cluster.release(CHART):
        return "timed out: finalizer finalizer.keda.sh: its controller is gone"
    if item.kind == RELEASE and last(item.inputs["chart"]) == CHART and (held := cluster.find(SCALED_OBJECT)):
        return f"its CRDs hold ScaledObjects whose finalizer nobody would take away, such as {held[0].id}"
    return None
