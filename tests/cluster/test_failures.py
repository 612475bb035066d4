"""What people meet: what `pulumi up` says then, that the state stays usable, and which command mends it.

The messages stand in docs/troubleshooting.md.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pulumi.automation import CommandError

from ops.smoke import Smoke
from sandbox.clouds.google_kinds import FORWARDING_RULE, NETWORK
from sandbox.clouds.inventory import Item
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.cluster_faults import diagnosed
from tests.support.processes import only_process
from tests.support.project import stack_file

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
NAMESPACE, NAME = MODEL["namespace"], MODEL["name"]
PLACE = f"{NAMESPACE}/{NAME}"
CONTROLLER = "deployment/llmisvc-controller-manager"
COMPLETION = {"model": "/mnt/models", "prompt": "Hello", "max_tokens": 4}
PICKER = "app.kubernetes.io/component=llminferenceservice-router-scheduler"
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def as_it_was(deployed: SandboxStack, plane: ControlPlane) -> Iterator[None]:
    """Afterwards the settings are the old ones again, the next `up` succeeds, the one after it has nothing to do."""
    yield
    deployed.inventory.capacity.tpus = True
    deployed.set_config("models", [MODEL])
    deployed.set_config("chartMirror", str(plane.chart_mirror))
    deployed.set_config("tpuMaxNodes", None)
    deployed.up()
    assert set(deployed.preview().change_summary) == {"same"}
    assert answers(deployed)


def answers(stack: SandboxStack, within: float = 10) -> bool:
    """Whether everything answers, at the latest some seconds after `up`, when the route has reached the proxy."""
    return wait_until(lambda: set(asks(stack).values()) == {200}, "the model does not answer", within, pause=0.5)


def asks(stack: SandboxStack) -> dict[str, int]:
    """The status of each kind of request through the gateway; a first failure may be the picker's last moment."""
    smoke = Smoke(stack.outputs()["baseUrl"], 20)
    return {
        "completion": smoke.http(smoke.url + "/v1/completions", COMPLETION)[0],
        "models": smoke.http(smoke.url + "/v1/models")[0],
        "health": smoke.http(smoke.url + "/health")[0],
    }


def failure(stack: SandboxStack, *, patience: float = 15, **changes: Any) -> str:
    """What `up` says that fails after some seconds of waiting."""
    usual, stack.patience = stack.patience, patience
    for key, value in changes.items():
        stack.set_config(key, value)
    try:
        with pytest.raises(CommandError) as error:
            stack.up(color="never")
    finally:
        stack.patience = usual
    return str(error.value)


def events(plane: ControlPlane, reason: str) -> str:
    """What the events of the model's namespace say, of one reason."""
    found = plane.kubectl(
        "get", "events", f"--namespace={NAMESPACE}", f"--field-selector=reason={reason}", "--output=json"
    )
    return "\n".join(event["message"] for event in json.loads(found)["items"])


def conditions(plane: ControlPlane) -> dict[str, str]:
    """The status of each condition of the model."""
    found = plane.kubectl("get", "llmisvc", f"--namespace={NAMESPACE}", NAME, "--output=json")
    return {condition["type"]: condition["status"] for condition in json.loads(found)["status"]["conditions"]}


@contextmanager
def without_controller(plane: ControlPlane) -> Iterator[None]:
    """KServe's controller is gone for a while."""
    plane.kubectl("scale", "--namespace=kserve", CONTROLLER, "--replicas=0")
    plane.kubectl("wait", "--namespace=kserve", "--for=delete", "pod", "--all", "--timeout=60s")
    try:
        yield
    finally:
        plane.kubectl("scale", "--namespace=kserve", CONTROLLER, "--replicas=1")
        plane.kubectl("rollout", "status", "--namespace=kserve", CONTROLLER, "--timeout=60s")


def test_commands_ask_the_cluster_of_the_stacks_state(deployed: SandboxStack) -> None:
    folder, env = deployed.stack.workspace.work_dir, deployed.environment()
    for command, last in {"diagnose": f"{PLACE}: Ready", "watch": f"{PLACE}: ready"}.items():
        words = [sys.executable, "-m", "ops", command, "--stack=dev"]
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)  # noqa: S603
        assert (done.returncode, done.stderr) == (0, "")
        assert last in done.stdout


def test_no_tpu_capacity(deployed: SandboxStack, plane: ControlPlane) -> None:
    deployed.inventory.capacity.tpus = False
    plane.kubectl("delete", "node", "--selector=cloud.google.com/gke-tpu-accelerator")
    said = failure(deployed, patience=45, models=[{**MODEL, "maxModelLen": 1024}])
    assert "Resource has condition Ready=False (want True)" in said  # while it waits
    assert "failed to fully initialize or become live: timed out waiting for the condition" in said
    assert conditions(plane)["MainWorkloadReady"] == "False"
    assert "didn't match Pod's node affinity/selector" in events(plane, "FailedScheduling")
    assert "GCE out of resources" in events(plane, "FailedScaleUp")
    assert "no capacity" in diagnosed(plane, PLACE)


def test_a_token_secret_that_is_gone(deployed: SandboxStack, plane: ControlPlane) -> None:
    plane.kubectl("delete", "secret", f"--namespace={NAMESPACE}", f"{NAME}-hugging-face")
    said = failure(deployed, models=[{**MODEL, "maxModelLen": 1024}])
    assert f'secrets "{NAME}-hugging-face" not found' in said
    assert "token Secret missing" in diagnosed(plane, PLACE)
    deployed.up(refresh=True)
    assert answers(deployed)


