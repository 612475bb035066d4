"""The HTTPRoute of a model: which paths the gateway publishes, and which backend answers each.

KServe's own route ends in a catch-all that also publishes `/metrics` and everything else vLLM answers. These rules
replace it whole, so nothing but the paths below is reachable.
"""

from typing import Any, NamedTuple

from infra.platform.names import VLLM_PORT, base_path

PORT = VLLM_PORT


class Endpoint(NamedTuple):
    """One published path. `scheduled` ones go through the endpoint picker, the others straight to a vLLM Pod."""

    name: str
    path: str
    scheduled: bool


ENDPOINTS = (
    Endpoint("chatCompletions", "/v1/chat/completions", True),
    Endpoint("completions", "/v1/completions", True),
    Endpoint("models", "/v1/models", False),
    Endpoint("health", "/health", False),
)


NO_LIMIT = {"request": "0s", "backendRequest": "0s"}


def rules(namespace: str, name: str) -> list[dict[str, Any]]:
    """HTTPRoute rules of one model, one for each of `ENDPOINTS`, and one for websockets.

    Paths match exactly and are rewritten to vLLM's own. Timeouts are off, because a long answer streams for minutes.
    The backends are the objects that KServe v0.20 makes for a service of this name.

    Istio lets every websocket through, and the endpoint picker waits for the end of its body, which never comes: the
    client would hang until it gives up. vLLM has no websocket at these paths and says so, so it is asked directly.
    """
    group, kind = "inference.networking.k8s.io", "InferencePool"
    pool = {"group": group, "kind": kind, "name": f"{name}-inference-pool", "port": PORT}
    workload = {"kind": "Service", "name": f"{name}-kserve-workload-svc", "port": PORT}

    def path(endpoint: Endpoint) -> dict[str, Any]:
        return {"path": {"type": "Exact", "value": base_path(namespace, name) + endpoint.path}}

    def rewritten(endpoint: Endpoint) -> dict[str, Any]:
        to = {"type": "ReplaceFullPath", "replaceFullPath": endpoint.path}
        return {"type": "URLRewrite", "urlRewrite": {"path": to}}

    # A match of a path and a header goes before one of the path alone, wherever it stands.
    websocket = {"headers": [{"type": "RegularExpression", "name": "upgrade", "value": "(?i)websocket"}]}
    return [
        {
            "matches": [path(endpoint)],
            "filters": [rewritten(endpoint)],
            "timeouts": NO_LIMIT,
            "backendRefs": [pool if endpoint.scheduled else workload],
        }
        for endpoint in ENDPOINTS
    ] + [
        {
            "matches": [{**path(endpoint), **websocket} for endpoint in ENDPOINTS if endpoint.scheduled],
            "timeouts": NO_LIMIT,
            "backendRefs": [workload],
        }
    ]
