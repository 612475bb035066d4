"""The GKE cluster and its system nodes."""

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from infra.settings.maintenance import MaintenanceWindow
from infra.settings.schema import Settings
from infra.settings.workload_identity import pool

from . import firewall, kubeconfig
from .hardening import callers, encryption, endpoints, hardening, private_nodes
from .image_cache import image_cache
from .measured import monitoring
from .metrics_reader import metrics_reader
from .network import Network
from .node_account import node_account
from .nodes import node_config
from .secrets_key import SecretsKey


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


def system_nodes(settings: Settings) -> gcp.container.NodePoolAutoscalingArgsDict:
    """How many nodes the platform may have."""
    return {
        "total_min_node_count": settings.system_min_nodes,
        "total_max_node_count": settings.system_max_nodes,
        "location_policy": "BALANCED",
    }


def _nodes(settings: Settings, service_account: pulumi.Input[str]) -> gcp.container.NodePoolNodeConfigArgsDict:
    """What the nodes of the cluster share."""
    return node_config(service_account, hardened=settings.hardened_cluster, streaming=settings.streams_images)


def addons(settings: Settings) -> gcp.container.ClusterAddonsConfigArgsDict | None:
    """What GKE runs in the cluster beyond its own defaults: the driver that mounts buckets, if Pods do.

    It comes in place, and stays when it is not asked for any more: the block is Computed, and no change of it forces a
    replacement (`resource_container_cluster.go` of terraform-provider-google).
    """
    return {"gcs_fuse_csi_driver_config": {"enabled": True}} if settings.mounts_buckets else None


def _gke(
    name: str,
    *,
    settings: Settings,
    network: Network,
    service_account: pulumi.Input[str],
    key: pulumi.Input[str] | None,
    opts: pulumi.ResourceOptions,
) -> gcp.container.Cluster:
    return gcp.container.Cluster(
        name,
        location=settings.location,
        network=network.vpc,
        subnetwork=network.subnet,
        networking_mode="VPC_NATIVE",
        ip_allocation_policy={
            "cluster_secondary_range_name": network.pod_range,
            "services_secondary_range_name": network.service_range,
        },
        datapath_provider="ADVANCED_DATAPATH",  # turning it on later would re-create every node pool
        gateway_api_config={"channel": "CHANNEL_STANDARD"},  # GKE owns these CRDs and refuses experimental ones
        release_channel={"channel": settings.release_channel},
        min_master_version=settings.gke_version or None,
        maintenance_policy=maintenance_policy(settings.maintenance_window),
        private_cluster_config=private_nodes(settings),
        control_plane_endpoints_config=endpoints(settings.hardened_cluster),
        master_authorized_networks_config=callers(settings),
        workload_identity_config={"workload_pool": pool(settings.project)},
        enable_shielded_nodes=True,
        addons_config=addons(settings),
        monitoring_config=monitoring(settings),
        database_encryption=encryption(key),
        **hardening(settings.hardened_cluster),
        # GKE cannot make a cluster without a pool: this one lives for a moment, under the others' account.
        initial_node_count=1,
        remove_default_node_pool=True,
        node_config=_nodes(settings, service_account),
        deletion_protection=settings.protect,
        opts=opts,
    )


def _rules(
    name: str,
    *,
    settings: Settings,
    network: Network,
    service_account: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> list[gcp.compute.Firewall]:
    webhooks = firewall.webhooks(name, settings=settings, network=network, service_account=service_account)
    if not settings.hardened_cluster:
        return [webhooks]
    egress = firewall.Egress(name, settings=settings, network=network, service_account=service_account, opts=opts)
    return [webhooks, egress.denied]


def _key(name: str, *, settings: Settings, opts: pulumi.ResourceOptions) -> pulumi.Input[str] | None:
    """The key of the cluster's Secrets: the user's, or one that is made here; none unless the cluster is hardened."""
    if not settings.hardened_cluster:
        return None
    return settings.kms_key or SecretsKey(name, settings=settings, opts=opts).id


def _system_pool(
    *, settings: Settings, cluster: pulumi.Input[str], service_account: pulumi.Input[str], parent: pulumi.Resource
) -> gcp.container.NodePool:
    return gcp.container.NodePool(
        "system",
        cluster=cluster,
        location=settings.location,
        initial_node_count=1,  # in each zone; the autoscaler takes over
        autoscaling=system_nodes(settings),
        management={"auto_repair": True, "auto_upgrade": True},
        node_config={
            **_nodes(settings, service_account),
            "machine_type": settings.system_machine_type,
        },
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["initialNodeCount"]),
    )


class Cluster(pulumi.ComponentResource):
    """A private GKE Standard cluster with an autoscaled system node pool.

    Makes what images are pulled by (`image_cache`), the nodes' account unless it is given one (`node_account`), the
    firewall's rules, the cluster, who may read its metrics (`metrics_reader`), the key of a hardened one, the system
    pool and the Kubernetes provider for all that follows. The provider waits for the system pool, NAT, firewall and the
    images' repositories, so every object in the cluster does, and all are gone before those on the way down. It makes
    no TPU pool.

    The control plane is reached by its DNS endpoint, which IAM guards; its public address answers
    `authorized_networks` alone, so by default nobody, and a hardened cluster has none. `location` is a zone or a
    region, node counts are over all its zones. `gke_version` is the lowest to run, empty for the release channel's.
    GKE upgrades it and its nodes in the `maintenance_window`, without one at any time. `protect` guards the cluster in
    Google Cloud and in Pulumi, always both.
    """

    id: pulumi.Output[str]
    name: pulumi.Output[str]
    node_service_account: pulumi.Input[str]
    provider: k8s.Provider

    def __init__(
        self, name: str, *, settings: Settings, network: Network, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Cluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        images = image_cache(name, settings=settings, opts=child)
        account = node_account(settings, images=images, opts=child)
        rules = _rules(name, settings=settings, network=network, service_account=account.email, opts=child)
        cluster = _gke(
            name,
            settings=settings,
            network=network,
            service_account=account.email,
            key=_key(name, settings=settings, opts=child),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=settings.protect,
                depends_on=account.grants,
                # Two clusters cannot share the ranges, the gateway's address or, most often, the TPU capacity.
                delete_before_replace=True,
                # What is read back is another pool's, and a difference would replace the cluster:
                # https://github.com/hashicorp/terraform-provider-google/issues/12070
                ignore_changes=["nodeConfig"],
            ),
        )
        metrics_reader(settings, opts=pulumi.ResourceOptions(parent=self, depends_on=[cluster]))
        system_pool = _system_pool(settings=settings, cluster=cluster.id, service_account=account.email, parent=self)
        # If the cluster is replaced, every object has to go before it. The engine (3.274) closes a provider that asks
        # for its own replacement, as it does for a new identifier, before the old objects are deleted with it. So the
        # identifier stays and the engine is told by the kubeconfig. If the cluster was lost, objects see it by their
        # `replacement_trigger`, the cluster's id.
        self.provider = k8s.Provider(
            name,
            kubeconfig=kubeconfig.of(cluster),
            cluster_identifier=name,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[system_pool, network.nat, *rules, *images],
                replace_on_changes=["kubeconfig"],
            ),
        )
        self.id, self.name, self.node_service_account = cluster.id, cluster.name, account.email
        self.register_outputs({"name": self.name})
