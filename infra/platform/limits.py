"""What a client may take of the gateway, where Istio has an API for it; `envoy_limits` has the rest.

Istio's `connectionSettings` of a proxy are for connections and times, an AuthorizationPolicy is for what is refused
whoever asks, and the load balancer's firewall is for where clients are.
"""

import json
from functools import partial
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.schema import Settings

from . import envoy_limits
from .policies import policy
from .refusals import NO_UPGRADES

CONNECTIONS = {
    # From the first byte of a request to the end of its headers.
    "httpRequestHeadersTimeout": "10s",
    # To the end of its body: 4 MB at half a megabit a second. It does not count what comes after, the answer.
    "httpRequestTimeout": "60s",
    # Without a byte either way. A whole answer, not streamed, is as long as it takes, and it may wait in a queue: the
    # OpenAI client gives up after ten minutes, and some are told to wait longer.
    "httpStreamIdleTimeout": "3600s",
    # A connection between two requests.
    "httpIdleTimeout": "300s",
    # Of HTTP/2. What it may send before it is read is bounded too: Envoy's default is 16 MiB for each stream.
    "httpMaxConcurrentStreams": 100,
    "http2InitialStreamWindowSize": 65_536,
    "http2InitialConnectionWindowSize": 1_048_576,
    # `x_request_id` and `x-request-id` are the same name to some servers and not to others.
    "httpHeadersWithUnderscoresAction": "HEADERS_WITH_UNDERSCORES_REJECT_REQUEST",
}
"""Istio's `connectionSettings` (1.31). Paths stay as they are: a route matches one spelling, all others are 404."""


def annotations() -> dict[str, str]:
    """The annotations of the proxy's Pods, which another value rolls."""
    return {"proxy.istio.io/config": json.dumps({"connectionSettings": CONNECTIONS})}


def load_balancer(settings: Settings) -> k8s.core.v1.ServiceSpecArgsDict:
    """What the limits add to the Service's spec.

    The source ranges become rules of the VPC's firewall and hold whatever the traffic policy. To the proxy, a client
    has its own address with the policy Local alone, by which the load balancer sends to nodes with a proxy only and a
    moved proxy costs some seconds; so it is asked for where addresses are counted, and nowhere else
    (https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer#effect_of_externaltrafficpolicy).
    """
    spec: k8s.core.v1.ServiceSpecArgsDict = {}
    if settings.allowed_clients:
        spec["load_balancer_source_ranges"] = list(settings.allowed_clients)
    if envoy_limits.counts_addresses(settings):
        spec["external_traffic_policy"] = "Local"
    return spec


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def no_upgrades() -> dict[str, Any]:
    """The spec of an AuthorizationPolicy by which no connection becomes a websocket, and no method is an odd one.

    Istio takes websockets on every gateway, and their body has no end, for which the limit of bodies would wait. Envoy
    itself refuses all other upgrades with 403, and passes over one to HTTP/2 (h2c) and answers in HTTP/1.1. vLLM says
    which of the usual methods a path has.
    """
    upgrade = {"key": "request.headers[upgrade]", "values": ["*"]}
    rules = [{"when": [upgrade]}, {"to": [{"operation": {"notMethods": METHODS}}]}]
    return {"action": "DENY", "rules": rules}


class Limits(pulumi.ComponentResource):
    """The limits of a Gateway that its proxies hold.

    Makes an EnvoyFilter and an AuthorizationPolicy. What the proxy's Pods and its Service have of the limits is in the
    values above, as those belong to the Gateway. It decides nothing about who a client is.

    `gateway` is the Gateway's name, `namespace` its namespace. `cluster` is the cluster's id; another one replaces
    everything.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        gateway: str,
        namespace: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Limits", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        bound = partial(policy, gateway=gateway, namespace=namespace, opts=child)
        bound("EnvoyFilter", "limits", {"configPatches": envoy_limits.patches(settings)})
        bound("AuthorizationPolicy", NO_UPGRADES, no_upgrades())
        self.register_outputs({})
