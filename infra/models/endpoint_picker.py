"""The endpoint picker of a model, which chooses the vLLM Pod of each request."""

from typing import Any

from infra.google.slices import Slice
from infra.platform import pod_security
from infra.platform.names import PICKER, model_labels
from infra.platform.spread import apart
from infra.releases import pins
from infra.settings.model import Model

from .picker_config import configuration


def scheduler(
    model: Model,
    tpu_slice: Slice,
    replicas: int,
    image: str,
    *,
    isolated: bool,
    measured: bool,
) -> dict[str, Any]:
    """The endpoint picker in the words of an LLMInferenceService. Of several replicas one leads; KServe sees to that.

    If it is measured, it asks for no token at the port of its metrics, which say nothing of what is asked or answered;
    with `isolation` a NetworkPolicy lets nobody there but Google's collectors. A token would be one that never ends.

    Its TLS default makes every completion a 500, as KServe makes no DestinationRule for it. The image is that of
    KServe's preset, unless the stack names it otherwise. Isolated, all of its Pod has the runtime's seccomp profile,
    which KServe gives its container and not the storage initializer before it.

    It never reads weights. KServe gives them to a container `tokenizer` beside it, and takes that container out again
    unless the picker is told of `precise-prefix-cache-scorer`, which `routing` refuses
    (`withRemoveUnnecessaryTokenizer` in pkg/controller/v1alpha2/llmisvc/scheduler.go of
    https://github.com/kserve/kserve/tree/v0.20.0). What is left of it is the volume, which the kubelet
    mounts for no container, and with `hf://` the storage initializer.
    """
    args = ["--secure-serving=false", *(["--metrics-endpoint-auth=false"] if measured else [])]
    named = {"image": image} if image != pins.ENDPOINT_PICKER_IMAGE else {}
    spread = apart(model_labels(model, PICKER), replicas)
    return {
        "replicas": replicas,
        "config": {"inline": configuration(model, tpu_slice)},
        "template": {
            "containers": [{"name": "main", "args": args, **named}],
            **({"topologySpreadConstraints": spread} if spread else {}),
            **({"securityContext": pod_security.SECCOMP} if isolated else {}),
        },
    }
