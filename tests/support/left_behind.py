"""What Google Cloud can leave behind of a stack, in a project that others use too."""

import json
from typing import Any

from google.cloud import compute_v1 as gce

from ops.compute import Compute
from ops.leftovers import leftovers
from ops.scope import Scope
from ops.signs import content_hash
from ops.teardown import Agreed
from tests.support.gce import Project

REGION, ZONE = "regions/europe-west4", "zones/europe-west4-a"
VPC, CLUSTER = "tpu-inference-c3f688e", "tpu-inference-9df6565"
SERVICE = "istio-ingress/inference-gateway"
UID = "a4701527-bca6-4e40-8983-c5fe0bb1b1be"
"""Of the cluster's namespace kube-system."""
MARK = content_hash(UID)
SERVICE_UID = "4701527b-ca6e-4089-83c5-fe0bb1b1be6c"
LB = "a4701527bca6e408983c5fe0bb1b1be6"
"""What cloud-provider-gcp makes of the UID of a Service (`cloudprovider.DefaultLoadBalancerName`)."""
NODE = {"goog-k8s-cluster-name": CLUSTER, "goog-k8s-cluster-location": "europe-west4-a"}
TAG = f"gke-{CLUSTER}-1a2b3c4d-node"
L4, OLD, SHARED = (
    json.dumps({"networking.gke.io/service-name": SERVICE, "networking.gke.io/api-version": "ga"}),
    json.dumps({"kubernetes.io/service-name": SERVICE}),
    json.dumps({"networking.gke.io/service-name": "", "networking.gke.io/resource-description": "This is shared"}),
)
"""How GKE describes what it makes for a Service: ingress-gce, cloud-provider-gcp, and what several Services share."""
CLAIM = json.dumps({"kubernetes.io/created-for/pvc/name": "weights", "kubernetes.io/created-for/pvc/namespace": "team"})

NAME = "istio-ingress-inference-gateway-cysix1wq"
FORWARDING, LB_RULE = f"{REGION}/forwardingRules/k8s2-tcp-{MARK}-{NAME}", f"{REGION}/forwardingRules/{LB}"
POOL, BACKEND = f"{REGION}/targetPools/{LB}", f"{REGION}/backendServices/k8s2-{MARK}-{NAME}"
HEALTH = f"{REGION}/healthChecks/k8s2-{MARK}-l4-shared-hc"
NEG = f"{ZONE}/networkEndpointGroups/k8s2-{MARK}-{NAME}"
GROUP = f"{ZONE}/instanceGroups/k8s-ig--e4198c6a84c32393"
FIREWALL, SHARED_FIREWALL = (f"global/firewalls/k8s2-{MARK}-{NAME}", f"global/firewalls/k8s2-{MARK}-l4-shared-hc-fw")
OLD_FIREWALL, NODE_FIREWALL = (
    f"global/firewalls/k8s-fw-{LB}",
    "global/firewalls/gke-tpu-inference-9df6565-1a2b3c4d-mcsd",
)
ADDRESS = f"{REGION}/addresses/{LB}"
DISK, REGIONAL_DISK = f"{ZONE}/disks/pvc-1", f"{REGION}/disks/pvc-2"
OURS = [
    FORWARDING,
    LB_RULE,
    POOL,
    BACKEND,
    HEALTH,
    NEG,
    GROUP,
    FIREWALL,
    SHARED_FIREWALL,
    OLD_FIREWALL,
    NODE_FIREWALL,
    ADDRESS,
    DISK,
    REGIONAL_DISK,
]
"""What belongs to the stack, in an order that works."""
DISKS = [DISK, REGIONAL_DISK]

BY_HAND, FOREIGN_NEG = "global/backendServices/by-hand", f"{ZONE}/networkEndpointGroups/k8s1-0a1b2c3d-team-b-web-80-11"
RULE_BY_HAND, INTERNAL = "global/firewalls/by-hand", f"{REGION}/addresses/internal"
UNCLAIMED = f"{ZONE}/disks/copied-by-hand"
PERHAPS = [BY_HAND, FOREIGN_NEG, RULE_BY_HAND, INTERNAL, UNCLAIMED]
"""What carries one sign alone."""


def project() -> Project:
    """A project in which GKE has left everything that it can leave of the stack, beside look-alikes of others."""
    made = Project("p")
    _leave_ours(made)
    _leave_perhaps(made)
    add_neighbour(made, f"{VPC}-2")
    _add_others(made)
    return made


def scope() -> Scope:
    """What the state says after a destroy that stopped at the VPC."""
    return Scope(
        project="p",
        networks=frozenset({f"projects/p/global/networks/{VPC}"}),
        subnets=frozenset({f"projects/p/{REGION}/subnetworks/{VPC}"}),
        addresses=frozenset({"34.7.208.8"}),
        clusters=frozenset({(CLUSTER, "europe-west4-a")}),
        marks=frozenset({LB}),
    )


def in_project(paths: list[str]) -> list[str]:
    return [f"projects/p/{path}" for path in paths]


def digests(google: Project, scope: Scope, paths: list[str]) -> Agreed:
    """What a list of leftovers says of these."""
    listed = {left.thing.path: left for left in leftovers(Compute(google.client).things("p"), scope)}
    chosen = [listed[path] for path in in_project(paths)]
    disks = frozenset(left.digest for left in chosen if left.thing.collection == "disks")
    return Agreed(frozenset(left.digest for left in chosen) - disks, disks)


