"""How KServe labels what it makes of a model."""

from infra.settings.model import Model


def labels(model: Model, component: str) -> dict[str, str]:
    """The labels that KServe v0.20 gives to one kind of a model's Pods."""
    return {
        "app.kubernetes.io/component": f"llminferenceservice-{component}",
        "app.kubernetes.io/name": model.name,
        "app.kubernetes.io/part-of": "llminferenceservice",
    }
