"""Istio."""

from typing import Any

import pulumi

from infra.releases.pins import DISTROLESS, ISTIO_BASE, ISTIOD
from infra.settings.counts import MAX_REPLICAS
from infra.settings.schema import Settings

from . import access_log, metrics, pod_security
from .charts import release
from .isolation import of_istio_system
from .names import ISTIO_SYSTEM
from .namespaces import namespace as namespace_of
from .spread import apart

NAMESPACE = ISTIO_SYSTEM


def istiod_values(replicas: int, *, isolated: bool = False) -> dict[str, Any]:
    """The values of istiod's chart. With `isolated`, the images of istiod and of the proxies that it injects have no
    shell and no packages (https://istio.io/latest/docs/ops/configuration/security/harden-docker-images/)."""
    pilot = {
        "env": {"ENABLE_GATEWAY_API_INFERENCE_EXTENSION": "true"},
        "autoscaleMin": replicas,
        "autoscaleMax": MAX_REPLICAS,
        "topologySpreadConstraints": apart({"app": "istiod"}, replicas),
    }
    if not isolated:
        return {"pilot": pilot}
    return {"pilot": {**pilot, **pod_security.SECCOMP}, "global": {"variant": DISTROLESS}}


def mesh_config(settings: Settings) -> dict[str, Any]:
    """What istiod tells every proxy: what to log of a request, and of TLS. Version 1.2 is the lowest by itself too, but
    a listener of the Gateway API has no field to say so
    (https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-TLSConfig)."""
    tls = {} if settings.tls == "none" else {"tlsDefaults": {"minProtocolVersion": "TLSV1_2"}}
    return {"meshConfig": {**access_log.mesh_config(), **tls}}


class Mesh(pulumi.ComponentResource):
    """Istio's control plane, with support for InferencePools.

    Makes the namespace, the `base` chart (CRDs) and `istiod`, which makes GatewayClass `istio` by itself. It injects no
    sidecars anywhere, and makes no EnvoyFilter for request bodies: this Istio streams them to the endpoint picker
    (https://github.com/istio/istio/pull/56089). With `isolation`, NetworkPolicies close the namespace, and images are
    distroless. With `monitoring`, istiod gets a PodMonitoring.

    `router_replicas` is the fewest of istiod; from two on, its chart adds a disruption budget. `cluster` is the
    cluster's id; another one replaces everything.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Mesh", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        flows = of_istio_system(settings)
        namespace, closed = namespace_of(NAMESPACE, "restricted", flows, settings=settings, opts=child)
        base = release(
            ISTIO_BASE,
            name="istio-base",
            namespace=namespace.metadata.name,
            mirror=settings.chart_mirror,
            values={},
            opts=child,
        )
        istiod = release(
            ISTIOD,
            name="istiod",
            namespace=namespace.metadata.name,
            mirror=settings.chart_mirror,
            values=settings.values(
                ISTIOD,
                mesh_config(settings) | istiod_values(settings.router_replicas, isolated=settings.isolation),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[base, *closed], replacement_trigger=cluster),
        )
        if settings.monitoring:
            metrics.made(
                NAMESPACE, metrics.of_istio_system(), namespace=namespace.metadata.name, opts=child, after=[istiod]
            )
        self.register_outputs({})
