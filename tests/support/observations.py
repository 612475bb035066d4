"""What `ops.diagnose` may see of a cluster, put together from objects in the API server's own form.

A healthy model `llm-d/qwen` behind a gateway, and functions that make one part of it otherwise.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from infra.platform.names import kserve_labels
from ops.diagnose.objects import Event, Pod, Thing
from ops.diagnose.observed import Observed, Pool

Json = dict[str, Any]
NAMESPACE, NAME = MODEL = ("llm-d", "qwen")
PLACE = "/".join(MODEL)
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SLICE = {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice", "cloud.google.com/gke-tpu-topology": "2x2"}
POD, PICKER = "qwen-kserve-1", "qwen-kserve-router-scheduler-1"


def before(minutes: float) -> str:
    """A time some minutes before `NOW`, as objects have it."""
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str, status: str = "True", message: str = "", *, since: float = 10) -> Json:
    """One condition."""
    return {"type": kind, "status": status, "message": message, "lastTransitionTime": before(since)}


def waiting(reason: str, message: str = "") -> Json:
    """The state of a container that waits."""
    return {"state": {"waiting": {"reason": reason, "message": message}}}


RUNNING: Json = {"state": {"running": {"startedAt": before(5)}}}
DONE: Json = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
INITIALIZING = waiting("PodInitializing")


def ended(message: str, code: int = 1, reason: str = "Error") -> Json:
    """A container that has ended, and waits to be started again."""
    last = {"exitCode": code, "reason": reason, "message": message, "finishedAt": before(1)}
    return {**waiting("CrashLoopBackOff"), "lastState": {"terminated": last}, "restartCount": 2}


def pod(
    component: str = "workload",
    *,
    node: str = "tpu-1",
    weights: Json = DONE,
    vllm: Json = RUNNING,
    ready: bool = False,
    **status: Any,
) -> Pod:
    """A Pod of the model, not ready: its node, the state of its two containers, and what else its status has."""
    picker = component == "router-scheduler"
    labels = {**kserve_labels(component), "app.kubernetes.io/name": NAME}
    meta = {
        "name": PICKER if picker else POD,
        "namespace": NAMESPACE,
        "labels": labels,
        "creationTimestamp": before(30),
    }
    conditions = [condition("PodScheduled", "True" if node else "False", since=20)]
    conditions.append(condition("Ready", str(ready), since=2))
    containers = [{"name": "main", "ready": ready, **vllm}]
    started = {"initContainerStatuses": [{"name": "storage-initializer", **weights}], "containerStatuses": containers}
    return Pod.model_validate(
        {
            "metadata": meta,
            "spec": {"nodeName": node, "nodeSelector": {} if picker else SLICE},
            "status": {"phase": "Running" if node else "Pending", "conditions": conditions, **started, **status},
        }
    )


UNSCHEDULED = pod(node="", initContainerStatuses=[], containerStatuses=[])


def event(
    reason: str, message: str, *, of: str = POD, kind: str = "Pod", namespace: str = NAMESPACE, ago: float = 1
) -> Event:
    """What somebody said of an object, some minutes ago."""
    about = {"kind": kind, "name": of, "namespace": namespace}
    return Event.model_validate(
        {"involvedObject": about, "reason": reason, "message": message, "lastTimestamp": before(ago)}
    )


def thing(place: str, *conditions: Json, kind: str = "", **more: Any) -> Thing:
    """Any other object; `more` is its spec, its annotations and what else its status has."""
    namespace, name = place.split("/")
    meta = {"name": name, "namespace": namespace, "annotations": more.pop("annotations", {})}
    spec, status = more.pop("spec", {}), {"conditions": list(conditions), **more}
    return Thing.model_validate({"kind": kind, "metadata": meta, "spec": spec, "status": status})


def model(*conditions: Json, **more: Any) -> Thing:
    """The model; without conditions it is Ready."""
    return thing(PLACE, *(conditions or [condition("Ready")]), **more)


NOT_READY = model(condition("Ready", "False"), condition("MainWorkloadReady", "False", "Deployment is not available"))


def deployment(place: str, ready: int = 1) -> Thing:
    """A Deployment of one Pod."""
    return thing(place, spec={"replicas": 1}, readyReplicas=ready)


CONTROLLER, ISTIOD, PROXY = (
    "kserve/llmisvc-controller-manager",
    "istio-system/istiod",
    "istio-ingress/inference-gateway",
)
DEPLOYMENTS = [deployment(place) for place in (CONTROLLER, ISTIOD, PROXY, "cert-manager/cert-manager")]
BALANCER = thing(PROXY, loadBalancer={"ingress": [{"ip": "34.7.208.8"}]})
GATEWAY = thing(PROXY, condition("Programmed"))


def seen(*pods: Pod, **other: Any) -> Observed:
    """The cluster with these Pods of the model, which is not Ready, and a ready picker; `other` replaces a list."""
    healthy: Json = {
        "at": NOW,
        "expected": [PLACE],
        "pools": [Pool(name="tpu", zones=["europe-west4-a"])],
        "models": [NOT_READY],
        "pods": [*pods, pod("router-scheduler", ready=True)],
        "deployments": DEPLOYMENTS,
        "services": [BALANCER],
        "service_accounts": [thing(PLACE)],
        "gateways": [GATEWAY],
    }
    return Observed(**{**healthy, **other})


def well() -> Observed:
    """The cluster, with everything as it should be."""
    return seen(pod(ready=True), models=[model()])
