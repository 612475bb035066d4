"""The node pool with the TPUs."""

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

from .nodes import node_config

SYSCTLS = {"vm.max_map_count": "8388608"}
"""A server on v6e maps a region for each shard of the weights, compiled program and block of the cache, and dies while
it loads at the default of 65530, by the account of vLLM's own CI fleet, which sets this on every such pool:
`google_container_node_pool.worker_tpu` in its Terraform, https://github.com/vllm-project/ci-infra."""

READ_BACK = "nodeConfig.advancedMachineFeatures"
"""GKE turns simultaneous multithreading off on TPU hosts and reports `threadsPerCore: 1` here. The provider's field is
optional and not computed, so that looks like a block to be taken away, and forces replacement (schemaNodeConfig in
google/services/container/node_config.go of terraform-provider-google): without this, the next `up` would replace the
pool. vLLM's fleet ignores it, too, and https://github.com/GoogleCloudPlatform/cloud-foundation-fabric/pull/3972 says
the same of GKE."""


def reservation_affinity(reservation: str) -> gcp.container.NodePoolNodeConfigReservationAffinityArgsDict:
    """The affinity that takes nodes from the named reservation and nowhere else."""
    return {
        "consume_reservation_type": "SPECIFIC_RESERVATION",
        "key": "compute.googleapis.com/reservation-name",
        "values": [reservation],
    }


class TpuPool(pulumi.ComponentResource):
    """A node pool of one kind of TPU slice, empty until a Pod asks for it.

    It starts at zero nodes, so making it cannot fail for lack of capacity, and the autoscaler then tries every zone.
    It is deleted before it is replaced and upgraded without surge, as a second slice rarely exists. It sets no TPU
    labels, taint or placement policy: on single-host slices GKE sets the first two itself and refuses the last
    (https://github.com/AI-Hypercomputer/xpk/issues/822). Its kernels map as much memory as `SYSCTLS` says.

    Of the settings it reads `location` and those of the TPU pool, whose nodes are counted over all its zones.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        service_account: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:TpuPool", name, None, opts)
        config: gcp.container.NodePoolNodeConfigArgsDict = {
            **node_config(service_account, hardened=settings.hardened_cluster),
            "machine_type": settings.slice.machine_type,
            "disk_size_gb": settings.tpu_boot_disk_gb,
            "spot": settings.tpu_capacity == "spot",
            "linux_node_config": {"sysctls": SYSCTLS},
        }
        if settings.tpu_capacity == "reservation":
            config["reservation_affinity"] = reservation_affinity(settings.tpu_reservation)
        gcp.container.NodePool(
            name,
            cluster=cluster,
            location=settings.location,
            node_locations=list(settings.tpu_zones),
            initial_node_count=0,
            autoscaling={
                "total_min_node_count": settings.tpu_min_nodes,
                "total_max_node_count": settings.tpu_max_nodes,
                "location_policy": "ANY",
            },
            management={"auto_repair": True, "auto_upgrade": True},
            upgrade_settings={"strategy": "SURGE", "max_surge": 0, "max_unavailable": 1},
            node_config=config,
            opts=pulumi.ResourceOptions(
                parent=self,
                delete_before_replace=True,
                replace_on_changes=["nodeConfig.machineType"],  # other machines can be changed in place, slices not
                ignore_changes=["initialNodeCount", READ_BACK],
            ),
        )
        self.register_outputs({})
