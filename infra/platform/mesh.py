"""Istio."""

import pulumi
import pulumi_kubernetes as k8s

from infra.releases.pins import ISTIO_BASE, ISTIOD
from infra.settings.counts import MAX_REPLICAS
from infra.settings.schema import Settings

from .charts import release
from .spread import apart

NAMESPACE = "istio-system"


class Mesh(pulumi.ComponentResource):
    """Istio's control plane, with support for InferencePools.

    Makes the namespace, the `base` chart (CRDs) and `istiod`, which makes GatewayClass `istio` by itself. It injects no
    sidecars anywhere, and makes no EnvoyFilter for request bodies: this Istio streams them to the endpoint picker
    (https://github.com/istio/istio/pull/56089).

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
        namespace = k8s.core.v1.Namespace(NAMESPACE, metadata={"name": NAMESPACE}, opts=child)
        base = release(
            ISTIO_BASE,
            name="istio-base",
            namespace=namespace.metadata.name,
            mirror=settings.chart_mirror,
            values={},
            opts=child,
        )
        release(
            ISTIOD,
            name="istiod",
            namespace=namespace.metadata.name,
            mirror=settings.chart_mirror,
            values={
                "pilot": {
                    "env": {"ENABLE_GATEWAY_API_INFERENCE_EXTENSION": "true"},
                    "autoscaleMin": settings.router_replicas,
                    "autoscaleMax": MAX_REPLICAS,
                    "topologySpreadConstraints": apart({"app": "istiod"}, settings.router_replicas),
                }
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[base], replacement_trigger=cluster),
        )
        self.register_outputs({})
