"""The way into a cluster."""

import json

import pulumi
import pulumi_gcp as gcp


def render(cluster: str, dns_endpoint: str) -> str:
    """A kubeconfig for the cluster's DNS endpoint, as JSON.

    It holds no credentials: `gke-gcloud-auth-plugin` gets a token for whoever runs it, and IAM decides. It holds no CA
    either, as the endpoint's certificate is publicly trusted.
    """
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "gke-gcloud-auth-plugin",
            "installHint": "Install it with `gcloud components install gke-gcloud-auth-plugin`.",
            "interactiveMode": "IfAvailable",
            "provideClusterInfo": True,
        }
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": {"server": f"https://{dns_endpoint}"}}],
            "users": [{"name": cluster, "user": user}],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
            "current-context": cluster,
        }
    )


def _dns_endpoint(config: gcp.container.outputs.ClusterControlPlaneEndpointsConfig) -> str:
    """The endpoint, empty while it is not there: a preview may know the block before what GKE fills in."""
    return (config.dns_endpoint_config.endpoint if config.dns_endpoint_config else None) or ""


def of(cluster: gcp.container.Cluster) -> pulumi.Output[str]:
    """The kubeconfig of a cluster. The self-link is unknown for as long as the endpoint may be empty, and then so is
    the whole."""
    endpoint = cluster.control_plane_endpoints_config.apply(_dns_endpoint)
    return pulumi.Output.all(cluster.self_link, cluster.name, endpoint).apply(
        lambda args: render(cluster=args[1], dns_endpoint=args[2])
    )
