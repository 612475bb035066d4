"""Istio's objects that are bound to the gateway, and so hold for whatever route it has."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

APIS = {
    "AuthorizationPolicy": "security.istio.io/v1",
    "EnvoyFilter": "networking.istio.io/v1alpha3",
    "RequestAuthentication": "security.istio.io/v1",
    "Telemetry": "telemetry.istio.io/v1",
}


def policy(
    kind: str,
    name: str,
    spec: Mapping[str, Any],
    *,
    gateway: str,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> None:
    """One of `APIS`, in the namespace of the Gateway of this name."""
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}
    k8s.apiextensions.CustomResource(
        name,
        api_version=APIS[kind],
        kind=kind,
        metadata={"name": name, "namespace": namespace},
        spec={"targetRefs": [target], **spec},
        opts=opts,
    )
