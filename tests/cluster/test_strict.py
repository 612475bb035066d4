"""A sandbox that refuses what reality refuses: each fault is a row, with who refuses it and in which words.

A row's `make` brings the fault about and says, for as long as it lasts, what a user would be told. `of_the_model`
changes the Pod template that the program writes, and KServe, the scheduler and the kubelet take it from there;
`of_an_image` runs an image; `of_the_program` and `of_a_setting` change the program and the stack, and the engine runs
them; `of_an_object` is what the API server answers to a manifest. To add a fault, add a row. Faults of the network, a
webhook without its firewall rule and a node without NAT, are in `test_network.py`; those that need no cluster are in
`tests/unit/`, with the part that refuses them.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import pytest
from pulumi.automation import CommandError

from infra.google import slices
from infra.models.pod import pod_template
from infra.releases import pins
from infra.settings.model import Model
from sandbox.cluster.control_plane import ClusterError, ControlPlane
from sandbox.engine.stack import SandboxStack
from tests.support.project import stack_file

Template = dict[str, Any]
MODEL = Model.model_validate(stack_file("dev")["models"][0], context="v6e-4")
NAMESPACE = f"--namespace={MODEL.namespace}"
SECONDS = 60


class Where(NamedTuple):
    """Where a fault is brought about: the dev stack, up, with room for one more model."""

    stack: SandboxStack
    plane: ControlPlane
    monkeypatch: pytest.MonkeyPatch


Make = Callable[[Where], AbstractContextManager[Callable[[], str]]]


class Fault(NamedTuple):
    """One fault: `by` is who refuses it, `words` are part of what a user is told."""

    name: str
    make: Make
    by: str
    words: str


def _told(plane: ControlPlane, *pods_of: str) -> str:
    """What the containers of some Pods have to say for themselves: reason, exit code, message."""
    pods = json.loads(plane.kubectl("get", "pods", *pods_of, "--output=json"))["items"]
    statuses = [
        state
        for pod in pods
        for kind in ("initContainerStatuses", "containerStatuses")
        for container in pod["status"].get(kind, [])
        for when in ("state", "lastState")
        for state in container[when].values()
    ]
    return "\n".join(f"{s.get('reason')} {s.get('exitCode', '')} {s.get('message', '')}" for s in statuses)


def of_the_model(change: Callable[[Template], Any], **model: Any) -> Make:
    """One more model, without a route, whose template the program wrote and `change` made wrong."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        template = pod_template(MODEL, slices.SLICES["v6e-4"]) | {"serviceAccountName": MODEL.name}
        change(template)
        spec = {"model": {"uri": MODEL.uri, "name": "strict"} | model, "replicas": 1, "template": template}
        service = {
            "apiVersion": "serving.kserve.io/v1alpha2",
            "kind": "LLMInferenceService",
            "metadata": {"name": "strict", "namespace": MODEL.namespace},
            "spec": spec,
        }
        where.plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(service))
        pods = (NAMESPACE, "--selector=app.kubernetes.io/name=strict")
        try:
            yield lambda: _told(where.plane, *pods)
        finally:
            where.plane.kubectl("delete", "llminferenceservice", "strict", NAMESPACE)
            where.plane.kubectl("wait", "--for=delete", "pod", *pods, "--timeout=60s")

    return make


def of_an_image(reference: str, **limits: str) -> Make:
    """A Pod of an image, as a chart with this tag and these limits would have it."""
    container = {"name": "strict", "image": reference, "resources": {"limits": limits}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "strict"}, "spec": {"containers": [container]}}

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        where.plane.kubectl("apply", "--server-side", NAMESPACE, "--filename=-", stdin=json.dumps(pod))
        try:
            yield lambda: _told(where.plane, NAMESPACE, "--field-selector=metadata.name=strict")
        finally:
            where.plane.kubectl("delete", "pod", "strict", NAMESPACE, "--wait")

    return make


