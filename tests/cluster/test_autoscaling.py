"""KEDA on the real control plane: its own programs scale a Deployment by what Managed Service for Prometheus says, and
by the time of day. What the program makes of it for models is not in here."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from infra.platform.names import VLLM, kserve_labels
from sandbox.build import programs
from sandbox.cluster.control_plane import ClusterError, ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support import helm
from tests.support.metrics import IDLE, PROJECT, granted, member, pod_monitoring
from tests.support.project import stack_file

Json = dict[str, Any]
MODEL: Json = stack_file("dev")["models"][0]
KEDA, SCALED = "keda", "scaled"
MONITORING = f"https://monitoring.googleapis.com/v1/projects/{PROJECT}/location/global/prometheus"
VALUES = {"service": {"portHttpsTarget": 10250}}
"""A port that GKE opens to its control plane by itself."""
METRICS = "v1beta1.external.metrics.k8s.io"
PARTS = ("keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks")


def apply(plane: ControlPlane, *manifests: Json) -> None:
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    plane.kubectl("apply", "--server-side", "--filename=-", stdin=listed)


def named(kind: str, name: str, *, of: str = "v1", namespace: str = SCALED, **more: Any) -> Json:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": of, "kind": kind, "metadata": meta, **more}


def deployment(name: str, replicas: int) -> Json:
    container = {"name": "main", "image": IDLE, "command": ["sleep", "3600"]}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 1}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return named("Deployment", name, of="apps/v1", spec=spec)


def scaled(name: str, target: str, trigger: Json, **spec: Any) -> Json:
    said = {"scaleTargetRef": {"name": target}, "pollingInterval": 5, "triggers": [trigger], **spec}
    return named("ScaledObject", name, of="keda.sh/v1alpha1", spec=said)


@pytest.fixture(scope="module")
def keda(deployed: SandboxStack, plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """KEDA's chart, whose operator may read metrics, and a namespace for what it scales."""
    assert programs.missing("keda") == [], "run `make monitoring` first"
    home = tmp_path_factory.mktemp("helm")
    objects = helm.template(plane.chart_mirror / "keda", "keda", KEDA, VALUES, home)
    crds = [one for one in objects if one["kind"] == "CustomResourceDefinition"]
    others = [one for one in objects if one["kind"] != "CustomResourceDefinition"]
    spaces = [named("Namespace", name, namespace="") for name in (KEDA, SCALED)]
    identity = named(
        "TriggerAuthentication", "google", of="keda.sh/v1alpha1", spec={"podIdentity": {"provider": "gcp"}}
    )
    with granted(deployed, member(KEDA, "keda-operator")):
        apply(plane, *spaces, *crds)
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        apply(plane, *others)
        for part in PARTS:
            plane.kubectl("wait", "--for=condition=Available", f"deployment/{part}", f"-n{KEDA}", "--timeout=240s")
        plane.kubectl(
            "wait", "--for=condition=Available", "apiservice/v1beta1.external.metrics.k8s.io", "--timeout=60s"
        )
        apply(plane, identity)
        yield
        plane.kubectl("delete", "scaledobjects,triggerauthentications", "--all", f"-n{SCALED}", "--timeout=60s")
        plane.kubectl("delete", "namespace", SCALED, "--timeout=120s")
        whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*others, *crds]})
        plane.kubectl("delete", "--filename=-", "--timeout=120s", stdin=whole)
        plane.kubectl("delete", "namespace", KEDA, "--timeout=120s")


@pytest.fixture(scope="module")
def collected(plane: ControlPlane, keda: None) -> Iterator[str]:
    """A series that is 1: the model's Pod is up."""
    assert keda is None
    labels = {**kserve_labels(VLLM), "app.kubernetes.io/name": MODEL["name"]}
    apply(plane, pod_monitoring("scaling", MODEL["namespace"], labels, port=8000))
    yield 'up{job="scaling"}'
    plane.kubectl("delete", "podmonitoring", "scaling", f"-n{MODEL['namespace']}")


Ready = Callable[[str], int]


@pytest.fixture
def ready(plane: ControlPlane) -> Ready:
    """How many Pods of a Deployment are ready."""

    def count(name: str) -> int:
        found = json.loads(plane.kubectl("get", "deployment", name, f"-n{SCALED}", "--output=json"))
        return found["status"].get("readyReplicas", 0)

    return count


def test_query_that_asks_for_two_pods_gets_a_second_one(plane: ControlPlane, collected: str, ready: Ready) -> None:
    metadata = {"serverAddress": MONITORING, "query": f"2 * sum({collected})", "threshold": "1"}
    trigger = {"type": "prometheus", "metadata": metadata, "authenticationRef": {"name": "google"}}
    apply(plane, deployment("worker", 1))
    wait_until(lambda: ready("worker") == 1, "the Deployment's own Pod is not ready", 60)
    apply(plane, scaled("worker", "worker", trigger, minReplicaCount=1, maxReplicaCount=3))
    wait_until(lambda: ready("worker") == 2, "KEDA has brought no second Pod", 120)
    plane.kubectl("wait", "--for=condition=Ready", "scaledobject/worker", f"-n{SCALED}", "--timeout=30s")
    found = json.loads(plane.kubectl("get", "hpa", "keda-hpa-worker", f"-n{SCALED}", "--output=json"))
    assert found["status"]["desiredReplicas"] == 2


@pytest.mark.usefixtures("keda")
def test_window_of_time_wakes_a_deployment(plane: ControlPlane, ready: Ready) -> None:
    begun, over = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-2, 30))
    times = {"start": f"{begun.minute} {begun.hour} * * *", "end": f"{over.minute} {over.hour} * * *"}
    trigger = {"type": "cron", "metadata": {**times, "timezone": "Etc/UTC", "desiredReplicas": "1"}}
    apply(plane, deployment("sleeper", 0), scaled("sleeper", "sleeper", trigger, minReplicaCount=0, maxReplicaCount=1))
    wait_until(lambda: ready("sleeper") == 1, "KEDA has not woken the Deployment", 90)


@pytest.mark.usefixtures("keda")
def test_second_object_for_one_deployment_is_refused_by_kedas_webhook(plane: ControlPlane) -> None:
    trigger = {"type": "cron", "metadata": {"start": "0 1 * * *", "end": "0 2 * * *", "timezone": "Etc/UTC"}}
    trigger["metadata"]["desiredReplicas"] = "1"
    apply(plane, deployment("once", 1), scaled("once", "once", trigger))
    with pytest.raises(ClusterError, match=r"admission webhook .* denied the request.*already managed"):
        apply(plane, scaled("twice", "once", trigger))


def test_values_that_the_sandbox_has_not_are_refused(plane: ControlPlane, tmp_path: Any) -> None:
    with pytest.raises(grpc.RpcError, match="additional properties 'affinity' not allowed"):
        helm.template(plane.chart_mirror / "keda", "keda", KEDA, {"operator": {"affinity": {}}}, tmp_path)
