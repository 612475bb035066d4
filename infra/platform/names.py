"""By which names the parts of the platform and the models know one another: namespaces, labels, ports."""

from infra.settings.model import Model

ISTIO_SYSTEM, ISTIO_INGRESS, CERT_MANAGER, KSERVE = "istio-system", "istio-ingress", "cert-manager", "kserve"
"""The platform's namespaces."""
KEDA = "keda"
"""Another one, if a model is autoscaled."""
PLATFORM = (ISTIO_SYSTEM, ISTIO_INGRESS, CERT_MANAGER, KSERVE, KEDA)
"""All in which something of the platform runs for good."""
WARM_UP = "tpu-warm-up"
"""Where the Jobs are that ask for a TPU node before there is a model."""
GATEWAY = "inference-gateway"
GATEWAY_NAME_LABEL = "gateway.networking.k8s.io/gateway-name"
"""Istiod looks for this label on a proxy's Pod. Without it requests succeed and silently skip the endpoint picker."""
VLLM_PORT = 8000
"""vLLM's port, the one KServe's workload Service and InferencePool point at."""
VLLM, PICKER = "workload", "router-scheduler"
"""KServe's names for a model's Pods and its endpoint pickers."""


def kserve_labels(component: str) -> dict[str, str]:
    """The labels that KServe v0.20 gives to one kind of Pod of every model."""
    return {
        "app.kubernetes.io/component": f"llminferenceservice-{component}",
        "app.kubernetes.io/part-of": "llminferenceservice",
    }


def model_labels(model: Model, component: str) -> dict[str, str]:
    """The labels that KServe v0.20 gives to one kind of a model's Pods."""
    return {**kserve_labels(component), "app.kubernetes.io/name": model.name}


def deployment_of(model: str) -> str:
    """What KServe v0.20 calls the Deployment of a model (`workload_single_node.go`), by its name, with the namespace
    before it or without."""
    return f"{model}-kserve"


def picker_of(model: str) -> str:
    """What it calls the Deployment of a model's endpoint pickers (`scheduler.go`), in the same way."""
    return f"{deployment_of(model)}-{PICKER}"


def base_path(namespace: str, name: str) -> str:
    """The path of a model at the gateway, in KServe's own shape."""
    return f"/{namespace}/{name}"
