"""What a stack tells its users."""

from collections.abc import Sequence

import pulumi

from infra.settings.model import Model

from .routes import ENDPOINTS, base_path


def endpoint(address: str, model: Model) -> dict[str, object]:
    """The outputs of one model at a gateway's address.

    They are computed, not read from KServe's `status.url`, which is the shortest path of the route: here `.../health`.
    """
    base_url = f"http://{address}{base_path(model.namespace, model.name)}"
    return {
        "baseUrl": base_url,
        "endpoints": {e.name: base_url + e.path for e in ENDPOINTS},
        "model": model.names[0],
    }


def of_models(address: pulumi.Output[str], models: Sequence[Model]) -> dict[str, pulumi.Output[object]]:
    """The stack outputs about models: `models`, by `namespace/name`, and beside it those of the model if there is one,
    as the API guide's reader expects them."""
    told: dict[str, pulumi.Output[object]] = {
        "models": address.apply(lambda a: {f"{m.namespace}/{m.name}": endpoint(a, m) for m in models})
    }
    if len(models) == 1:
        only = address.apply(lambda a: endpoint(a, models[0]))
        told |= {key: only.apply(lambda of, key=key: of[key]) for key in ("baseUrl", "endpoints", "model")}
    return told


def kubeconfig_command(cluster: str, location: str, project: str) -> str:
    """The command that gives kubectl access to the cluster."""
    return (
        f"gcloud container clusters get-credentials {cluster} --location {location} --project {project} --dns-endpoint"
    )
