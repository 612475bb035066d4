"""The way in: one gateway for all models."""

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.google.network import Network
from infra.releases.pins import ISTIO_GATEWAY
from infra.settings.counts import MAX_REPLICAS
from infra.settings.schema import Settings

from . import limits, metrics, pod_security, tls
from .charts import release
from .https import Https
from .isolation import of_istio_ingress
from .limits import Limits
from .names import GATEWAY, GATEWAY_NAME_LABEL, ISTIO_INGRESS
from .namespaces import namespace as namespace_of
from .policies import policy
from .serving import Serving
from .spread import apart

NAMESPACE, NAME = ISTIO_INGRESS, GATEWAY


UNPRIVILEGED_PORTS = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}
"""What the chart gives the proxy's Pod by itself, so that it may listen on port 80 as nobody in particular."""


GRACE = 75
"""Seconds that a proxy has for its answers once it is told to end: as long as a model's Pod has."""

ENDS_WITH_ITS_ANSWERS = {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"}
"""By itself, pilot-agent ends Envoy five seconds after that, and cuts off answers that take longer, as those of models
do. With this it waits until nobody is connected, or the grace period is over
(https://github.com/istio/istio/blob/master/pkg/envoy/agent.go)."""


def proxy_values(replicas: int, *, isolated: bool = False) -> dict[str, Any]:
    """The values of the proxy's chart, which makes no Service."""
    security = {"securityContext": {**UNPRIVILEGED_PORTS, **pod_security.SECCOMP}}
    return {
        "service": {"type": "None"},
        "labels": {GATEWAY_NAME_LABEL: NAME},
        "podAnnotations": limits.annotations(),
        "env": ENDS_WITH_ITS_ANSWERS,
        "terminationGracePeriodSeconds": GRACE,
        "autoscaling": {"minReplicas": replicas, "maxReplicas": MAX_REPLICAS},
        "podDisruptionBudget": {"maxUnavailable": 1},  # the chart leaves it out for a single replica
        "topologySpreadConstraints": apart({GATEWAY_NAME_LABEL: NAME}, replicas),
        **(security if isolated else {}),
    }


def load_balancer(
    listeners: Iterable[Mapping[str, Any]],
    settings: Settings,
    *,
    address: pulumi.Input[str],
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> k8s.core.v1.Service:
    """The way to the proxy from outside, open at the ports of its listeners."""
    return k8s.core.v1.Service(
        NAME,
        metadata={"name": NAME, "namespace": namespace, "annotations": {"cloud.google.com/l4-rbs": "enabled"}},
        spec={
            "type": "LoadBalancer",
            "load_balancer_ip": address,
            "selector": {GATEWAY_NAME_LABEL: NAME},
            "ports": [{"name": one["name"], "port": one["port"], "target_port": one["port"]} for one in listeners],
            **limits.load_balancer(settings),
        },
        opts=opts,
    )


def way_in(
    listeners: Iterable[Mapping[str, Any]],
    settings: Settings,
    *,
    hostname: pulumi.Input[str],
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> k8s.apiextensions.CustomResource:
    """The Gateway of Kubernetes that models' routes refer to, whose listeners the proxy behind a hostname opens."""
    return k8s.apiextensions.CustomResource(
        NAME,
        api_version="gateway.networking.k8s.io/v1",
        kind="Gateway",
        metadata={
            "name": NAME,
            "namespace": namespace,
            "annotations": {"pulumi.com/waitFor": tls.conditions(settings)},
        },
        spec={
            "gatewayClassName": "istio",
            "addresses": [{"type": "Hostname", "value": hostname}],
            "listeners": listeners,
        },
        opts=opts,
    )


class Gateway(pulumi.ComponentResource):
    """An Istio gateway on a reserved address, open to routes from every namespace: plain HTTP, or with `tls` HTTPS.

    Makes the namespace, the proxy (a chart without a Service), the LoadBalancer Service, the Gateway, `Limits` of what
    a client may take of it, and `Https` if there is TLS. The Service is a resource of its own, so that Pulumi waits for
    the load balancer on the way up and for its removal on the way down: a forwarding rule left behind would block the
    VPC. It makes no route of a model; each has its own. It asks for no authentication.

    `network` has the reserved regional IPv4 address, `serving` brings cert-manager, which certificates alone wait for.
    `router_replicas` is the fewest proxies; from two on, the chart adds a disruption budget, by which one at a time may
    be drained. With `isolation`, NetworkPolicies let anyone ask the proxy, and the proxy only istiod and the models.
    If the stack is `scraped`, the proxies get a PodMonitoring, and with `monitoring` and tokens of the stack's own a
    Telemetry by which they count requests for each client. `cluster` is the cluster's id; another one replaces
    everything.
    """

    name: str
    namespace: pulumi.Output[str]
    authority: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        network: Network,
        serving: Serving,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Gateway", name, None, opts)
        below = pulumi.ResourceOptions(parent=self)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        flows = of_istio_ingress(settings)
        namespace, closed = namespace_of(NAMESPACE, "restricted", flows, settings=settings, opts=child)
        proxy = release(
            ISTIO_GATEWAY,
            name=NAME,
            namespace=namespace.metadata.name,
            mirror=settings.chart_mirror,
            values=proxy_values(settings.router_replicas, isolated=settings.isolation),
            opts=pulumi.ResourceOptions(parent=self, depends_on=closed, replacement_trigger=cluster),
        )
        listeners = tls.listeners(settings)
        service = load_balancer(
            listeners,
            settings,
            address=network.gateway_address,
            namespace=namespace.metadata.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[proxy], replacement_trigger=cluster),
        )
        hostname = pulumi.Output.format("{0}.{1}.svc.cluster.local", service.metadata.name, namespace.metadata.name)
        entry = way_in(listeners, settings, hostname=hostname, namespace=namespace.metadata.name, opts=child)
        Limits(
            "limits", settings=settings, cluster=cluster, gateway=NAME, namespace=namespace.metadata.name, opts=below
        )
        if settings.scraped:
            metrics.made(NAMESPACE, metrics.of_istio_ingress(), namespace=namespace.metadata.name, opts=child)
        if counted := metrics.by_client(settings):
            policy("Telemetry", "clients", counted, gateway=NAME, namespace=namespace.metadata.name, opts=child)
        self.name, self.namespace, self.authority = NAME, namespace.metadata.name, None
        if settings.tls != "none":
            self.authority = Https(
                "https",
                settings=settings,
                cluster=cluster,
                gateway=NAME,
                namespace=namespace.metadata.name,
                address=network.gateway_address,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[entry, network, serving]),
            ).authority
        self.register_outputs({"name": self.name, "namespace": self.namespace})
