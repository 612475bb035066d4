"""How the cluster and its node pools are set, and what its bill says."""

import json
import re
from collections.abc import Iterator

from .resource import GKE, UNKNOWN, Props, Resource, Rule, at, differs, items, shown

ADDRESS = "gcp:compute/address:Address"
CLUSTER = "gcp:container/cluster:Cluster"
COMPUTE_CLASS = "kubernetes:cloud.google.com/v1:ComputeClass"
POOL = "gcp:container/nodePool:NodePool"
COST_LABEL = "environment"
_POOLS_OF_GKE = "GKE then makes node pools that no rule here has seen. A pool of the program has its own `autoscaling`"
_AROUND_IAM = "tokens and certificates of the cluster are then taken at its DNS endpoint, where IAM is to say who comes"
_DNS = "controlPlaneEndpointsConfig.dnsEndpointConfig"
OFF_OF_CLUSTER = {
    "clusterAutoscaling.enabled": _POOLS_OF_GKE,
    f"{_DNS}.enableK8sCertsViaDns": _AROUND_IAM,
    f"{_DNS}.enableK8sTokensViaDns": _AROUND_IAM,
    "enableAutopilot": "all nodes are then GKE's, which no rule here has seen. Node pools of the program have TPUs",
    "enableLegacyAbac": "every service account in the cluster then may do everything. Leave it to RBAC",
    "masterAuth.clientCertificateConfig.issueClientCertificate": (
        "the certificate is in the state and cannot be revoked. Clients come by IAM"
    ),
    "rbacBindingConfig.enableInsecureBindingSystemAuthenticated": "roles may then be bound to any account of Google's",
    "rbacBindingConfig.enableInsecureBindingSystemUnauthenticated": "roles may then be bound to everybody",
}
OFF = {
    CLUSTER: OFF_OF_CLUSTER,
    COMPUTE_CLASS: {"spec.autopilot.enabled": _POOLS_OF_GKE, "spec.nodePoolAutoCreation.enabled": _POOLS_OF_GKE},
}
"""What a cluster, or a class of capacity in it, must not have, and why."""


def node_pools(resource: Resource) -> Iterator[tuple[str, Props]]:
    """Where a node pool is declared, and its properties. A cluster without pools of its own has a default one, even if
    only until `removeDefaultNodePool` takes it away."""
    if resource.type == POOL or (resource.type == CLUSTER and not resource.props.get("nodePools")):
        yield "", resource.props
    elif resource.type == CLUSTER:
        for i, pool in enumerate(items(resource.props.get("nodePools"))):
            yield f"nodePools[{i}].", pool


def _off(resource: Resource) -> Iterator[str]:
    for path, why in OFF.get(resource.type, {}).items():
        value = at(resource.props, *path.split("."))
        if differs(value, None, False):
            yield f"{path} is {shown(value)}: {why}. Remove it."


def _workload_identity(resource: Resource) -> Iterator[str]:
    if resource.type == CLUSTER and not at(resource.props, "workloadIdentityConfig", "workloadPool"):
        yield "workloadIdentityConfig.workloadPool is not set. Set it to PROJECT.svc.id.goog."
    for where, pool in node_pools(resource):
        mode = at(pool, "nodeConfig", "workloadMetadataConfig", "mode")
        if differs(mode, "GKE_METADATA"):
            yield (
                f"{where}nodeConfig.workloadMetadataConfig.mode is {shown(mode)}, so Pods get the node's own account. "
                "Set it to GKE_METADATA, as `node_config` in infra/google/nodes.py does."
            )


def _node_account(resource: Resource) -> Iterator[str]:
    for where, pool in node_pools(resource):
        account = at(pool, "nodeConfig", "serviceAccount")
        if account in (None, "", "default") or str(account).endswith("-compute@developer.gserviceaccount.com"):
            yield (
                f"{where}nodeConfig.serviceAccount is {shown(account)}, the project's default account, which has more "
                "rights than a node needs. Set it to the cluster's own, as `node_config` in infra/google/nodes.py does."
            )


def _tpu_from_zero(resource: Resource) -> Iterator[str]:
    for where, pool in node_pools(resource):
        if not re.match(r"(ct|tpu)\d", str(at(pool, "nodeConfig", "machineType"))):
            continue
        for key, wanted in (("initialNodeCount", 0), ("nodeCount", None)):
            if differs(pool.get(key), wanted):
                yield (
                    f"{where}{key} is {shown(pool.get(key))}, so the pool cannot be made while no TPU is free. Set "
                    "initialNodeCount to 0 and nodeCount not at all; the autoscaler adds nodes."
                )


def _cost_labels(resource: Resource) -> Iterator[str]:
    key = {ADDRESS: "labels", CLUSTER: "resourceLabels"}.get(resource.type)
    if key is None:
        return
    defaults = resource.provider.get("defaultLabels")
    if isinstance(defaults, str) and defaults != UNKNOWN:
        defaults = json.loads(defaults)  # a provider gets its structured inputs as JSON
    if not at(defaults, COST_LABEL) and not at(resource.props, key, COST_LABEL):
        yield (
            f"there is no label `{COST_LABEL}`, neither in {key} nor in the provider's defaultLabels, so the bill does "
            "not tell the environments apart. Set `labels` in the stack's file, and use the provider of __main__.py."
        )


RULES = (
    Rule(
        "closed-cluster",
        "No node pools but the program's, and no way in but IAM and RBAC.",
        f"{GKE}/how-to/hardening-your-cluster",
        _off,
    ),
    Rule(
        "workload-identity",
        "Pods of every node pool have identities of their own.",
        f"{GKE}/how-to/workload-identity",
        _workload_identity,
    ),
    Rule(
        "node-account",
        "Nodes do not run under the project's default account.",
        f"{GKE}/how-to/hardening-your-cluster#use_least_privilege_sa",
        _node_account,
    ),
    Rule(
        "tpu-from-zero",
        "TPU pools start from zero nodes.",
        f"{GKE}/how-to/tpus",
        _tpu_from_zero,
    ),
    Rule(
        "cost-labels",
        f"Cluster and address have the label `{COST_LABEL}`; GKE puts a cluster's labels on its machines too.",
        f"{GKE}/reference/rest/v1/projects.locations.clusters",
        _cost_labels,
    ),
)
