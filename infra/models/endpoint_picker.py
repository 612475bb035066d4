"""The endpoint picker of a model, which chooses the vLLM Pod of each request."""

from typing import Any

from infra.platform.names import PICKER, model_labels
from infra.platform.spread import apart
from infra.settings.model import Model


def scheduler(model: Model, replicas: int) -> dict[str, Any]:
    """The endpoint picker in the words of an LLMInferenceService. Of several replicas one leads; KServe sees to that.

    Its TLS default makes every completion a 500, as KServe makes no DestinationRule for it.
    """
    spread = apart(model_labels(model, PICKER), replicas)
    return {
        "replicas": replicas,
        "template": {
            "containers": [{"name": "main", "args": ["--secure-serving=false"]}],
            **({"topologySpreadConstraints": spread} if spread else {}),
        },
    }
