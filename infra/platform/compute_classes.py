"""The order in which GKE tries the TPU pools of a slice."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.google.pools import TpuPool
from infra.settings.schema import Settings


def spec(pools: Sequence[pulumi.Input[str]], *, migration: bool) -> dict[str, Any]:
    """The spec of a ComputeClass that tries pools of these names, one after the other, and nothing else.

    Each is an item of its own, as names within one item have no order. Auto-created pools would be outside of the
    stack's state.
    """
    return {
        "priorities": [{"nodepools": [pool]} for pool in pools],
        "whenUnsatisfiable": "DoNotScaleUp",
        "nodePoolAutoCreation": {"enabled": False},
        "activeMigration": {"optimizeRulePriority": migration},
    }


class ComputeClasses(pulumi.ComponentResource):
    """A GKE ComputeClass for each slice, which lists its node pools in the order of `tpuCapacity`.

    It makes no pool: those are `pools`, which have the class's label and taint. The kind is GKE's own, in every cluster
    of 1.30.3-gke.1451000 or newer
    (https://cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes), and its fields are those of
    https://github.com/GoogleCloudPlatform/compute-class-api.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        pools: Sequence[TpuPool],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:ComputeClasses", name, None, opts)
        for compute_class in dict.fromkeys(pool.plan.compute_class for pool in pools):
            k8s.apiextensions.CustomResource(
                compute_class,
                api_version="cloud.google.com/v1",
                kind="ComputeClass",
                metadata={"name": compute_class},
                spec=spec(
                    [pool.name for pool in pools if pool.plan.compute_class == compute_class],
                    migration=settings.tpu_capacity_migration,
                ),
                opts=pulumi.ResourceOptions(parent=self, replacement_trigger=cluster),
            )
        self.register_outputs({})


def compute_classes(
    settings: Settings,
    *,
    cluster: pulumi.Input[str],
    pools: Sequence[TpuPool],
    opts: pulumi.ResourceOptions | None = None,
) -> list[ComputeClasses]:
    """What orders the pools of a stack: nothing if it has one class of capacity."""
    several = len(settings.tpu_capacity) > 1
    return [ComputeClasses("capacity", settings=settings, cluster=cluster, pools=pools, opts=opts)] if several else []
