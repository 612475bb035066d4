"""What is seen of a cluster for each cause of `ops.diagnose`, in the words of the part that refuses."""

from typing import Any

import pytest

from ops.diagnose.observed import Observed
from sandbox.clouds.nat import unreachable_model, unresolved_model
from sandbox.clouds.registries import UnpublishedError
from sandbox.clouds.registries import model as asked_of_hub
from sandbox.programs.model_server import MOSAIC
from tests.support.observations import (
    CONTROLLER,
    DEPLOYMENTS,
    INITIALIZING,
    NAMESPACE,
    PROXY,
    RUNNING,
    UNSCHEDULED,
    condition,
    deployment,
    ended,
    event,
    model,
    pod,
    seen,
    thing,
    waiting,
)

SCALE_UP = (
    "Node scale up in zones europe-west4-a associated with this pod failed: {}. Pod is at risk of not being scheduled."
)
SCHEDULING = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
VLLM_IMAGE = "docker.io/vllm/vllm-tpu:v0.27.0"
HBM = (
    "jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory required for HLO "
    "temporaries (38.47G) exceeds available HBM (31.24G)."
)
CACHE = (
    "ValueError: To serve at least one request with the model's max seq len (40960), (4.38 GiB KV cache is needed, "
    "which is larger than the available KV cache memory (1.0 GiB)."
)
LOCKED = (
    "RuntimeError: Unable to initialize backend 'tpu': RESOURCE_EXHAUSTED: TPU initialization failed: Failed to map "
    "transfer buffer chunk for DMA: Cannot allocate memory"
)
USAGE = "usage: vllm serve [model_tag] [options]\nvllm serve: error: argument --dtype: invalid choice: 'int3'"
NO_SPACE = "OSError: [Errno 28] No space left on device: '/mnt/models/model-00001-of-00002.safetensors'"
MOUNT = 'MountVolume.SetUp failed for volume "llm-d.qwen-193197c6" : {}'
FORBIDDEN = (
    'rpc error: code = PermissionDenied desc = failed to get GCS bucket "my-models": googleapi: Error 403: Caller does '
    "not have storage.objects.list access to the Google Cloud Storage bucket."
)
UNREGISTERED = "driver name gcsfuse.csi.storage.gke.io not found in the list of registered CSI drivers"


def hub(repository: str, revision: str = "", token: str = "") -> str:
    """What the storage initializer passes on from Hugging Face."""
    with pytest.raises(UnpublishedError) as refused:
        asked_of_hub(repository, revision, token)
    return f"Storage initialization failed: HuggingFace error for hf://{repository}: {refused.value}"


def unscheduled(reason: str, message: str) -> Observed:
    """A Pod without a node, of which the autoscaler has said this last."""
    said = [event("FailedScheduling", SCHEDULING, ago=9), event("TriggeredScaleUp", "pod triggered scale-up", ago=8)]
    return seen(UNSCHEDULED, events=[*said, event(reason, message)])


def fetching(message: str) -> Observed:
    """A storage initializer that has ended so."""
    return seen(pod(weights=ended(message), vllm=INITIALIZING))


def vllm(message: str, code: int = 1, reason: str = "Error") -> Observed:
    """A vLLM that has ended so."""
    return seen(pod(vllm=ended(message, code, reason)))


def refused(message: str, **other: Any) -> Observed:
    """A model that KServe cannot make, in these words."""
    return seen(models=[model(condition("Ready", "False", message))], **other)


def without(place: str) -> list[Any]:
    """The platform, one Deployment of which has no ready Pod."""
    return [one for one in DEPLOYMENTS if one.place != place] + [deployment(place, ready=0)]


PENDING_CERTIFICATE = [
    thing("istio-ingress/gateway", condition("Ready", "False", "Issuing certificate"), kind="Certificate"),
    thing(
        "istio-ingress/gateway-1", kind="Challenge", reason="Waiting for HTTP-01 challenge propagation: no such host"
    ),
]
LOG = f"{NAMESPACE}/qwen-kserve-1/main"

PAUSED = model(
    condition("Ready", "False"),
    annotations={"serving.kserve.io/stop": "true", "pulumi.com/waitFor": "condition=Ready=False"},
)

ASLEEP = seen(models=[model()], pods=[], deployments=[*DEPLOYMENTS, thing("llm-d/qwen-kserve", spec={"replicas": 0})])

