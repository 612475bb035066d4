"""The GKE cluster and the way into it."""

import json
from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from infra.settings.maintenance import MaintenanceWindow

from .network import Network
from .nodes import node_config

NODE_ROLE = "roles/container.defaultNodeServiceAccount"
"""What a node needs and no more: to write logs, metrics and autoscaling data
(https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster#use_least_privilege_sa)."""


def kubeconfig(cluster: str, dns_endpoint: str) -> str:
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


def maintenance_policy(window: MaintenanceWindow | None) -> gcp.container.ClusterMaintenancePolicyArgsDict | None:
    """The policy of a cluster that GKE upgrades in this window, or whenever it likes."""
    if window is None:
        return None
    return {
        "recurring_window": {
            "start_time": window.start,
            "end_time": window.end,
            "recurrence": window.recurrence,
        }
    }


class Cluster(pulumi.ComponentResource):
    """A private GKE Standard cluster with an autoscaled system node pool.

    Makes the nodes' service account with `NODE_ROLE`, the cluster, the system pool and the Kubernetes provider for
    all that follows. The provider waits for the system pool, NAT and firewall, so every object in the cluster does,
    and all are gone before those on the way down. It makes no TPU pool, and gives nodes no way to read private
    registries.

    The control plane is reached by its DNS endpoint, which IAM guards; its public address answers
    `authorized_networks` (IPv4 ranges) alone, so by default nobody. `location` is a zone or a region, node counts are
    over all its zones. `gke_version` is the lowest to run, empty for the release channel's. GKE upgrades it and its
    nodes in the `maintenance_window`, without one at any time. `protect` guards the cluster in Google Cloud and in
    Pulumi, always both.
    """

    id: pulumi.Output[str]
    name: pulumi.Output[str]
    node_service_account: pulumi.Output[str]
    provider: k8s.Provider

    def __init__(
        self,
        name: str,
        *,
        network: Network,
        project: str,
        location: str,
        release_channel: str,
        gke_version: str,
        maintenance_window: MaintenanceWindow | None,
        control_plane_cidr: str,
        authorized_networks: Sequence[str],
        system_machine_type: str,
        system_min_nodes: int,
        system_max_nodes: int,
        protect: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Cluster", name, None, opts)
        account = gcp.serviceaccount.Account(
            "nodes", display_name="GKE nodes", opts=pulumi.ResourceOptions(parent=self)
        )
        role = gcp.projects.IAMMember(
            "nodes",
            project=project,
            role=NODE_ROLE,
            member=account.member,
            opts=pulumi.ResourceOptions(parent=self),
        )
        cluster = gcp.container.Cluster(
            name,
            location=location,
            network=network.vpc,
            subnetwork=network.subnet,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy={
                "cluster_secondary_range_name": network.pod_range,
                "services_secondary_range_name": network.service_range,
            },
            datapath_provider="ADVANCED_DATAPATH",  # turning it on later would re-create every node pool
            gateway_api_config={"channel": "CHANNEL_STANDARD"},  # GKE owns these CRDs and refuses experimental ones
            release_channel={"channel": release_channel},
            min_master_version=gke_version or None,
            maintenance_policy=maintenance_policy(maintenance_window),
            private_cluster_config={
                "enable_private_nodes": True,
                "enable_private_endpoint": False,
                "master_ipv4_cidr_block": control_plane_cidr,
            },
            control_plane_endpoints_config={"dns_endpoint_config": {"allow_external_traffic": True}},
            master_authorized_networks_config={
                "cidr_blocks": [{"cidr_block": cidr} for cidr in authorized_networks],
                "gcp_public_cidrs_access_enabled": False,
            },
            workload_identity_config={"workload_pool": f"{project}.svc.id.goog"},
            enable_shielded_nodes=True,
            # GKE cannot make a cluster without a pool: this one lives for a moment, under the same account as the
            # others.
            initial_node_count=1,
            remove_default_node_pool=True,
            node_config=node_config(account.email),
            deletion_protection=protect,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=protect,
                depends_on=[role],
                # Two clusters cannot share the ranges, the gateway's address or, most often, the TPU capacity.
                delete_before_replace=True,
                # What is read back is another pool's, and a difference would replace the cluster:
                # https://github.com/hashicorp/terraform-provider-google/issues/12070
                ignore_changes=["nodeConfig"],
            ),
        )
        system_pool = gcp.container.NodePool(
            "system",
            cluster=cluster.id,
            location=location,
            initial_node_count=1,  # in each zone; the autoscaler takes over
            autoscaling={
                "total_min_node_count": system_min_nodes,
                "total_max_node_count": system_max_nodes,
                "location_policy": "BALANCED",
            },
            management={"auto_repair": True, "auto_upgrade": True},
            node_config={**node_config(account.email), "machine_type": system_machine_type},
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["initialNodeCount"]),
        )
        # The self-link is unknown for as long as the endpoint may be empty, and then so is the whole.
        endpoint = cluster.control_plane_endpoints_config.apply(_dns_endpoint)
        kubeconfig_json = pulumi.Output.all(cluster.self_link, cluster.name, endpoint).apply(
            lambda args: kubeconfig(cluster=args[1], dns_endpoint=args[2])
        )
        # If the cluster is replaced, every object has to go before it. The engine (3.274) closes a provider that asks
        # for its own replacement, as it does for a new identifier, before the old objects are deleted with it. So the
        # identifier stays and the engine is told by the kubeconfig. If the cluster was lost, objects see it by their
        # `replacement_trigger`, the cluster's id.
        self.provider = k8s.Provider(
            name,
            kubeconfig=kubeconfig_json,
            cluster_identifier=name,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[system_pool, network.nat, network.webhook_firewall],
                replace_on_changes=["kubeconfig"],
            ),
        )
        self.id, self.name, self.node_service_account = cluster.id, cluster.name, account.email
        self.register_outputs({"name": self.name})
