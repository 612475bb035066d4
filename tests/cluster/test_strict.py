"""A sandbox that refuses what reality refuses: each fault is a row, with who refuses it and in which words.

A row's `make` brings the fault about and says, for as long as it lasts, what a user would be told: see
`tests.support.cluster_faults`. To add a fault, add a row. Faults of the network, a webhook without its firewall rule
and a node without NAT, are in `test_network.py`; those that need no cluster are in `tests/unit/`, with the part that
refuses them.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from infra.google import slices
from infra.releases import pins
from ops.diagnose.causes import TABLE, UNKNOWN
from sandbox.clouds.google_kinds import NAT
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.cluster_faults import (
    MODEL,
    Make,
    Template,
    Where,
    diagnosed,
    of_a_policy,
    of_a_setting,
    of_an_image,
    of_an_object,
    of_the_model,
    of_the_program,
    of_the_vpc,
)

SECONDS = 60
STRICT = f"{MODEL.namespace}/strict"


class Fault(NamedTuple):
    """One fault: `by` is who refuses it, `words` are part of what a user is told.

    `cause` is what `ops diagnose` calls it; empty where it is not asked.
    """

    name: str
    make: Make
    by: str
    words: str
    cause: str = ""


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
        of_the_program(
            lambda monkeypatch: monkeypatch.setattr("infra.google.node_account.NODE_ROLE", "roles/no.suchRole")
        ),
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
        "container refused",
    ),
    Fault(
        "no capabilities",
        of_the_model(lambda t: main(t)["securityContext"].update(capabilities={"drop": ["ALL"]})),
        "libtpu",
        "Error 1 RuntimeError: Unable to initialize backend 'tpu': RESOURCE_EXHAUSTED",
        "chips not found",
    ),
    Fault(
        "1 MiB of memory for vLLM",
        of_the_model(lambda t: main(t)["resources"]["limits"].update(memory="1Mi")),
        "kernel",
        "OOMKilled 137",
        "out of memory in the container",
    ),
    Fault(
        "1 MiB of memory for the storage initializer",
        of_the_model(lambda t: initializer(t).update(resources={k: {"memory": "1Mi"} for k in ("limits", "requests")})),
        "kernel",
        "OOMKilled 137",
        "out of memory in the container",
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
        "it ends again and again",
    ),
    Fault(
        "host bounds of another slice",
        of_the_model(bounds("TPU_HOST_BOUNDS", "9,9,9")),
        "libtpu",
        "Topology HOST_BOUNDS does not match VM metadata. Topology: 9,9,9, VM metadata: 1,1,1",
        "chips not found",
    ),
    Fault(
        "chip bounds of as many chips",
        of_the_model(bounds("TPU_CHIPS_PER_HOST_BOUNDS", "4,1,1")),
        "libtpu",
        "Topology CHIPS_PER_HOST_BOUNDS does not match VM metadata. Topology: 4,1,1, VM metadata: 2,2,1",
        "chips not found",
    ),
    Fault(
        "a repository that does not exist",
        of_the_model(lambda _: None, uri="hf://Qwen/Qwen9-3B-Instruct"),
        "Hugging Face",
        "Repository Not Found for url: https://huggingface.co/api/models/Qwen/Qwen9-3B-Instruct/revision/main.",
        "model not found",
    ),
    Fault(
        "a model that takes a token, with none",
        of_the_model(lambda _: None, uri="hf://meta-llama/Llama-3.1-8B-Instruct"),
        "Hugging Face",
        "Access to model meta-llama/Llama-3.1-8B-Instruct is restricted.",
        "token refused",
    ),
    Fault(
        "NAT for no subnets",
        of_the_vpc(NAT, sourceSubnetworkIpRangesToNat="LIST_OF_SUBNETWORKS"),
        "Google Cloud",
        "Please check your internet connection and try again.",
        "no way out",
    ),
    Fault(
        "no way to a name server",
        of_a_policy(policyTypes=["Egress"], egress=[{"ports": [{"port": 443}]}]),
        "packet filter",
        "[Errno -3] Temporary failure in name resolution",
        "names are not resolved",
    ),
    Fault(
        "a dtype that does not exist",
        of_the_model(lambda t: main(t)["args"].append("--dtype=int3")),
        "vLLM",
        "vllm serve: error: argument --dtype: ",
        "flag refused",
    ),
    Fault(
        "a slice that no node pool has",
        of_the_model(lambda t: t["nodeSelector"].update({slices.TOPOLOGY_LABEL: "1x1"})),
        "autoscaler",
        "pod didn't trigger scale-up: ",
        "no pool fits",
    ),
    Fault(
        "more replicas than nodes",
        of_the_model(lambda _: None, replicas=2),
        "autoscaler",
        "pod didn't trigger scale-up: 1 max node group size reached",
        "node pool is full",
    ),
    Fault(
        "a tag of the storage initializer that does not exist",
        of_the_model(lambda t: initializer(t).update(image="kserve/storage-initializer:v0.99.0")),
        "containerd",
        "docker.io/kserve/storage-initializer:v0.99.0: not found",
        "image pull",
    ),
    Fault(
        "a tag of vLLM that does not exist",
        of_the_model(lambda t: main(t).update(image="docker.io/vllm/vllm-tpu:v0.99.0")),
        "containerd",
        "docker.io/vllm/vllm-tpu:v0.99.0: not found",
        "image pull",
    ),
    Fault(
        "a tag of Istio that does not exist",
        of_an_image("docker.io/istio/pilot:1.31.99"),
        "containerd",
        "docker.io/istio/pilot:1.31.99: not found",
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


@pytest.mark.family
@pytest.mark.parametrize("fault", FAULTS, ids=[f"{fault.name}, by {fault.by}" for fault in FAULTS])
def test_fault_is_refused_as_in_reality(
    fault: Fault, roomy: SandboxStack, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault.make(Where(roomy, plane, monkeypatch)) as said:
        end = time.monotonic() + SECONDS
        while fault.words not in said() and time.monotonic() < end:
            time.sleep(0.5)
        assert fault.words in said()
        # A container that is started again is on its way for a moment.
        assert not fault.cause or wait_until(lambda: diagnosed(plane, STRICT) == {fault.cause}, fault.cause, SECONDS)


def test_model_without_a_fault_runs(roomy: SandboxStack, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows above are refused for their fault, and not because the second model could not run.

    Until it does, `ops diagnose` says what is on its way.
    """
    causes: set[str] = set()
    with of_the_model(lambda _: None)(Where(roomy, plane, monkeypatch)):
        wait_until(lambda: (now := diagnosed(plane, STRICT)) == set() or causes.update(now), "it does not run", 60)
    assert causes
    assert causes <= {cause.name for cause in (*TABLE, UNKNOWN) if cause.passing or cause is UNKNOWN}