def of_the_program(change: Callable[[pytest.MonkeyPatch], Any]) -> Make:
    """The program, changed, as `pulumi up` runs it."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        change(where.monkeypatch)
        with pytest.raises(CommandError) as error:
            where.stack.up(color="never")
        where.monkeypatch.undo()
        yield lambda: str(error.value)

    return make


def of_a_setting(key: str, value: Any) -> Make:
    """A setting of the stack, as `pulumi up` meets it."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        where.stack.set_config(key, value)
        try:
            with pytest.raises(CommandError) as error:
                where.stack.up(color="never")
        finally:
            where.stack.set_config(key, None)
        yield lambda: str(error.value)

    return make


def of_an_object(manifest: dict[str, Any]) -> Make:
    """A manifest, as the API server takes it with server-side validation."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        with pytest.raises(ClusterError) as error:
            where.plane.kubectl(
                *("apply", "--server-side", "--validate=strict", "--dry-run=server", NAMESPACE, "--filename=-"),
                stdin=json.dumps(manifest),
            )
        yield lambda: str(error.value)

    return make


def main(template: Template) -> dict[str, Any]:
    return template["containers"][0]


def initializer(template: Template) -> dict[str, Any]:
    return template["initContainers"][0]


def bounds(name: str, value: str) -> Callable[[Template], Any]:
    return lambda template: [e.update(value=value) for e in main(template)["env"] if e["name"] == name]


def other_version(name: str, version: str) -> Callable[[pytest.MonkeyPatch], Any]:
    """Pins a chart at a version that the directory of charts does not have."""
    charts = tuple(c._replace(version=version) if c.name == name else c for c in pins.CHARTS)
    return lambda monkeypatch: monkeypatch.setattr(pins, "CHARTS", charts)


FAULTS = [
    Fault(
        "a role that does not exist",
        of_the_program(lambda monkeypatch: monkeypatch.setattr("infra.google.cluster.NODE_ROLE", "roles/no.suchRole")),
        "Google Cloud",
        "Role roles/no.suchRole is not supported for this resource., badRequest",
    ),
    Fault(
        "a machine type that does not exist",
        of_a_setting("systemMachineType", "n9-standard-4"),
        "Google Cloud",
        'Invalid machine type "n9-standard-4" in zone "europe-west4-a": GCE_NOT_FOUND',
    ),
    Fault(
        "a boot disk of 10 GB",
        of_a_setting("tpuBootDiskGb", 10),
        "settings",
        'tpuBootDiskGb: "10" is too small. Use 30 or more.',
    ),
    Fault(
        "root where it must not be",
        of_the_model(lambda t: main(t)["securityContext"].update(runAsNonRoot=True)),
        "kubelet",
        "CreateContainerConfigError  container's runAsUser breaks non-root policy (pod: ",
    ),
    Fault(
        "no capabilities",
        of_the_model(lambda t: main(t)["securityContext"].update(capabilities={"drop": ["ALL"]})),
        "libtpu",
        "Error 1 RuntimeError: Unable to initialize backend 'tpu': RESOURCE_EXHAUSTED",
    ),
    Fault(
        "1 MiB of memory for vLLM",
        of_the_model(lambda t: main(t)["resources"]["limits"].update(memory="1Mi")),
        "kernel",
        "OOMKilled 137",
    ),
    Fault(
        "1 MiB of memory for the storage initializer",
        of_the_model(lambda t: initializer(t).update(resources={k: {"memory": "1Mi"} for k in ("limits", "requests")})),
        "kernel",
        "OOMKilled 137",
    ),
    Fault(
        "less memory than KServe's controller is measured to hold",
        of_an_image(f"kserve/llmisvc-controller:{pins.KSERVE_CONTROLLER.version}", memory="10Mi"),
        "kernel",
        "OOMKilled 137",
    ),
    Fault(
        "shared memory of 1 KiB",
        of_the_model(lambda t: t["volumes"][0]["emptyDir"].update(sizeLimit="1Ki")),
        "kernel",
        "Error 135 Bus error (core dumped)",
    ),
    Fault(
        "host bounds of another slice",
        of_the_model(bounds("TPU_HOST_BOUNDS", "9,9,9")),
        "libtpu",
        "Topology HOST_BOUNDS does not match VM metadata. Topology: 9,9,9, VM metadata: 1,1,1",
    ),
    Fault(
        "chip bounds of as many chips",
        of_the_model(bounds("TPU_CHIPS_PER_HOST_BOUNDS", "4,1,1")),
        "libtpu",
        "Topology CHIPS_PER_HOST_BOUNDS does not match VM metadata. Topology: 4,1,1, VM metadata: 2,2,1",
    ),
    Fault(
        "a repository that does not exist",
        of_the_model(lambda _: None, uri="hf://Qwen/Qwen9-3B-Instruct"),
        "Hugging Face",
        "Repository Not Found for url: https://huggingface.co/api/models/Qwen/Qwen9-3B-Instruct/revision/main.",
    ),
    Fault(
        "a tag of the storage initializer that does not exist",
        of_the_model(lambda t: initializer(t).update(image="kserve/storage-initializer:v0.99.0")),
        "containerd",
        "docker.io/kserve/storage-initializer:v0.99.0: not found",
    ),
    Fault(
        "a tag of vLLM that does not exist",
        of_the_model(lambda t: main(t).update(image="docker.io/vllm/vllm-tpu:v0.99.0")),
        "containerd",
        "docker.io/vllm/vllm-tpu:v0.99.0: not found",
    ),
    Fault(
        "a tag of Istio that does not exist",
        of_an_image("registry.istio.io/release/pilot:1.31.99"),
        "containerd",
        "registry.istio.io/release/pilot:1.31.99: not found",
    ),
    Fault(
        "a tag of cert-manager that does not exist",
        of_an_image("quay.io/jetstack/cert-manager-controller:v1.21.99"),
        "containerd",
        "quay.io/jetstack/cert-manager-controller:v1.21.99: not found",
    ),
    Fault(
        "a chart of another version than is pinned",
        of_the_program(other_version("cert-manager", "v1.21.99")),
        "settings",
        "has cert-manager/Chart.yaml of version 1.21.2, and v1.21.99 is pinned.",
    ),
    Fault(
        "an unknown field of a Certificate",
        of_an_object(
            {
                "apiVersion": "cert-manager.io/v1",
                "kind": "Certificate",
                "metadata": {"name": "strict"},
                "spec": {"secretName": "strict", "issuerRef": {"name": "strict"}, "dnsName": ["a.example"]},
            }
        ),
        "API server",
        ".spec.dnsName: field not declared in schema",
    ),
]


@pytest.fixture(scope="module")
def roomy(deployed: SandboxStack) -> Iterator[SandboxStack]:
    """The stack with room for one more model."""
    deployed.set_config("tpuMaxNodes", 2)
    deployed.up()
    yield deployed
    deployed.set_config("tpuMaxNodes", None)
    deployed.up()


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{fault.name}, by {fault.by}" for fault in FAULTS])
def test_fault_is_refused_as_in_reality(
    fault: Fault, roomy: SandboxStack, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault.make(Where(roomy, plane, monkeypatch)) as said:
        end = time.monotonic() + SECONDS
        while fault.words not in said() and time.monotonic() < end:
            time.sleep(0.5)
        assert fault.words in said()


def test_model_without_a_fault_runs(roomy: SandboxStack, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows above are refused for their fault, and not because the second model could not run."""
    with of_the_model(lambda _: None)(Where(roomy, plane, monkeypatch)):
        plane.kubectl("wait", "--for=condition=Ready", "llminferenceservice/strict", NAMESPACE, "--timeout=60s")
