"""What a hardened cluster is told beyond the others, and what each of it is for.

It follows https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster. All of it can be turned on
while the cluster lives: nothing here forces a replacement in the provider (resource_container_cluster.go of
terraform-provider-google). GKE keeps what is taken out again, so turning it off is told where it matters.
"""

from typing import TypedDict

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings


class Hardening(TypedDict, total=False):
    """The arguments of the cluster that are only a hardened one's."""

    anonymous_authentication_config: gcp.container.ClusterAnonymousAuthenticationConfigArgsDict
    rbac_binding_config: gcp.container.ClusterRbacBindingConfigArgsDict
    binary_authorization: gcp.container.ClusterBinaryAuthorizationArgsDict
    security_posture_config: gcp.container.ClusterSecurityPostureConfigArgsDict
    logging_config: gcp.container.ClusterLoggingConfigArgsDict
    enable_intranode_visibility: bool


def hardening(hardened: bool) -> Hardening:
    """Who gets in without a name, what may run, and what is written down.

    Binary Authorization asks the project's own policy, which lets every image run until somebody writes another.
    There is no scan for vulnerabilities: GKE does not offer the basic one any more
    (https://cloud.google.com/kubernetes-engine/docs/deprecations/posture-management-deprecation).
    """
    if not hardened:
        return {}
    return {
        "anonymous_authentication_config": {"mode": "LIMITED"},  # health checks alone
        "rbac_binding_config": {
            "enable_insecure_binding_system_authenticated": False,  # anyone with a Google account
            "enable_insecure_binding_system_unauthenticated": False,
        },
        "binary_authorization": {"evaluation_mode": "PROJECT_SINGLETON_POLICY_ENFORCE"},
        "security_posture_config": {"mode": "BASIC"},
        "logging_config": {
            "enable_components": ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "SCHEDULER", "CONTROLLER_MANAGER"]
        },
        "enable_intranode_visibility": True,  # flow logs see what Pods of one node send each other, too
    }


def encryption(key: pulumi.Input[str] | None) -> gcp.container.ClusterDatabaseEncryptionArgsDict:
    """How Secrets lie in the cluster's database: encrypted with a key, or as Google encrypts every disk.

    The second is GKE's default and said all the same: if it were left out, a cluster that was hardened once would go on
    with its key after the key is gone, and lose every Secret.
    """
    return {"state": "ENCRYPTED", "key_name": key} if key is not None else {"state": "DECRYPTED"}


def endpoints(hardened: bool) -> gcp.container.ClusterControlPlaneEndpointsConfigArgsDict:
    """The ways to the control plane: by its DNS name, and by addresses unless it is hardened.

    That there are addresses is GKE's default, and said because the provider would leave them off otherwise, once off.
    """
    return {
        "dns_endpoint_config": {"allow_external_traffic": True},
        "ip_endpoints_config": {"enabled": not hardened},
    }


def private_nodes(settings: Settings) -> gcp.container.ClusterPrivateClusterConfigArgsDict:
    """Nodes without public addresses, and a control plane that has one unless it is hardened.

    Without its addresses GKE says that the endpoint is private, whatever it was told (`flattenPrivateClusterConfig`).
    """
    return {
        "enable_private_nodes": True,
        "enable_private_endpoint": settings.hardened_cluster,
        "master_ipv4_cidr_block": settings.control_plane_cidr,
    }


def callers(settings: Settings) -> gcp.container.ClusterMasterAuthorizedNetworksConfigArgsDict | None:
    """Who may reach the control plane by its public address. Of none GKE reads none back, so none is given."""
    if settings.hardened_cluster:
        return None
    return {
        "cidr_blocks": [{"cidr_block": cidr} for cidr in settings.authorized_networks],
        "gcp_public_cidrs_access_enabled": False,
    }
