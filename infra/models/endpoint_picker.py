"""The endpoint picker of a model, which chooses the vLLM Pod of each request."""

from typing import Any

from infra.platform import pod_security
from infra.platform.names import PICKER, model_labels
from infra.platform.spread import apart
from infra.releases import pins
from infra.settings.model import Model


def scheduler(
    model: Model, replicas: int, image: str = pins.ENDPOINT_PICKER_IMAGE, *, isolated: bool = False
) -> dict[str, Any]:
    """The endpoint picker in the words of an LLMInferenceService. Of several replicas one leads; KServe sees to that.

    Its TLS default makes every completion a 500, as KServe makes no DestinationRule for it. The image is that of
    KServe's preset, unless the stack names it otherwise. Isolated, all of its Pod has the runtime's seccomp profile,
    which KServe gives its container and not the storage initializer before it.
    """
    named = {"image": image} if image != pins.ENDPOINT_PICKER_IMAGE else {}
    spread = apart(model_labels(model, PICKER), replicas)
    return {
        "replicas": replicas,
        "template": {
            "containers": [{"name": "main", "args": ["--secure-serving=false"], **named}],
            **({"topologySpreadConstraints": spread} if spread else {}),
            **({"securityContext": pod_security.SECCOMP} if isolated else {}),
        },
    }
