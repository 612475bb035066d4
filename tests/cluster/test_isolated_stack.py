"""A closed stack on the real control plane: it serves, nobody else gets in, and a flow that is missing is seen."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infra.releases import pins
from infra.settings.load import parse
from sandbox.cluster.control_plane import ClusterError, ControlPlane, wait_until
from sandbox.cluster.e2e import smoke
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.stack import SandboxStack
from tests.support.isolated import NAME, NAMESPACE
from tests.support.reach import FREE, GATEWAY, WEBHOOK, address, connects, pod
from tests.support.stack_settings import stack
from tests.support.stacks import OWN

pytestmark = pytest.mark.slow
VLLM, PICKER = (f"app.kubernetes.io/component=llminferenceservice-{kind}" for kind in ("workload", "router-scheduler"))
IMAGE = parse(stack(OWN)).image(pins.VLLM_TPU_IMAGE)


@pytest.fixture(scope="module")
def closed(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStack]:
    """The dev stack, isolated, up for all tests here."""
    home, config = tmp_path_factory.mktemp("closed"), {"isolation": True}
    with on_control_plane(home=home, plane=plane, config=config, patience=120) as sandbox:
        try:
            sandbox.up()
            yield sandbox
        finally:
            sandbox.destroy()


def test_models_answer_through_the_gateway(closed: SandboxStack) -> None:
    smoke(closed, "")


@pytest.mark.usefixtures("closed")
def test_only_the_gateway_and_the_picker_reach_a_model(plane: ControlPlane) -> None:
    gateway, webhook = address(plane, "istio-ingress", GATEWAY), address(plane, "cert-manager", WEBHOOK)
    vllm, picker = address(plane, NAMESPACE, VLLM), address(plane, NAMESPACE, PICKER)
    istiod = address(plane, "istio-system", "app=istiod")
    assert connects(gateway, vllm, 8000)
    assert connects(gateway, picker, 9002)
    assert connects(picker, vllm, 8000)
    assert not connects(gateway, picker, 9090)
    plane.kubectl("apply", "--filename=-", stdin=json.dumps(FREE))
    try:
        control_plane = plane.server.removeprefix("https://").split(":")[0]
        wait_until(lambda: connects(webhook, control_plane, 443), "the policy takes no effect", 20)
        refused = [(vllm, 8000), (picker, 9002), (istiod, 8080), (istiod, 15012), (istiod, 15017)]
        assert [at for at in refused if connects(webhook, *at)] == []
    finally:
        plane.kubectl("delete", "networkpolicy", "free", "--namespace=cert-manager")


@pytest.mark.usefixtures("closed")
def test_a_model_reaches_nothing_of_the_platform(plane: ControlPlane) -> None:
    vllm = address(plane, NAMESPACE, VLLM)
    gateway, istiod = address(plane, "istio-ingress", GATEWAY), address(plane, "istio-system", "app=istiod")
    kserve = address(plane, "kserve", "control-plane=llmisvc-controller-manager")
    control_plane = plane.server.removeprefix("https://").split(":")[0]
    targets = [(gateway, 80), (istiod, 15012), (kserve, 9443), (control_plane, 443)]
    assert [at for at in targets if connects(vllm, *at)] == []


@pytest.mark.usefixtures("closed")
def test_a_model_has_no_token_and_one_capability(plane: ControlPlane) -> None:
    spec = pod(plane, NAMESPACE, VLLM)["spec"]
    assert not [v for v in spec["volumes"] if "projected" in v]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [vllm] = spec["containers"]
    assert vllm["securityContext"]["capabilities"] == {"add": ["SYS_RESOURCE"], "drop": ["ALL"]}
    assert vllm["securityContext"]["allowPrivilegeEscalation"] is False


@contextmanager
def without(plane: ControlPlane, policy: str, port: int) -> Iterator[None]:
    """A policy of the model's namespace without its rules for what goes out to a port."""
    path = ("networkpolicy", policy, f"--namespace={NAMESPACE}")
    whole = json.loads(plane.kubectl("get", *path, "--output=json"))
    kept = [rule for rule in whole["spec"]["egress"] if port not in [p["port"] for p in rule["ports"]]]
    assert len(kept) == len(whole["spec"]["egress"]) - 1
    plane.kubectl("patch", *path, "--type=merge", f"--patch={json.dumps({'spec': {'egress': kept}})}")
    try:
        yield
    finally:
        rules = {"spec": {"egress": whole["spec"]["egress"]}}
        plane.kubectl("patch", *path, "--type=merge", f"--patch={json.dumps(rules)}")


@pytest.mark.family
@pytest.mark.parametrize("port", [53, 443], ids=["names", "weights"])
def test_start_fails_without_a_flow_that_it_needs(closed: SandboxStack, plane: ControlPlane, port: int) -> None:
    def told() -> str:
        states = pod(plane, NAMESPACE, VLLM)["status"].get("initContainerStatuses", [])
        ended = [s.get(when, {}).get("terminated") for s in states for when in ("state", "lastState")]
        return " ".join(e["message"] for e in ended if e)

    with without(plane, f"{NAME}-vllm", port):
        plane.kubectl("delete", "pod", f"-n{NAMESPACE}", f"-l{VLLM}", "--grace-period=1")
        wait_until(lambda: "An error happened while trying to locate the files on the Hub" in told(), "it starts", 60)
    ready = (f"-n{NAMESPACE}", "--for=condition=Ready", "--timeout=120s")
    plane.kubectl("wait", "pod", f"-l{VLLM}", *ready)
    smoke(closed, "")


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("namespace", ["cert-manager", "istio-system", "istio-ingress", "kserve"])
def test_platform_takes_no_pod_with_more_rights(plane: ControlPlane, namespace: str) -> None:
    container = {"name": "root", "image": "root", "securityContext": {"privileged": True}}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": {"containers": [container]}}
    dry = ("--dry-run=server", f"--namespace={namespace}", "--filename=-")
    with pytest.raises(ClusterError, match='violates PodSecurity "restricted:latest": privileged'):
        plane.kubectl("create", *dry, stdin=json.dumps(manifest))


PRIVILEGES = {
    "no container is privileged": {"containers": [{"securityContext": {"privileged": True}}]},
    "no container adds a capability but SYS_RESOURCE": {
        "containers": [{"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]
    },
    "the host's network, processes and IPC stay its own": {"hostPID": True},
    "no port of the host is taken": {"containers": [{"ports": [{"containerPort": 80, "hostPort": 80}]}]},
    "no folder of the host is mounted": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]},
    "every container has a seccomp profile": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
}


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("where", ["containers", "initContainers"])
@pytest.mark.parametrize("rule", PRIVILEGES)
def test_models_namespace_takes_no_pod_with_more_rights_than_a_model(
    plane: ControlPlane, rule: str, where: str
) -> None:
    asked: dict[str, Any] = dict(PRIVILEGES[rule])
    more = asked.pop("containers", [{}])
    plain = {"name": "plain", "image": IMAGE}
    spec: dict[str, Any] = {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}, "containers": [plain]}
    spec |= {**asked, where: [{**plain, "name": "more", **container} for container in more]}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "more"}, "spec": spec}
    dry = ("--dry-run=server", f"--namespace={NAMESPACE}", "--filename=-")
    with pytest.raises(ClusterError, match=f"ValidatingAdmissionPolicy 'model-pods.gke-tpu-inference'.*{rule}"):
        plane.kubectl("create", *dry, stdin=json.dumps(manifest))
