"""A TPU node asked for before there is a model, and waited for no longer than is said."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.google.slices import Slice
from infra.google.tpu_pools import compute_class
from infra.platform.isolation import NOTHING
from infra.platform.names import WARM_UP
from infra.platform.namespaces import namespace
from infra.settings.schema import Settings

from . import stockout, warm_up_jobs


def _tells_a_stockout(tpu_slice: Slice, settings: Settings) -> pulumi.ErrorHook:
    """Says why, beside Pulumi's own words, when a node has not come; nothing is tried again."""
    stack = pulumi.get_stack()

    def tell(failed: pulumi.ErrorHookArgs) -> bool:
        if stockout.is_stockout(failed.errors):
            pulumi.log.error(stockout.message(tpu_slice, settings, stack, datetime.now(UTC)))
        return False

    return pulumi.ErrorHook(f"stockout-{tpu_slice.name}", tell)


class WarmUp(pulumi.ComponentResource):
    """The Jobs of `warm_up_jobs`, for each slice that models use which are not paused.

    Makes a namespace, closed with `isolation`, a PriorityClass, and three Jobs a slice. Nothing waits for the holder or
    the image; `arrived` has, by the slice's name, what is there once a node is, which `tpuCapacityWait` limits. It
    makes no node itself, and never starts a second one.

    All are made once: neither another version of an image nor another wait changes them (`ignore_changes`), as whoever
    made them anew would ask for a node that the models have no use for. Only another `imageRegistry` makes them anew,
    or a Job whose registry does not serve would be in the way for ever. The models are replaced for that as well, so it
    brings no node: image and arrival run on the one that they have, and the new holder stays away from it until they
    leave it. Another slice gets Jobs of its own, and so does the step from one class of capacity to several, or back:
    then their Pods select other nodes, as the models' do.

    When the deletion of an arrival fails in a `pulumi destroy`, which runs no program, the engine complains of the hook
    in place of the cause (`RunErrorHooks` in pulumi's pkg/resource/deploy/deployment.go); other objects tell it.

    `cluster` is the cluster's id; another one replaces everything.
    """

    arrived: Mapping[str, pulumi.Resource]

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:WarmUp", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        inside, closed = namespace(WARM_UP, "restricted", [NOTHING], settings=settings, opts=child)
        priority = k8s.scheduling.v1.PriorityClass(
            WARM_UP, metadata={"name": warm_up_jobs.PRIORITY_CLASS}, **warm_up_jobs.priority_class(), opts=child
        )

        def job(what: str, annotation: str, value: str, spec: Any, **options: Any) -> pulumi.Resource:
            return k8s.batch.v1.Job(
                what,
                metadata={
                    "name": what,
                    "namespace": inside.metadata.name,
                    "annotations": {f"pulumi.com/{annotation}": value},
                },
                spec=spec,
                opts=pulumi.ResourceOptions.merge(
                    child,
                    pulumi.ResourceOptions(
                        depends_on=[priority, *closed],
                        ignore_changes=["spec"],
                        replacement_trigger=pulumi.Output.all(cluster, settings.image_registry),
                        delete_before_replace=True,  # as its name stays
                        **options,
                    ),
                ),
            )

        patience = f"{settings.tpu_capacity_wait}m"
        arrived: dict[str, pulumi.Resource] = {}
        for of in filter(settings.serving, settings.used_slices):
            nodes = compute_class(of, settings) or of.name
            job(f"{nodes}-holder", "skipAwait", "true", warm_up_jobs.holder(of, settings))
            job(f"{nodes}-image", "skipAwait", "true", warm_up_jobs.image(of, settings))
            arrived[of.name] = job(
                f"{nodes}-arrival",
                "waitFor",
                "condition=Complete",
                warm_up_jobs.arrival(of, settings),
                custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience),
                hooks=pulumi.ResourceHookBinding(on_error=[_tells_a_stockout(of, settings)]),
            )
        self.arrived = arrived
        self.register_outputs({})