def add_firewall(project: Project, name: str, network: str, **fields: Any) -> None:
    """A firewall rule in a VPC."""
    project.add(f"global/firewalls/{name}", network=project.link(f"global/networks/{network}"), **fields)


def leave_load_balancer(project: Project, network: str) -> None:
    """A load balancer of each kind that GKE makes, with its rules in a VPC."""
    vpc = project.link(f"global/networks/{network}")
    group = gce.Backend(group=project.link(NEG))
    project.add(FORWARDING, I_p_address="34.7.208.8", backend_service=project.link(BACKEND), description=L4)
    project.add(LB_RULE, target=project.link(POOL), description=OLD)
    project.add(POOL, description=OLD)
    project.add(BACKEND, backends=[group], health_checks=[project.link(HEALTH)], description=L4)
    project.add(HEALTH, description=SHARED)
    described = json.dumps({"cluster-uid": UID, "namespace": "istio-ingress", "service-name": "inference-gateway"})
    project.add(NEG, network=vpc, description=described)
    add_firewall(project, FIREWALL.rsplit("/", maxsplit=1)[-1], network, description=L4, target_tags=[TAG])
    add_firewall(project, SHARED_FIREWALL.rsplit("/", maxsplit=1)[-1], network, description=SHARED, target_tags=[TAG])
    add_firewall(project, OLD_FIREWALL.rsplit("/", maxsplit=1)[-1], network, description=OLD, target_tags=[TAG])
    add_firewall(project, NODE_FIREWALL.rsplit("/", maxsplit=1)[-1], network, target_tags=[TAG])
    project.add(ADDRESS, description=OLD)


def _leave_ours(project: Project) -> None:
    leave_load_balancer(project, VPC)
    project.add(GROUP, network=project.link(f"global/networks/{VPC}"))
    project.resources[f"projects/p/{BACKEND}"].backends.append(gce.Backend(group=project.link(GROUP)))
    project.add(DISK, labels=NODE, description=CLAIM)
    project.add(REGIONAL_DISK, labels={"goog-k8s-cluster-name": CLUSTER}, description=CLAIM)


def _leave_perhaps(project: Project) -> None:
    vpc = project.link(f"global/networks/{VPC}")
    project.add(FOREIGN_NEG, network=vpc)
    project.add(BY_HAND, backends=[gce.Backend(group=project.link(NEG))])
    add_firewall(project, "by-hand", VPC)
    project.add(INTERNAL, subnetwork=project.link(f"{REGION}/subnetworks/{VPC}"))
    project.add(UNCLAIMED, labels=NODE)


def add_neighbour(project: Project, network: str) -> None:
    """Another stack's load balancer, for the same Service in a cluster of its own, and its rules in a VPC."""
    vpc = project.link(f"global/networks/{network}")
    place = f"{ZONE}/networkEndpointGroups/k8s2-uid99999-{NAME}"
    group = project.add(place, network=vpc, description=json.dumps({"cluster-uid": UID[::-1]}))
    service = project.add(
        f"{REGION}/backendServices/k8s2-uid99999-{NAME}", backends=[gce.Backend(group=group)], description=L4
    )
    rule = f"{REGION}/forwardingRules/k8s2-tcp-uid99999-{NAME}"
    project.add(rule, I_p_address="34.7.208.9", backend_service=service, description=L4)
    project.add(f"{REGION}/healthChecks/k8s2-uid99999-l4-shared-hc", description=SHARED)
    other = "gke-tpu-inference-9df6565-2-1a2b3c4d"
    add_firewall(project, "k8s2-uid99999-l4-shared-hc-fw", network, target_tags=[f"{other}-node"])
    add_firewall(project, f"{other}-mcsd", network, target_tags=[f"{other}-node"])
    add_firewall(project, f"k8s-fw-{LB[:-1]}0", network, target_tags=[f"{other}-node"], description=OLD)
    project.add(f"{REGION}/targetPools/{LB[:-1]}0", description=OLD)


def _add_others(project: Project) -> None:
    # A load balancer over two VPCs, and what somebody has made by hand.
    neighbour = project.link(f"{ZONE}/networkEndpointGroups/k8s2-uid99999-{NAME}")
    shared = [gce.Backend(group=neighbour), gce.Backend(group=project.link(FOREIGN_NEG))]
    project.add("global/backendServices/shared", backends=shared)
    project.add("global/backendServices/empty")
    # Another VPC's, of the cluster whose endpoint group is in ours.
    project.add(f"{REGION}/backendServices/k8s1-0a1b2c3d-team-b-web-80-11", description=L4)
    project.add(f"{REGION}/addresses/tpu-inference-gateway-static", address="34.7.208.10")
    project.add(f"{REGION}/addresses/{VPC}")
    # Disks of a cluster whose name begins like ours, of one with our name elsewhere, and of none.
    project.add(f"{ZONE}/disks/pvc-3", labels={**NODE, "goog-k8s-cluster-name": f"{CLUSTER}-x"}, description=CLAIM)
    project.add(f"{ZONE}/disks/pvc-4", labels={**NODE, "goog-k8s-cluster-location": "us-east5-a"}, description=CLAIM)
    project.add(f"{ZONE}/disks/pvc-5", description=CLAIM)
    project.add(f"{ZONE}/disks/gke-{CLUSTER}-system-pvc")
