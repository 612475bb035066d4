"""How the copies of models' weights become resources."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.google.storage import InBuckets
from infra.platform.network_policies import network_policies
from infra.settings.model import Model
from infra.settings.schema import Settings

from . import copy_job, hugging_face


class Copy(pulumi.ComponentResource):
    """The weights of a model in the stack's bucket.

    Makes the service account that may write there, a Secret with the Hugging Face token if there is one, with
    `isolation` a NetworkPolicy, and the Job that copies, which is waited for. It needs no TPU and nothing of the
    platform, so it runs while that is installed, and no TPU node is asked for before it is done.

    A Job of the same commit is made once: another image does not change it (`ignore_changes`), as what it has copied is
    there. Another `imageRegistry` makes it anew, or one whose registry does not serve would be in the way for ever; so
    does another bucket of the same name, in which nothing is; and so does a Job that is not complete
    (`replaceUnready`): the next `pulumi up` tries again, with what is set by then.

    There is no `waitFor`, as that puts a condition in place of what the plugin knows of Jobs, and a Job that has failed
    would be waited for (`Await` in provider/pkg/await/job.go of https://github.com/pulumi/pulumi-kubernetes).

    `cluster` is the cluster's id; another one replaces everything.
    """

    def __init__(
        self,
        name: str,
        *,
        model: Model,
        settings: Settings,
        cluster: pulumi.Input[str],
        namespace: pulumi.Input[str],
        in_buckets: InBuckets,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Copy", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        flows = network_policies(
            [copy_job.policy(model, settings)], settings=settings, prefix=name, namespace=namespace, opts=child
        )
        called = copy_job.account_name(model)
        account = k8s.core.v1.ServiceAccount(
            f"{name}-copy", metadata={"name": called, "namespace": namespace}, opts=child
        )
        secret = hugging_face.secret(f"{name}-copy", called=called, settings=settings, namespace=namespace, opts=child)
        spec: Any = copy_job.job(model, settings, bucket=in_buckets.weights, secret=secret and secret.metadata.name)
        patience = f"{copy_job.PATIENCE // 60 + 10}m"
        k8s.batch.v1.Job(
            f"{name}-copy",
            metadata={
                "name": copy_job.job_name(model),
                "namespace": namespace,
                "annotations": {"pulumi.com/replaceUnready": "true"},
            },
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[account, *flows],
                ignore_changes=["spec"],
                replacement_trigger=pulumi.Output.all(cluster, settings.image_registry, in_buckets.weights_made),
                delete_before_replace=True,  # as its name stays
                custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience),
            ),
        )
        self.register_outputs({})


def copied(
    settings: Settings,
    in_buckets: InBuckets,
    *,
    cluster: pulumi.Input[str],
    namespaces: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> InBuckets:
    """The same buckets, with a copy for each model of `weightsCache` that is not paused among what it waits for."""
    before = dict(in_buckets.before)
    for model in settings.models:
        if settings.copies(model) and not model.paused:
            after = pulumi.ResourceOptions(depends_on=in_buckets.of(model))
            copy = Copy(
                f"{model.namespace}.{model.name}",
                model=model,
                settings=settings,
                cluster=cluster,
                namespace=namespaces[model.namespace],
                in_buckets=in_buckets,
                opts=pulumi.ResourceOptions.merge(opts, after),
            )
            before[model.namespace, model.name] = [*in_buckets.of(model), copy]
    return in_buckets._replace(before=before)
