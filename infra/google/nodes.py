"""What every node of the cluster has, whatever its machine."""

import pulumi
import pulumi_gcp as gcp

OAUTH_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""Scopes are a legacy limit on top of IAM: Google's advice is to open them and let the account's roles decide."""


def node_config(
    service_account: pulumi.Input[str], *, hardened: bool, streaming: bool
) -> gcp.container.NodePoolNodeConfigArgsDict:
    """The part of a node pool's configuration that all pools share: own identity, shielded, Workload Identity.

    With `streaming`, a container starts before all of its image is there; it takes the nodes' default image and images
    in Artifact Registry (https://cloud.google.com/kubernetes-engine/docs/how-to/image-streaming#requirements); a pool
    that streams goes on to when that is left out again. Hardened nodes do not have the kubelet's port that tells every
    Pod about all others without asking who it is.
    """
    config: gcp.container.NodePoolNodeConfigArgsDict = {
        "service_account": service_account,
        "oauth_scopes": list(OAUTH_SCOPES),
        "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
        "workload_metadata_config": {"mode": "GKE_METADATA"},
    }
    if streaming:
        config["gcfs_config"] = {"enabled": True}
    if hardened:
        config["kubelet_config"] = {"insecure_kubelet_readonly_port_enabled": "FALSE"}
    return config
