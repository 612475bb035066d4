"""The Jobs that ask for a TPU node, on the real scheduler, Job controller and API server: they give way, and never
bring a second node."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.google.slices import SLICES
from infra.models import warm_up_jobs
from infra.platform.names import VLLM, WARM_UP, kserve_labels
from infra.settings.load import parse
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.stack_settings import stack as settings_of

pytestmark = pytest.mark.slow
STACK = {"tpuMaxNodes": 2}
Json = dict[str, Any]
Get = Callable[..., list[Json]]
HOLDER, NAMESPACE = "again", f"--namespace={WARM_UP}"
TPU_NODES = ("nodes", "--selector=cloud.google.com/gke-tpu-accelerator")


def test_up_leaves_the_holder_preempted_and_one_node(deployed: SandboxStack, get: Get) -> None:
    jobs = {job["metadata"]["name"]: job["status"] for job in get("jobs", NAMESPACE)}
    assert jobs["v6e-4-arrival"]["succeeded"] == 1
    assert jobs["v6e-4-image"]["succeeded"] == 1
    assert jobs["v6e-4-holder"]["failed"] == 1
    assert not jobs["v6e-4-holder"].get("active")
    assert len(get(*TPU_NODES)) == 1
    assert set(deployed.preview().change_summary) == {"same"}


def test_refresh_does_not_call_the_preempted_holder_a_failure(deployed: SandboxStack) -> None:
    said = deployed.refresh(color="never").stdout
    assert "failed to" not in said
    assert set(deployed.preview().change_summary) == {"same"}


def apply(plane: ControlPlane, manifest: Json) -> None:
    plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(manifest))


@pytest.fixture
def holder(deployed: SandboxStack, plane: ControlPlane) -> Iterator[Callable[[], None]]:
    """Makes one more holder, beside the model that runs."""
    assert deployed
    spec = warm_up_jobs.holder(SLICES["v6e-4"], parse(settings_of()))
    meta = {"name": HOLDER, "namespace": WARM_UP}
    yield lambda: apply(plane, {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec})
    plane.kubectl("delete", "job", NAMESPACE, HOLDER, "--ignore-not-found")
    plane.kubectl("wait", "--for=delete", "pod", NAMESPACE, f"--selector=job-name={HOLDER}", "--timeout=60s")


def test_holder_that_comes_after_the_model_brings_no_second_node(holder: Callable[[], None], get: Get) -> None:
    holder()

    def refused() -> bool:
        events = get("events", NAMESPACE, "--field-selector=reason=NotTriggerScaleUp")
        return any(HOLDER in event["involvedObject"]["name"] for event in events)

    wait_until(refused, "the autoscaler refuses the holder a node", 30)
    assert len(get(*TPU_NODES)) == 1


def _model(name: str) -> Json:
    """A Pod as KServe would make it: of a model, with all chips."""
    job = warm_up_jobs.holder(SLICES["v6e-4"], parse(settings_of()))["template"]["spec"]
    kept = ("nodeSelector", "tolerations", "securityContext", "containers", "terminationGracePeriodSeconds")
    meta = {"name": name, "namespace": WARM_UP, "labels": kserve_labels(VLLM)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {key: job[key] for key in kept}}


@pytest.mark.usefixtures("deployed")
def test_models_preempt_the_holder_and_get_no_more_nodes_than_they_are(plane: ControlPlane, get: Get) -> None:
    """Two Pods of models beside the one that runs, and two nodes: one of the two stays Pending, as without a holder."""
    for name in ("one", "two"):
        apply(plane, _model(name))
    try:

        def bound() -> list[str]:
            return [p["metadata"]["name"] for p in get("pods", NAMESPACE) if p["spec"].get("nodeName")]

        wait_until(lambda: {"one", "two"} & set(bound()), "a Pod has the second node", 60)
        assert len({"one", "two"} & set(bound())) == 1
        assert len(get(*TPU_NODES)) == 2
    finally:
        plane.kubectl("delete", "pod", NAMESPACE, "one", "two", "--ignore-not-found")
