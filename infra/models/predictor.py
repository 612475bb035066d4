"""One model, served."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.google.storage import InBuckets
from infra.google.tpu_pools import compute_class
from infra.platform import metrics
from infra.platform.gateway import Gateway
from infra.platform.isolation import of_model
from infra.platform.network_policies import network_policies
from infra.platform.serving import Serving
from infra.releases import pins
from infra.settings.model import Model
from infra.settings.schema import Settings

from . import compile_cache, fuse, hugging_face, pause, scaling, timing, weights
from .disruption import budgets
from .endpoint_picker import scheduler
from .metrics import pod_monitorings
from .pod import pod_template
from .routes import rules

REPLACING = (
    *("spec.template", "spec.model", "spec.router.gateway", "spec.router.route"),
    "spec.router.scheduler.template.containers[*].image",
)
"""What replaces an LLMInferenceService when it changes."""


def service_spec(
    model: Model,
    settings: Settings,
    *,
    service_account: pulumi.Input[str],
    gateway: Mapping[str, pulumi.Input[str]],
    cache_bucket: pulumi.Input[str] | None = None,
) -> dict[str, Any]:
    """The spec of a model's LLMInferenceService, behind a gateway of this name and namespace, which keeps what it has
    compiled in `cache_bucket`, if there is one."""
    tpu_slice = settings.slice_of(model)
    cached = None if cache_bucket is None else compile_cache.volume(model, tpu_slice, cache_bucket)
    mounted = settings.mounts_weights(model)
    return {
        "model": {"uri": weights.uri(model, mounted=mounted), "name": model.names[-1]},
        **({} if model.autoscaling else {"replicas": model.replicas}),
        **({"annotations": {**fuse.ANNOTATIONS}} if mounted or cached else {}),
        "template": {
            **pod_template(
                model,
                tpu_slice,
                settings.image(pins.VLLM_TPU_IMAGE),
                isolated=settings.isolation,
                measured=settings.monitoring,
                compute_class=compute_class(tpu_slice, settings),
                volumes=[weights.CACHE] if mounted else [],
                cached=cached,
            ),
            "serviceAccountName": service_account,
        },
        "router": {
            "gateway": {"refs": [gateway]},
            "scheduler": scheduler(
                model,
                tpu_slice,
                settings.router_replicas,
                settings.image(pins.ENDPOINT_PICKER_IMAGE),
                isolated=settings.isolation,
                measured=settings.monitoring,
            ),
            "route": {"http": {"spec": {"parentRefs": [gateway], "rules": rules(model.namespace, model.name)}}},
        },
    }


def _token(
    name: str, *, model: Model, settings: Settings, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> k8s.core.v1.Secret | None:
    """The Secret with the Hugging Face token, if there is one and the model's own Pods fetch its weights.

    KServe hands a token to the storage initializer if it stands under its key in a Secret that the service account
    lists, and copies the list to the endpoint picker's account. It writes the Secret's name into the Deployment: a
    generated name would roll the Pods, onto a second slice, with every new token.
    """
    if settings.copies(model):
        return None
    called = f"{model.name}-hugging-face"
    return hugging_face.secret(name, called=called, settings=settings, namespace=namespace, opts=opts)


def _disruption_budgets(
    name: str, *, model: Model, settings: Settings, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> None:
    for what, budget in budgets(model, settings.router_replicas).items():
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}.{what}", metadata={"name": f"{model.name}-{what}", "namespace": namespace}, spec=budget, opts=opts
        )


class Predictor(pulumi.ComponentResource):
    """A model behind the gateway at `/<namespace>/<name>`.

    Makes the Pods' service account, a Secret with the Hugging Face token if there is one and the Pods download, the
    volume and the claim of weights in Cloud Storage (`weights`), and the LLMInferenceService, from which KServe makes
    Deployment, endpoint picker, InferencePool and HTTPRoute. It waits until the service is Ready, so `pulumi up` ends
    when the endpoint answers. It makes no namespace, as two models may share one. The vLLM Pods and the pickers each
    get a disruption budget if there may be two or more of them, with `isolation` a NetworkPolicy, and a PodMonitoring
    if they are read (`metrics`). Of a paused model KServe keeps the service alone; what answers for it is `Pause`. The
    replicas of an autoscaled one are left to KEDA.

    A change of the Pods, the model or the route replaces the service, the old one first: KServe v0.20 would surge
    onto a second slice, and its Ready stays true from the old Pod while the new one fails. The replicas of the model
    and of the picker (`router_replicas`) change in place, and so do a pause and what the picker is told: `routing`, and
    its flags.

    `hugging_face_token` reaches nothing but the Secret. Weights and compiled programs may lie `in_buckets`. `serving`
    has what scales models.
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
        gateway: Gateway,
        serving: Serving,
        in_buckets: InBuckets,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Predictor", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        below = pulumi.ResourceOptions(parent=self)
        secret = _token(name, model=model, settings=settings, namespace=namespace, opts=child)
        account = k8s.core.v1.ServiceAccount(
            name,
            metadata={"name": model.name, "namespace": namespace},
            secrets=[{"name": secret.metadata.name}] if secret else None,
            opts=child,
        )
        _disruption_budgets(name, model=model, settings=settings, namespace=namespace, opts=child)
        flows = network_policies(
            of_model(model, settings), settings=settings, prefix=name, namespace=namespace, opts=child
        )
        for manifest in pod_monitorings(model, settings):
            metrics.made(name, manifest, namespace=namespace, opts=child)
        mounts = weights.mounted(name, model=model, bucket=in_buckets.weights, namespace=namespace, opts=child)
        at = {"name": gateway.name, "namespace": gateway.namespace}
        if model.paused:
            pause.Pause(name, model=model, cluster=cluster, namespace=namespace, gateway=at, opts=below)
        spec = service_spec(
            model, settings, service_account=account.metadata.name, gateway=at, cache_bucket=in_buckets.compile_cache
        )
        service = k8s.apiextensions.CustomResource(
            name,
            api_version="serving.kserve.io/v1alpha2",
            kind="LLMInferenceService",
            metadata={"name": model.name, "namespace": namespace, "annotations": pause.annotations(model)},
            spec=spec,
            opts=self._patient(cluster, [*flows, *mounts]),
        )
        scaling.scaled(
            name,
            model=model,
            settings=settings,
            cluster=cluster,
            namespace=namespace,
            service=service,
            scalers=serving.scalers,
            opts=child,
        )
        self.register_outputs({})

    def _patient(self, cluster: pulumi.Input[str], after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        """How the service is made and replaced: as long as it takes to be Ready, the old one first."""
        patience = f"{timing.ready_timeout() // 60}m"
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=after,
            replacement_trigger=cluster,
            custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience),
            replace_on_changes=list(REPLACING),
            delete_before_replace=True,
        )
