"""What every node of the cluster has, whatever its machine."""

import pulumi
import pulumi_gcp as gcp

OAUTH_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""Scopes are a legacy limit on top of IAM: Google's advice is to open them and let the account's roles decide."""


def node_config(service_account: pulumi.Input[str]) -> gcp.container.NodePoolNodeConfigArgsDict:
    """The part of a node pool's configuration that all pools share: own identity, shielded, Workload Identity."""
    return {
        "service_account": service_account,
        "oauth_scopes": list(OAUTH_SCOPES),
        "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
        "workload_metadata_config": {"mode": "GKE_METADATA"},
    }
