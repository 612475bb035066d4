"""A model that is paused: no Pods, so no TPU node, and an answer that says so."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.platform.names import base_path
from infra.settings.model import Model

RETRY_AFTER = 600
"""What clients are told to wait, in seconds. Nobody knows when a pause ends, and a start after it takes longer."""

RUNNING = {"pulumi.com/waitFor": "condition=Ready"}
STOPPED = {"serving.kserve.io/stop": "true", "pulumi.com/waitFor": "condition=Ready=False"}
"""KServe v0.20 deletes Deployment, picker, pool and route of a service with this annotation, and gives it Ready=False
with the reason Stopped (`GetForceStopRuntime` in pkg/controller/v1alpha2/llmisvc of
https://github.com/kserve/kserve/tree/v0.20.0). So `up` waits for that: Ready would never come."""


def annotations(model: Model) -> dict[str, str]:
    """The annotations of a model's LLMInferenceService. A change of them is one in place."""
    return STOPPED if model.paused else RUNNING


def route(model: Model, gateway: Mapping[str, pulumi.Input[str]], service: pulumi.Input[str]) -> dict[str, Any]:
    """The spec of an HTTPRoute that sends all below a model's base path to a Service with no Pods.

    Envoy answers 503 for it, with the header of the route's filter: it applies them to its own answers as well
    (`sendLocalReplyViaFilterChain` in source/common/http/filter_manager.cc of https://github.com/envoyproxy/envoy).
    KServe's own route goes before it, as its paths are exact; so neither has to wait for the other.
    """
    header = {"name": "Retry-After", "value": str(RETRY_AFTER)}
    return {
        "parentRefs": [gateway],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": base_path(model.namespace, model.name)}}],
                "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [header]}}],
                "backendRefs": [{"kind": "Service", "name": service, "port": 80}],
            }
        ],
    }


class Pause(pulumi.ComponentResource):
    """The answer of a paused model: 503 with `Retry-After`, where no route would be a 404.

    Makes a Service without a selector, so with no endpoints, and an HTTPRoute to it. It stops nothing: that is the
    annotation's part.

    `namespace` is the model's, `gateway` the Gateway's name and namespace. `cluster` is the cluster's id; another one
    replaces everything.
    """

    def __init__(
        self,
        name: str,
        *,
        model: Model,
        cluster: pulumi.Input[str],
        namespace: pulumi.Input[str],
        gateway: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Pause", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        named = f"{model.name}-paused"
        nobody = k8s.core.v1.Service(
            name,
            # Pulumi would wait for endpoints, which never come.
            metadata={"name": named, "namespace": namespace, "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={"ports": [{"name": "http", "port": 80}]},
            opts=child,
        )
        k8s.apiextensions.CustomResource(
            name,
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata={"name": named, "namespace": namespace},
            spec=route(model, gateway, nobody.metadata.name),
            opts=child,
        )
        self.register_outputs({})
