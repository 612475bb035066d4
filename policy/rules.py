"""What every stack keeps to, whoever edits the program: plain functions over one resource and its inputs.

A rule looks at the inputs as the engine has them, with camelCase names. What a preview does not know yet (`UNKNOWN`)
breaks no rule: the engine asks again, with the value, before it makes the resource.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, cast

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine has for a value that a preview does not know yet."""

ADDRESS = "gcp:compute/address:Address"
FIREWALL = "gcp:compute/firewall:Firewall"
CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
CHARTS = {"kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v4:Chart"}
COST_LABEL = "environment"

Props = Mapping[str, Any]


class Resource(NamedTuple):
    """A resource as a rule sees it: type token, logical name, inputs, and the inputs of its provider."""

    type: str
    name: str
    props: Props
    provider: Props = MappingProxyType({})


class Rule(NamedTuple):
    """One rule: `check` tells each way in which a resource breaks it; `source` says why it is one."""

    name: str
    description: str
    source: str
    check: Callable[[Resource], Iterator[str]]


def violations(resource: Resource) -> Iterator[str]:
    """Every rule that the resource breaks, each with its value and the way out."""
    for rule in RULES:
        for problem in rule.check(resource):
            yield f"{resource.type} {resource.name}: {problem} ({rule.source})"


def of_state(resources: list[dict[str, Any]]) -> list[Resource]:
    """The resources of a stack's state, as `pulumi stack export` has them."""
    providers = {f"{r['urn']}::{r.get('id')}": r.get("inputs", {}) for r in resources}
    return [
        Resource(r["type"], r["urn"].rsplit("::", 1)[-1], r.get("inputs", {}), providers.get(r.get("provider", ""), {}))
        for r in resources
    ]


def _at(props: Any, *path: str) -> Any:
    """The value at a path; None if there is nothing, `UNKNOWN` if it or what it is in is not known."""
    for key in path:
        if props == UNKNOWN:
            return UNKNOWN
        props = cast(Props, props).get(key) if isinstance(props, Mapping) else None
    return props


def _differs(value: Any, *allowed: Any) -> bool:
    return value not in (*allowed, UNKNOWN)