def test_a_service_account_that_is_gone(deployed: SandboxStack, plane: ControlPlane) -> None:
    plane.kubectl("delete", "serviceaccount", f"--namespace={NAMESPACE}", NAME)
    plane.kubectl("delete", "pod", f"--namespace={NAMESPACE}", "--selector=kserve.io/component=workload")
    wait_until(lambda: diagnosed(plane, PLACE) == {"service account missing"}, "it is not told", 60)
    deployed.up(refresh=True)
    # The ReplicaSet controller pauses twice as long after each Pod that it could not make.
    assert answers(deployed, within=60)


def test_a_chart_that_cannot_be_pulled(deployed: SandboxStack) -> None:
    said = failure(deployed, chartMirror="oci://127.0.0.1:9/charts")
    assert "127.0.0.1:9" in said
    assert "connection refused" in said


def test_a_gateway_without_an_address(deployed: SandboxStack, plane: ControlPlane) -> None:
    plane.kubectl("delete", "service", "--namespace=istio-ingress", "inference-gateway")
    [ours] = deployed.inventory.find(NETWORK)
    address, network = deployed.outputs()["gatewayAddress"], f"{ours.id}-of-another"
    other = Item("gcp", FORWARDING_RULE, "other", "other", "other/other", {"address": address, "network": network})
    other.inputs["service"] = "of somebody else"
    deployed.inventory.record("create", other)
    deployed.refresh()
    said = failure(deployed)
    assert "Service was not allocated an IP address" in said
    assert "gateway without an address" in diagnosed(plane, PLACE)
    deployed.inventory.record("delete", other)


@pytest.mark.usefixtures("deployed")
def test_a_gateway_without_a_proxy(plane: ControlPlane) -> None:
    proxy = ("deployment/inference-gateway", "--namespace=istio-ingress")
    plane.kubectl("scale", *proxy, "--replicas=0")
    wait_until(lambda: "gateway not programmed" in diagnosed(plane, PLACE), "it is not told", 60)
    plane.kubectl("scale", *proxy, "--replicas=1")
    plane.kubectl("rollout", "status", *proxy, "--timeout=60s")


def test_a_webhook_that_does_not_answer(deployed: SandboxStack, plane: ControlPlane) -> None:
    with without_controller(plane):
        said = failure(deployed, tpuMaxNodes=2, models=[{**MODEL, "replicas": 2}])
        assert "webhook without an answer" in diagnosed(plane, PLACE)
    assert 'failed calling webhook "llminferenceservice.kserve-webhook-server.v1alpha2.defaulter"' in said
    assert 'no endpoints available for service "llmisvc-webhook-server-service"' in said


def test_a_model_whose_controller_is_gone(deployed: SandboxStack, plane: ControlPlane) -> None:
    with without_controller(plane):
        said = failure(deployed, models=[{**MODEL, "maxModelLen": 1024}])
    assert "finalizers might be preventing deletion (serving.kserve.io/llmisvc-finalizer" in said
    # The controller finishes what Pulumi gave up, and only a look at the cluster shows that the model is gone.
    plane.kubectl("wait", f"--namespace={NAMESPACE}", "--for=delete", f"llminferenceservice/{NAME}", "--timeout=60s")
    assert diagnosed(plane, PLACE) == {"model gone"}
    deployed.set_config("models", [MODEL])
    assert set(deployed.preview().change_summary) == {"same"}
    deployed.up(refresh=True)
    assert answers(deployed)


@pytest.mark.usefixtures("deployed")
def test_a_model_that_somebody_has_stopped(plane: ControlPlane) -> None:
    stop = "serving.kserve.io/stop"
    plane.kubectl("annotate", "llmisvc", f"--namespace={NAMESPACE}", NAME, f"{stop}=true")
    wait_until(lambda: diagnosed(plane, PLACE) == {"stopped"}, "it is not told", 20)
    plane.kubectl("annotate", "llmisvc", f"--namespace={NAMESPACE}", NAME, f"{stop}-")
    wait_until(lambda: conditions(plane)["Ready"] == "True", "it does not run again", 120)


def test_a_picker_that_hangs(deployed: SandboxStack, plane: ControlPlane) -> None:
    only_process("epp").suspend()
    assert asks(deployed) == {"completion": 500, "models": 200, "health": 200}
    wait_until(lambda: "picker down" in diagnosed(plane, PLACE), "it is not told", 60)
    wait_until(lambda: asks(deployed)["completion"] == 200, "a picker that is not ready is still asked", 60)


def test_no_picker(deployed: SandboxStack, plane: ControlPlane) -> None:
    def pickers() -> list[str]:
        return plane.kubectl("get", "pods", f"--namespace={NAMESPACE}", f"--selector={PICKER}", "--output=name").split()

    before = pickers()
    plane.kubectl("scale", f"--namespace={NAMESPACE}", f"deployment/{NAME}-kserve-router-scheduler", "--replicas=0")
    plane.kubectl("wait", f"--namespace={NAMESPACE}", "--for=delete", *before, "--timeout=60s")
    assert answers(deployed)  # the pool fails open: any Pod will do
    assert set(deployed.preview().change_summary) == {"same"}
    # KServe makes it as many again as the service says, by itself.
    assert wait_until(lambda: pickers() and not set(pickers()) & set(before), "KServe brings no picker back", 30)


def test_a_crd_that_somebody_else_owns(deployed: SandboxStack, plane: ControlPlane) -> None:
    deployed.destroy()
    crd = ("crd", "certificates.cert-manager.io")  # Helm keeps it
    plane.kubectl("annotate", *crd, "meta.helm.sh/release-name=another", "--overwrite")
    said = failure(deployed)
    assert "certificates.cert-manager.io" in said
    assert "invalid ownership metadata" in said
    plane.kubectl("delete", *crd)
