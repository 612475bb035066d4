"""What a stack tells its users."""

import asyncio
from typing import Any

import pulumi

from infra.costs import estimate
from infra.platform.names import base_path
from infra.platform.tls import origin
from infra.settings.model import Model
from infra.settings.schema import Settings

from .routes import ENDPOINTS


def endpoint(origin: str, model: Model) -> dict[str, object]:
    """The outputs of one model at an origin, which is scheme and host; `paused` is there only if it is, and `sleeps` if
    it has no Pods while nobody asks.

    They are computed, not read from KServe's `status.url`, which is the shortest path of the route: here `.../health`.
    """
    base_url = f"{origin}{base_path(model.namespace, model.name)}"
    return {
        "baseUrl": base_url,
        "endpoints": {e.name: base_url + e.path for e in ENDPOINTS},
        "model": model.names[0],
        **({"paused": True} if model.paused else {}),
        **({"sleeps": True} if model.sleeps else {}),
    }


def of_stack(
    settings: Settings, address: pulumi.Output[str], authority: pulumi.Output[str] | None, cluster: pulumi.Output[str]
) -> dict[str, pulumi.Output[Any]]:
    """Every stack output, of a gateway's address, the certificate of its authority if it has one, a cluster's name."""
    command = cluster.apply(lambda name: kubeconfig_command(name, settings.location, settings.project))
    signed = {"caCertificate": authority} if authority else {}
    of_gateway = {"gatewayAddress": address, **signed}
    cost = pulumi.Output.from_input(estimate.output(settings))
    of_cluster = {"clusterName": cluster, "kubeconfigCommand": command, "estimatedCost": cost}
    return of_models(settings, address) | of_gateway | of_cluster


def export(
    settings: Settings, address: pulumi.Output[str], authority: pulumi.Output[str] | None, cluster: pulumi.Output[str]
) -> None:
    """Makes the stack's outputs of `of_stack`, and ends the program.

    One turn of the event loop later, in which every resource begins to be registered: the SDK, which waits for those
    that have begun, would find none, and go through all outputs after each registration, which takes the square of the
    resources (`wait_for_rpcs` in sdk/python/lib/pulumi/runtime/stack.py of
    https://github.com/pulumi/pulumi/tree/v3.272.0).
    """
    outputs = of_stack(settings, address, authority, cluster)

    async def end() -> dict[str, pulumi.Output[Any]]:
        await asyncio.sleep(0)
        return outputs

    pulumi.run(end)


def of_models(settings: Settings, address: pulumi.Output[str]) -> dict[str, pulumi.Output[Any]]:
    """The stack outputs about models: `models`, by `namespace/name`, and beside it those of the model if there is one,
    as the API guide's reader expects them."""
    models, at = settings.models, address.apply(lambda a: origin(settings, a))
    told: dict[str, pulumi.Output[Any]] = {
        "models": at.apply(lambda o: {f"{m.namespace}/{m.name}": endpoint(o, m) for m in models})
    }
    if len(models) == 1:
        only = at.apply(lambda o: endpoint(o, models[0]))
        told |= {key: only.apply(lambda of, key=key: of[key]) for key in ("baseUrl", "endpoints", "model")}
    return told


def kubeconfig_command(cluster: str, location: str, project: str) -> str:
    """The command that gives kubectl access to the cluster."""
    return (
        f"gcloud container clusters get-credentials {cluster} --location {location} --project {project} --dns-endpoint"
    )