def _items(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _shown(value: Any) -> str:
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def _pools(resource: Resource) -> Iterator[tuple[str, Props]]:
    """Where a node pool is declared, and its properties. A cluster without pools of its own has a default one, even if
    only until `removeDefaultNodePool` takes it away."""
    if resource.type == POOL or (resource.type == CLUSTER and not resource.props.get("nodePools")):
        yield "", resource.props
    elif resource.type == CLUSTER:
        for i, pool in enumerate(_items(resource.props.get("nodePools"))):
            yield f"nodePools[{i}].", pool


def _control_plane_access(resource: Resource) -> Iterator[str]:
    props = resource.props
    if (
        resource.type != CLUSTER
        or _at(props, "privateClusterConfig", "enablePrivateEndpoint") in (True, UNKNOWN)
        or _at(props, "controlPlaneEndpointsConfig", "ipEndpointsConfig", "enabled") in (False, UNKNOWN)
    ):
        return
    networks = props.get("masterAuthorizedNetworksConfig")
    if networks is None:
        yield (
            "the control plane has a public address and no masterAuthorizedNetworksConfig, so everyone may reach it. "
            "Add the block with the ranges that need it, or with none."
        )
        return
    for i, block in enumerate(_items(_at(networks, "cidrBlocks"))):
        if str(_at(block, "cidrBlock")).endswith("/0"):
            yield (
                f"masterAuthorizedNetworksConfig.cidrBlocks[{i}] is {_at(block, 'cidrBlock')}, which is everyone. Name "
                "the ranges that need the control plane, or none."
            )
    google = _at(networks, "gcpPublicCidrsAccessEnabled")
    if _differs(google, False):
        yield (
            f"masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled is {_shown(google)}, and true lets in every "
            "virtual machine of Google Cloud. Set it to false."
        )


def _closed_firewall(resource: Resource) -> Iterator[str]:
    props = resource.props
    if resource.type != FIREWALL or props.get("direction") == "EGRESS" or not props.get("allows"):
        return
    for i, source in enumerate(_items(props.get("sourceRanges"))):
        if str(source).endswith("/0"):
            yield f"sourceRanges[{i}] is {source}, which is everyone. Name who is to reach the nodes."


def _private_nodes(resource: Resource) -> Iterator[str]:
    private = _at(resource.props, "privateClusterConfig", "enablePrivateNodes")
    if resource.type == CLUSTER and _differs(private, True):
        yield f"privateClusterConfig.enablePrivateNodes is {_shown(private)}. Set it to true; nodes go out by NAT."
    for where, pool in _pools(resource):
        if _at(pool, "networkConfig", "enablePrivateNodes") is False:
            yield f"{where}networkConfig.enablePrivateNodes is false. Remove it: the cluster's nodes are private."


def _workload_identity(resource: Resource) -> Iterator[str]:
    if resource.type == CLUSTER and not _at(resource.props, "workloadIdentityConfig", "workloadPool"):
        yield "workloadIdentityConfig.workloadPool is not set. Set it to PROJECT.svc.id.goog."
    for where, pool in _pools(resource):
        mode = _at(pool, "nodeConfig", "workloadMetadataConfig", "mode")
        if _differs(mode, "GKE_METADATA"):
            yield (
                f"{where}nodeConfig.workloadMetadataConfig.mode is {_shown(mode)}, so Pods get the node's own account. "
                "Set it to GKE_METADATA, as `node_config` in infra/google/nodes.py does."
            )


def _node_account(resource: Resource) -> Iterator[str]:
    for where, pool in _pools(resource):
        account = _at(pool, "nodeConfig", "serviceAccount")
        if account in (None, "", "default") or str(account).endswith("-compute@developer.gserviceaccount.com"):
            yield (
                f"{where}nodeConfig.serviceAccount is {_shown(account)}, the project's default account, which has more "
                "rights than a node needs. Set it to the cluster's own, as `node_config` in infra/google/nodes.py does."
            )


def _tpu_from_zero(resource: Resource) -> Iterator[str]:
    for where, pool in _pools(resource):
        if not re.match(r"(ct|tpu)\d", str(_at(pool, "nodeConfig", "machineType"))):
            continue
        for key, wanted in (("initialNodeCount", 0), ("nodeCount", None)):
            if _differs(pool.get(key), wanted):
                yield (
                    f"{where}{key} is {_shown(pool.get(key))}, so the pool cannot be made while no TPU is free. Set "
                    "initialNodeCount to 0 and nodeCount not at all; the autoscaler adds nodes."
                )


def _strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a value, by where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in cast(Props, value).items():
            yield from _strings(inner, f"{path}.{key}".lstrip("."))
    for i, inner in enumerate(_items(value)):
        yield from _strings(inner, f"{path}[{i}]")


def _image(path: str, text: str, *, of_chart: bool) -> str | None:
    """The image that a string names: of a container or a volume, of a model, or its tag in a chart's values."""
    if of_chart:
        return f":{text}" if path.endswith(".tag") else None
    if path.endswith((".image", ".image.reference")):
        return text
    return text.removeprefix("oci://") if path.endswith(".uri") and text.startswith("oci://") else None


def _pinned_images(resource: Resource) -> Iterator[str]:
    if not resource.type.startswith("kubernetes:"):
        return
    for path, text in _strings(resource.props):
        image = _image(path, text, of_chart=resource.type in CHARTS)
        if image is None or text == UNKNOWN or "@sha256:" in image:
            continue
        if not re.search(r"\d", image.rsplit("/")[-1].partition(":")[2]):
            yield f"{path} is {_shown(text)}, which may be another image tomorrow. Name a release's tag or a digest."


def _pinned_charts(resource: Resource) -> Iterator[str]:
    if resource.type not in CHARTS:
        return
    chart, version = str(resource.props.get("chart")), resource.props.get("version")
    directory = "/" in chart and "://" not in chart and not _at(resource.props, "repositoryOpts", "repo")
    if not directory and version != UNKNOWN and not re.fullmatch(r"v?\d+\.\d+\.\d+([-+][\w.+-]+)?", str(version)):
        yield (
            f"version is {_shown(version)}, so Helm takes the newest chart that fits. Pin it in infra/releases/pins.py "
            "and make the release with `release` of infra/platform/charts.py."
        )


def _cost_labels(resource: Resource) -> Iterator[str]:
    key = {ADDRESS: "labels", CLUSTER: "resourceLabels"}.get(resource.type)
    if key is None:
        return
    defaults = resource.provider.get("defaultLabels")
    if isinstance(defaults, str) and defaults != UNKNOWN:
        defaults = json.loads(defaults)  # a provider gets its structured inputs as JSON
    if not _at(defaults, COST_LABEL) and not _at(resource.props, key, COST_LABEL):
        yield (
            f"there is no label `{COST_LABEL}`, neither in {key} nor in the provider's defaultLabels, so the bill does "
            "not tell the environments apart. Set `labels` in the stack's file, and use the provider of __main__.py."
        )


_GKE = "https://cloud.google.com/kubernetes-engine/docs"
RULES = (
    Rule(
        "control-plane-access",
        "The public address of the control plane answers named networks alone.",
        f"{_GKE}/how-to/hardening-your-cluster#restrict_network_access_to_the_control_plane_and_nodes",
        _control_plane_access,
    ),
    Rule(
        "closed-firewall",
        "No rule lets everyone reach the nodes; GKE makes those of load balancers.",
        f"{_GKE}/concepts/firewall-rules",
        _closed_firewall,
    ),
    Rule(
        "private-nodes",
        "Nodes have no public addresses.",
        f"{_GKE}/how-to/hardening-your-cluster#restrict_network_access_to_the_control_plane_and_nodes",
        _private_nodes,
    ),
    Rule(
        "workload-identity",
        "Pods of every node pool have identities of their own.",
        f"{_GKE}/how-to/workload-identity",
        _workload_identity,
    ),
    Rule(
        "node-account",
        "Nodes do not run under the project's default account.",
        f"{_GKE}/how-to/hardening-your-cluster#use_least_privilege_sa",
        _node_account,
    ),
    Rule(
        "tpu-from-zero",
        "TPU pools start from zero nodes.",
        f"{_GKE}/how-to/tpus",
        _tpu_from_zero,
    ),
    Rule(
        "pinned-images",
        "Images are named by a release's tag or a digest.",
        "https://kubernetes.io/docs/concepts/containers/images/#image-names",
        _pinned_images,
    ),
    Rule(
        "pinned-charts",
        "Charts have an exact version, or lie in a directory.",
        "https://helm.sh/docs/helm/helm_install/",
        _pinned_charts,
    ),
    Rule(
        "cost-labels",
        f"Cluster and address have the label `{COST_LABEL}`; GKE puts a cluster's labels on its machines too.",
        f"{_GKE}/reference/rest/v1/projects.locations.clusters",
        _cost_labels,
    ),
)
