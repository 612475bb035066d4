"""A node pool with TPUs."""

import pulumi
import pulumi_gcp as gcp

from infra.settings import capacity
from infra.settings.schema import Settings

from .nodes import node_config
from .tpu_pools import COMPUTE_CLASS, Plan, planned

SYSCTLS = {"vm.max_map_count": "8388608"}
"""A server on v6e maps a region for each shard of the weights, compiled program and block of the cache, and dies while
it loads at the default of 65530, by the account of vLLM's own CI fleet, which sets this on every such pool:
`google_container_node_pool.worker_tpu` in its Terraform,
https://github.com/vllm-project/ci-infra/blob/4ee4ce01d335f56e99110e01fde91ae93809f9d9/terraform/gcp_old/tpu-inference/k8s/workers.tf."""

READ_BACK = "nodeConfig.advancedMachineFeatures"
"""GKE turns simultaneous multithreading off on TPU hosts and reports `threadsPerCore: 1` here. The provider's field is
optional and not computed, so that looks like a block to be taken away, and forces replacement (schemaNodeConfig in
google/services/container/node_config.go of terraform-provider-google): without this, the next `up` would replace the
pool. vLLM's fleet ignores it, too, in the same file, and
https://github.com/GoogleCloudPlatform/cloud-foundation-fabric/pull/3972 says the same of GKE."""


def reservation_affinity(reservation: str) -> gcp.container.NodePoolNodeConfigReservationAffinityArgsDict:
    """The affinity that takes nodes from the named reservation and nowhere else."""
    return {
        "consume_reservation_type": "SPECIFIC_RESERVATION",
        "key": "compute.googleapis.com/reservation-name",
        "values": [reservation],
    }


def bought(entry: str, *, flex_start_seconds: int) -> gcp.container.NodePoolNodeConfigArgsDict:
    """How the nodes of a class are bought. Those of flex-start live for so many seconds, and consume no reservation."""
    config: gcp.container.NodePoolNodeConfigArgsDict = {"spot": entry == capacity.SPOT}
    if reservation := capacity.reservation(entry):
        config["reservation_affinity"] = reservation_affinity(reservation)
    if entry == capacity.FLEX_START:
        config["flex_start"] = True
        config["max_run_duration"] = f"{flex_start_seconds}s"
        config["reservation_affinity"] = {"consume_reservation_type": "NO_RESERVATION"}
    return config


def upgraded(entry: str) -> gcp.container.NodePoolUpgradeSettingsArgsDict | None:
    """How GKE upgrades the nodes of a class: one at a time with no spare, as a second slice rarely exists.

    Those of flex-start are not touched while they live. GKE calls that strategy SHORT_LIVED and gives it to such pools
    by itself; the provider refuses to name it (`ResourceContainerNodePool` in google/services/container/
    resource_container_node_pool.go of terraform-provider-google: SURGE and BLUE_GREEN alone)."""
    if entry == capacity.FLEX_START:
        return None
    return {"strategy": "SURGE", "max_surge": 0, "max_unavailable": 1}


def of_class(name: str) -> gcp.container.NodePoolNodeConfigArgsDict:
    """What makes a pool one of a ComputeClass; nothing without one."""
    if not name:
        return {}
    return {
        "labels": {COMPUTE_CLASS: name},
        "taints": [{"key": COMPUTE_CLASS, "value": name, "effect": "NO_SCHEDULE"}],
    }


class TpuPool(pulumi.ComponentResource):
    """A node pool of one kind of TPU slice, bought in one way, empty until a Pod asks for it.

    It starts at zero nodes, so making it cannot fail for lack of capacity, and the autoscaler then tries every zone.
    It is deleted before it is replaced and upgraded without surge, as a second slice rarely exists. It sets no TPU
    labels, taint or placement policy: on single-host slices GKE sets the first two itself and refuses the last
    (https://github.com/AI-Hypercomputer/xpk/issues/822). Its kernels map as much memory as `SYSCTLS` says.

    A pool of flex-start has what GKE asks of one: no repair, no reservation, upgrades that wait for the node's end
    (https://cloud.google.com/kubernetes-engine/docs/concepts/dws#requirements-limitations).

    Of the settings it reads `location` and those of the TPU pools, whose nodes are counted over all zones of a pool.
    `name` is GKE's name of it.
    """

    name: pulumi.Output[str]

    def __init__(
        self,
        plan: Plan,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        service_account: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:TpuPool", plan.name, None, opts)
        self.plan = plan
        pool = gcp.container.NodePool(
            plan.name,
            cluster=cluster,
            location=settings.location,
            node_locations=list(settings.tpu_zones),
            initial_node_count=0,
            autoscaling={
                "total_min_node_count": plan.least,
                "total_max_node_count": settings.tpu_max_nodes,
                "location_policy": "ANY",
            },
            management={"auto_repair": plan.capacity != capacity.FLEX_START, "auto_upgrade": True},
            upgrade_settings=upgraded(plan.capacity),
            node_config={
                **node_config(service_account, hardened=settings.hardened_cluster, streaming=settings.streams_images),
                "machine_type": plan.slice.machine_type,
                "disk_size_gb": settings.tpu_boot_disk_gb,
                "linux_node_config": {"sysctls": SYSCTLS},
                **bought(plan.capacity, flex_start_seconds=settings.tpu_flex_start_seconds),
                **of_class(plan.compute_class),
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                delete_before_replace=True,
                replace_on_changes=["nodeConfig.machineType"],  # other machines can be changed in place, slices not
                ignore_changes=["initialNodeCount", READ_BACK],
            ),
        )
        self.name = pool.name
        self.register_outputs({})


def tpu_pools(
    settings: Settings,
    *,
    cluster: pulumi.Input[str],
    service_account: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
) -> list[TpuPool]:
    """The pools that are planned for a stack."""
    return [
        TpuPool(plan, settings=settings, cluster=cluster, service_account=service_account, opts=opts)
        for plan in planned(settings)
    ]
