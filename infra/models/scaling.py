"""What scales a model: KEDA's ScaledObject, and what it asks Google's Monitoring.

KServe v0.20 leaves the replicas of a Deployment alone if its service names none (`PreserveDeploymentReplicas` in
pkg/controller/v1alpha2/llmisvc/workload.go of https://github.com/kserve/kserve/tree/v0.20.0); its own `spec.scaling`
wants the llm-d variant autoscaler. So KEDA is given the Deployment. From one replica on it leaves the number to a
HorizontalPodAutoscaler, which takes the largest that any trigger asks for; between none and one it decides itself, by
whether any trigger is active (https://keda.sh/docs/2.21/concepts/scaling-deployments/).

The triggers are sums over all Pods, each held against what one Pod should have, so what they ask for does not depend on
how many there are: a load that lasts while a node is on its way asks for the same number all the time.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.platform.autoscaler import TRUST
from infra.platform.names import ISTIO_INGRESS, deployment_of
from infra.settings.autoscaling import Autoscaling, Window
from infra.settings.model import Model
from infra.settings.schema import Settings

QUEUE = 3
"""Requests that may wait at each Pod: Google advises to begin with 3 to 5
(https://docs.cloud.google.com/kubernetes-engine/docs/best-practices/machine-learning/inference/autoscaling). The
fewest, as a node takes minutes to come."""
KV_CACHE = 0.8
"""How full the KV cache of each Pod may be. When it is full, vLLM breaks off requests and begins them anew; what is
left is for those that come until another Pod is there. It is also the threshold of the picker, beyond which it calls a
Pod saturated (`DefaultKVCacheUtilThreshold` in
https://github.com/kubernetes-sigs/gateway-api-inference-extension/tree/v1.5.0/pkg/epp/framework/plugins/flowcontrol)."""

POLL = 30
"""Seconds between two looks of KEDA's, of the HorizontalPodAutoscaler 15. Metrics are as often collected."""

RECENT = "3m"
"""How long a request counts as one: two rounds of metrics and of looks, and what it takes until they can be asked."""
FRESH = "90s"
"""How old a gauge may be: three rounds of metrics. By itself a query takes the last number of five minutes, so what a
Pod had that is gone would ask for more Pods long after."""
PATIENCE = "10000"
"""Milliseconds for an answer, in place of KEDA's 3000: Google's Monitoring is across the internet
(https://keda.sh/docs/2.21/scalers/prometheus/)."""

BEHAVIOR = {
    # A burst that is over within a minute, two rounds of metrics, brings no node. Then the Pods double every minute:
    # what each is short of is minutes of waiting for its node.
    "scaleUp": {
        "stabilizationWindowSeconds": 60,
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}],
    },
    # What goes and is wanted again takes a new node and a start, by docs/start.md up to half an hour. So nothing goes
    # that was wanted in the last half hour, and then one Pod in ten minutes, in which the others show if they suffice.
    "scaleDown": {
        "stabilizationWindowSeconds": 1800,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}],
    },
}
"""How fast the number of Pods may change
(https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior)."""


def _of_model(metric: str, model: Model, cluster: str) -> str:
    """A gauge of vLLM, summed over the model's Pods. The labels are those of `infra/platform/metrics.py`: of this
    cluster, as the metrics of all clusters of a project lie together."""
    labels = f'cluster="{cluster}",namespace="{model.namespace}",model="{model.name}"'
    return f"sum(last_over_time({metric}{{{labels}}}[{FRESH}]))"


def _asks(query: str, threshold: str, project: str, **more: str) -> dict[str, Any]:
    """A trigger that asks for a Pod for each `threshold` of what a query finds."""
    place = f"https://monitoring.googleapis.com/v1/projects/{project}/location/global/prometheus"
    return {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {"serverAddress": place, "query": query, "threshold": threshold, "timeout": PATIENCE, **more},
        "authenticationRef": {"name": TRUST, "kind": "ClusterTriggerAuthentication"},
    }


def _pool_service(model: Model) -> str:
    """What istiod calls the Service that it makes of a model's InferencePool, in at most 63 characters
    (`InferencePoolServiceName` in pilot/pkg/config/kube/gateway/inferencepool_collection.go of
    https://github.com/istio/istio)."""
    pool = f"{model.name}-inference-pool"
    digest = f"-ip-{hashlib.sha256(pool.encode()).hexdigest()[:8]}"
    return f"{pool[: 63 - len(digest)]}{digest}"


