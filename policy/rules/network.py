"""Who reaches the control plane and the nodes, by which addresses."""

from collections.abc import Iterator

from .cluster import CLUSTER, node_pools
from .ranges import too_wide
from .resource import GKE, UNKNOWN, Resource, Rule, at, differs, items, shown

FIREWALL = "gcp:compute/firewall:Firewall"


def _control_plane_access(resource: Resource) -> Iterator[str]:
    props = resource.props
    if (
        resource.type != CLUSTER
        or at(props, "privateClusterConfig", "enablePrivateEndpoint") in (True, UNKNOWN)
        or at(props, "controlPlaneEndpointsConfig", "ipEndpointsConfig", "enabled") in (False, UNKNOWN)
    ):
        return
    networks = props.get("masterAuthorizedNetworksConfig")
    if networks is None:
        yield (
            "the control plane has a public address and no masterAuthorizedNetworksConfig, so everyone may reach it. "
            "Add the block with the ranges that need it, or with none."
        )
        return
    if wide := too_wide(at(block, "cidrBlock") for block in items(at(networks, "cidrBlocks"))):
        yield (
            f"masterAuthorizedNetworksConfig.cidrBlocks are together {wide}, which is about everyone. Name the ranges "
            "that need the control plane, or none."
        )
    google = at(networks, "gcpPublicCidrsAccessEnabled")
    if differs(google, False):
        yield (
            f"masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled is {shown(google)}, and true lets in every "
            "virtual machine of Google Cloud. Set it to false."
        )


def _closed_firewall(resource: Resource) -> Iterator[str]:
    props = resource.props
    if resource.type != FIREWALL or props.get("direction") == "EGRESS" or not props.get("allows"):
        return
    sources = props.get("sourceRanges")
    if wide := too_wide(items(sources)):
        yield f"sourceRanges are together {wide}, which is about everyone. Name who is to reach the nodes."
    if not sources and not props.get("sourceServiceAccounts") and not props.get("sourceTags"):
        yield "there are no sourceRanges, which means everyone. Name who is to reach the nodes."


def _private_nodes(resource: Resource) -> Iterator[str]:
    private = at(resource.props, "privateClusterConfig", "enablePrivateNodes")
    if resource.type == CLUSTER and differs(private, True):
        yield f"privateClusterConfig.enablePrivateNodes is {shown(private)}. Set it to true; nodes go out by NAT."
    for where, pool in node_pools(resource):
        if at(pool, "networkConfig", "enablePrivateNodes") is False:
            yield f"{where}networkConfig.enablePrivateNodes is false. Remove it: the cluster's nodes are private."


RULES = (
    Rule(
        "control-plane-access",
        "The public address of the control plane answers named networks alone.",
        f"{GKE}/how-to/hardening-your-cluster#restrict_network_access_to_the_control_plane_and_nodes",
        _control_plane_access,
    ),
    Rule(
        "closed-firewall",
        "No rule lets everyone reach the nodes; GKE makes those of load balancers.",
        f"{GKE}/concepts/firewall-rules",
        _closed_firewall,
    ),
    Rule(
        "private-nodes",
        "Nodes have no public addresses.",
        f"{GKE}/how-to/hardening-your-cluster#restrict_network_access_to_the_control_plane_and_nodes",
        _private_nodes,
    ),
)