EXAMPLES = [
    ("paused", seen(models=[PAUSED], pods=[])),
    ("asleep", ASLEEP),
    (
        "stopped",
        seen(
            models=[
                model(
                    condition("Ready", "False"),
                    annotations={"serving.kserve.io/stop": "true", "pulumi.com/waitFor": "condition=Ready"},
                )
            ]
        ),
    ),
    ("webhook without an answer", seen(deployments=without(CONTROLLER))),
    (
        "webhook without an answer",
        refused('Internal error occurred: failed calling webhook "x": no endpoints available'),
    ),
    ("model gone", seen(models=[], events=[event("Error", 'secrets "qwen-hugging-face" not found', of="qwen")])),
    ("no model yet", seen(models=[], expected=[])),
    ("service account missing", seen(service_accounts=[thing("llm-d/default")])),
    ("token Secret missing", refused('failed to attach model artifacts: secrets "qwen-hugging-face" not found')),
    ("gateway without an address", seen(services=[thing(PROXY)])),
    ("gateway without an address", seen(services=[])),
    ("certificate pending", seen(certificates=PENDING_CERTIFICATE)),
    ("gateway not programmed", seen(deployments=without(PROXY))),
    ("gateway not programmed", seen(gateways=[thing(PROXY, condition("Programmed", "False", "no instances"))])),
    ("quota", unscheduled("FailedScaleUp", SCALE_UP.format("GCE quota exceeded"))),
    ("no capacity", unscheduled("FailedScaleUp", SCALE_UP.format("GCE out of resources"))),
    ("no capacity", unscheduled("FailedScaleUp", SCALE_UP.format("Reservation capacity exceeded: r1"))),
    (
        "no capacity",
        unscheduled("FailedScaleUp", SCALE_UP.format('Some nodes in node group ["x"] failed to appear in time')),
    ),
    (
        "node pool is full",
        unscheduled("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached"),
    ),
    (
        "no pool fits",
        unscheduled(
            "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 node(s) didn't match Pod's node affinity/selector"
        ),
    ),
    ("no node for another reason", unscheduled("FailedScaleUp", SCALE_UP.format("IP space exhausted"))),
    ("image pull", seen(pod(weights=INITIALIZING, vllm=waiting("ErrImagePull", f"{VLLM_IMAGE}: not found")))),
    (
        "image pull",
        seen(pod(weights=waiting("ImagePullBackOff", "toomanyrequests: You have reached your pull rate limit"))),
    ),
    ("no way out", fetching(unreachable_model("hf://Qwen/Qwen2.5-3B-Instruct"))),
    ("no way out", fetching(unreachable_model("gs://bucket/model"))),
    ("names are not resolved", fetching(unresolved_model("hf://Qwen/Qwen2.5-3B-Instruct"))),
    ("names are not resolved", fetching(unresolved_model("gs://bucket/model"))),
    ("token refused", fetching(hub("meta-llama/Llama-3.1-8B-Instruct"))),
    (
        "token refused",
        fetching("403 Client Error. Access to model x is restricted and you are not in the authorized list"),
    ),
    ("model not found", fetching(hub("Qwen/Qwen9-3B-Instruct"))),
    ("model not found", fetching(hub("Qwen/Qwen9-3B-Instruct", token="hf_of_a_test"))),  # noqa: S106
    ("model not found", fetching(hub("Qwen/Qwen2.5-3B-Instruct", "0000"))),
    (
        "bucket not mounted",
        seen(pod(vllm=waiting("ContainerCreating")), events=[event("FailedMount", MOUNT.format(FORBIDDEN))]),
    ),
    (
        "bucket not mounted",
        seen(pod(vllm=waiting("ContainerCreating")), events=[event("FailedMount", MOUNT.format(UNREGISTERED))]),
    ),
    ("disk full", fetching(NO_SPACE)),
    (
        "disk full",
        seen(pod(phase="Failed", reason="Evicted", message="The node was low on resource: ephemeral-storage.")),
    ),
    ("out of memory on the chip", vllm(HBM)),
    ("out of memory on the chip", vllm(CACHE)),
    ("out of memory in the container", vllm("", 137, "OOMKilled")),
    ("chips not found", vllm(LOCKED)),
    ("flag refused", vllm(USAGE, 2)),
    ("flag refused", vllm(f"jax.errors.JaxRuntimeError: {MOSAIC}")),
    ("flag refused", vllm("ValueError: Insufficient devices for 2D mesh: found 4, expected 8 for mesh shape (1, 8).")),
    ("container refused", seen(pod(vllm=waiting("CreateContainerConfigError", 'secret "x" not found')))),
    ("it ends again and again", vllm("Bus error (core dumped)", 135)),
    ("picker down", seen(pod(), pods=[pod(ready=True), pod("router-scheduler")])),
    (
        "picker down",
        seen(pods=[pod(ready=True)], deployments=[*DEPLOYMENTS, deployment("llm-d/qwen-kserve-router-scheduler", 0)]),
    ),
    ("waiting for a node", seen(UNSCHEDULED, events=[event("TriggeredScaleUp", "pod triggered scale-up")])),
    ("waiting for a node", seen(UNSCHEDULED)),
    ("pulling the image", seen(pod(vllm=waiting("ContainerCreating")))),
    ("weights still loading", seen(pod(weights=RUNNING, vllm=INITIALIZING))),
    (
        "weights still loading",
        seen(pod(), logs={LOG: "Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01]"}),
    ),
    ("compiling", seen(pod(), logs={LOG: "Precompile worker0 backbone --> {'num_tokens': 64, 'num_reqs': 256}"})),
    ("unknown", seen(pods=[pod(ready=True), pod("router-scheduler", ready=True)])),
]