def asked_for(model: Model, cluster: str) -> str:
    """The query that is 1 if a completion was asked of a model in the last `RECENT`, and else 0 or nothing.

    It counts what the gateway has for the model's InferencePool, answered or not: completions alone go there, so no
    probe of health keeps a model awake (https://istio.io/latest/docs/reference/config/metrics/). Envoy knows the pool
    before it refuses, so what is refused counts too but for its status: without a good key, beyond a limit or wrong,
    nobody wakes a model. Of a pool without Pods the picker answers 503, and Envoy has the request as one to the pool
    even so (https://github.com/istio/istio/issues/61594 has its log).

    A series that was not there before counts from none: `increase` sees nothing of the number that one begins with.
    Google's collector leaves out the first number of each and tells the others from there (`getResetAdjusted` in
    google/export/series_cache.go of https://github.com/GoogleCloudPlatform/prometheus), and each proxy, status and
    client has a series of its own. So of the first requests that a proxy counts in one, those of one round of metrics
    are lost, and one that is asked a round later counts.
    """
    labels = {
        "cluster": f'="{cluster}"',
        "namespace": f'="{ISTIO_INGRESS}"',
        "destination_service_name": f'="{_pool_service(model)}"',
        "destination_service_namespace": f'="{model.namespace}"',
        "response_code": '!~"4.."',
    }
    requests = "istio_requests_total{" + ",".join(map("".join, labels.items())) + "}"
    new = f"({requests} unless {requests} offset {RECENT})"
    return f"clamp_max(sum({new} or increase({requests}[{RECENT}])), 1)"


def _window(window: Window) -> dict[str, Any]:
    """A trigger that asks for so many Pods at some times (https://keda.sh/docs/2.21/scalers/cron/)."""
    when = {"start": window.start, "end": window.end, "timezone": window.timezone}
    return {"type": "cron", "metadata": {**when, "desiredReplicas": str(window.replicas)}}


def triggers(model: Model, scaling: Autoscaling, *, project: str, cluster: str) -> list[dict[str, Any]]:
    """What a model is scaled by, in the cluster of this name.

    Of one that has Pods at all times there are always numbers, so that there are none is an error, on which nothing is
    scaled down (`ignoreNullValues`, https://keda.sh/docs/2.21/scalers/prometheus/). One that sleeps has none then.
    """
    asks = partial(_asks, project=project, **({} if model.sleeps else {"ignoreNullValues": "false"}))
    return [
        asks(_of_model("vllm:num_requests_waiting", model, cluster), str(QUEUE)),
        asks(_of_model("vllm:kv_cache_usage_perc", model, cluster), str(KV_CACHE)),
        *([asks(asked_for(model, cluster), "1")] if model.sleeps else []),
        *map(_window, scaling.schedule),
    ]


def scaled_object(model: Model, scaling: Autoscaling, *, project: str, cluster: str) -> dict[str, Any]:
    """The spec of the ScaledObject of a model, in the cluster of this name.

    One that sleeps does so when no trigger has been active for `idle_minutes`, also for so long after it was made.
    """
    idle = scaling.idle_minutes * 60
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment_of(model.name)},
        "minReplicaCount": scaling.min,
        "maxReplicaCount": scaling.max,
        "pollingInterval": POLL,
        **({"cooldownPeriod": idle, "initialCooldownPeriod": idle} if model.sleeps else {}),
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": BEHAVIOR}},
        "triggers": triggers(model, scaling, project=project, cluster=cluster),
    }


def scaled(
    name: str,
    *,
    model: Model,
    settings: Settings,
    cluster: pulumi.Input[str],
    namespace: pulumi.Input[str],
    service: pulumi.Resource,
    scalers: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> None:
    """Makes the ScaledObject of a model that is autoscaled, once its service is Ready: so `pulumi up` ends with one Pod
    that answers, and KEDA goes on from there. A paused model has no Deployment to scale.

    A service that is replaced takes it along, and it goes first: KEDA might put the new Deployment to sleep before it
    ever ran, as nobody has asked for it yet. It goes before `scalers`, too, which alone can let it go: also when the
    model stays. `cluster` is the cluster's id.
    """
    scaling = model.autoscaling
    if scaling is None or model.paused:
        return

    def spec(cluster_id: str) -> dict[str, Any]:
        return scaled_object(model, scaling, project=settings.project, cluster=cluster_id.rpartition("/")[2])

    with_service = pulumi.ResourceOptions(
        depends_on=[service, *scalers], replace_with=[service], delete_before_replace=True
    )
    k8s.apiextensions.CustomResource(
        name,
        api_version="keda.sh/v1alpha1",
        kind="ScaledObject",
        metadata={"name": model.name, "namespace": namespace},
        spec=pulumi.Output.from_input(cluster).apply(spec),
        opts=pulumi.ResourceOptions.merge(opts, with_service),
    )
