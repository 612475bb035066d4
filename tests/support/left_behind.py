"""What Google Cloud can leave behind of a stack, in a project that others use too."""

from collections.abc import Iterator
from typing import Any

from google.cloud import compute_v1 as gce

from ops.leftovers import Scope
from tests.support.gce import Project

REGION, ZONE = "regions/europe-west4", "zones/europe-west4-a"
VPC, CLUSTER, MARK = "tpu-inference-c3f688e", "tpu-inference-9df6565", "uid01234"
LB = "a4701527bca6e408983c5fe0bb1b1be6"
NODE = {"goog-k8s-cluster-name": CLUSTER, "goog-k8s-cluster-location": "europe-west4-a"}

OURS = [
    f"{REGION}/forwardingRules/k8s2-tcp-{MARK}-istio-ingress-gateway-cysix1wq",
    f"{REGION}/forwardingRules/{LB}",
    f"{REGION}/targetPools/{LB}",
    f"{REGION}/backendServices/k8s2-{MARK}-istio-ingress-gateway-cysix1wq",
    "global/backendServices/by-hand",
    f"{REGION}/healthChecks/k8s2-{MARK}-l4-shared-hc",
    f"{ZONE}/networkEndpointGroups/k8s2-{MARK}-istio-ingress-gateway-cysix1wq",
    f"{ZONE}/networkEndpointGroups/k8s1-0a1b2c3d-team-b-web-80-11112222",
    f"{ZONE}/instanceGroups/k8s-ig--e4198c6a84c32393",
    f"global/firewalls/k8s2-{MARK}-istio-ingress-gateway-cysix1wq",
    f"global/firewalls/k8s2-{MARK}-l4-shared-hc-fw",
    f"global/firewalls/k8s-fw-{LB}",
    "global/firewalls/gke-tpu-inference-9df6565-1a2b3c4d-mcsd",
    f"{REGION}/addresses/{LB}",
    f"{REGION}/addresses/internal",
    f"{ZONE}/disks/pvc-1",
    f"{REGION}/disks/pvc-2",
]
"""What belongs to the stack, in an order that works."""


def project() -> Project:
    """A project in which GKE has left everything that it can leave of the stack, beside look-alikes of others."""
    made = Project("p")
    _leave_ours(made)
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
    )


def in_project(paths: list[str]) -> list[str]:
    return [f"projects/p/{path}" for path in paths]


def _leave_ours(project: Project) -> None:
    vpc = project.link(f"global/networks/{VPC}")
    path = iter(OURS)
    fields: Iterator[dict[str, Any]] = iter(
        [
            {"I_p_address": "34.7.208.8", "backend_service": project.link(OURS[3])},
            {"target": project.link(OURS[2])},
            {},
            {"backends": [gce.Backend(group=project.link(OURS[6]))], "health_checks": [project.link(OURS[5])]},
            {"backends": [gce.Backend(group=project.link(OURS[7])), gce.Backend(group=project.link(OURS[8]))]},
            {},
            *[{"network": vpc}] * 7,
            {},
            {"subnetwork": project.link(f"{REGION}/subnetworks/{VPC}")},
            {"labels": NODE},
            {"labels": {"goog-k8s-cluster-name": CLUSTER}},
        ]
    )
    for place, values in zip(path, fields, strict=True):
        project.add(place, **values)


def _add_others(project: Project) -> None:
    other = project.link(f"global/networks/{VPC}-2")
    # Another stack's, with the same Service in a cluster of its own.
    neighbour = project.add(f"{ZONE}/networkEndpointGroups/k8s2-uid99999-istio-ingress-gateway-aaaaaaaa", network=other)
    service = project.add(
        f"{REGION}/backendServices/k8s2-uid99999-istio-ingress-gateway-aaaaaaaa",
        backends=[gce.Backend(group=neighbour)],
    )
    project.add(
        f"{REGION}/forwardingRules/k8s2-tcp-uid99999-istio-ingress-gateway-aaaaaaaa",
        I_p_address="34.7.208.9",
        backend_service=service,
        description='{"networking.gke.io/service-name":"istio-ingress/gateway"}',
    )
    project.add(f"{REGION}/healthChecks/k8s2-uid99999-l4-shared-hc")
    project.add("global/firewalls/k8s2-uid99999-l4-shared-hc-fw", network=other)
    project.add("global/firewalls/gke-tpu-inference-9df6565-2-1a2b3c4d-mcsd", network=other)
    project.add(f"global/firewalls/k8s-fw-{LB[:-1]}0", network=other)
    project.add(f"{REGION}/targetPools/{LB[:-1]}0")
    # A load balancer over two VPCs, and what somebody has made by hand.
    shared = [gce.Backend(group=neighbour), gce.Backend(group=project.link(OURS[6]))]
    project.add("global/backendServices/shared", backends=shared)
    project.add("global/backendServices/empty")
    project.add(f"{REGION}/addresses/tpu-inference-gateway-static", address="34.7.208.10")
    project.add(f"{REGION}/addresses/{VPC}")
    # Disks of a cluster whose name begins like ours, of one with our name elsewhere, and of none.
    project.add(f"{ZONE}/disks/pvc-3", labels={**NODE, "goog-k8s-cluster-name": f"{CLUSTER}-x"})
    project.add(f"{ZONE}/disks/pvc-4", labels={**NODE, "goog-k8s-cluster-location": "us-east5-a"})
    project.add(f"{ZONE}/disks/pvc-5")
    project.add(f"{ZONE}/disks/gke-{CLUSTER}-system-pvc")
