"""One line of JSON for each request at the gateway: who asked which model, what came of it, and how long it took.

Istio hands the format to its proxies
(https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-AccessLogEncoding), Envoy fills it in
(https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage), and GKE takes what a
container prints to Cloud Logging, where each field is one of `jsonPayload`. A field that has no value is null.
"""

import json

LONGEST = 200
"""Characters of what a client chooses by itself; headers may have kilobytes."""

_TOKEN = "envoy.filters.http.jwt_authn:payload"  # noqa: S105 - where Istio keeps the claims of a token that is good
_PICKER = "envoy.lb"
"""The namespace in which Istio lets an endpoint picker tell the proxy something (`MetadataOptions` in
https://github.com/istio/istio/blob/master/pilot/pkg/xds/filters/filters.go)."""

FORMAT = {
    # Cloud Logging takes it for the entry's own time (https://cloud.google.com/logging/docs/structured-logging).
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    # As the client has sent it, without its query, which may hold anything.
    "path": f"%PATH(NQ:ORIG_OR_PATH):{LONGEST}%",
    # NAMESPACE.NAME-kserve-route.RULE of a model (`convertHTTPRoute` in pilot/pkg/config/kube/gateway of Istio).
    "route": "%ROUTE_NAME%",
    "status": "%RESPONSE_CODE%",
    # Who has decided on the status, and why: `via_upstream` is the model's own answer.
    "reason": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "issuer": f"%DYNAMIC_METADATA({_TOKEN}:iss):{LONGEST}%",
    "client": f"%DYNAMIC_METADATA({_TOKEN}:sub):{LONGEST}%",
    "token": f"%DYNAMIC_METADATA({_TOKEN}:jti):{LONGEST}%",
    "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    # Its address and port; `kubectl get pods -A -o wide` has the name. vLLM's log has the id.
    "pod": "%UPSTREAM_HOST%",
    "request_id": f"%REQ(X-REQUEST-ID):{LONGEST}%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    # Milliseconds since the first byte of the request: until its last one, the first one of the answer's body (headers
    # of a stream come before there is a token), the answer's end.
    "ms_request": "%REQUEST_DURATION%",
    "ms_first_byte": "%COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG:ms)%",
    "ms": "%DURATION%",
    # Of prompt and answer, only if the model's picker is told to report them (docs/access-log.md).
    "tokens": f"%DYNAMIC_METADATA({_PICKER}:tokens)%",
}
"""The fields. No body is among them, and no header that may hold a key; a token's claims are there only after its
signature was found good."""


def mesh_config() -> dict[str, str]:
    """What istiod's `meshConfig` has for the log: a line for each request, on the proxy's standard output.

    A resource `Telemetry` would be the way to choose among proxies, but the gateway's are the only ones.
    """
    return {"accessLogFile": "/dev/stdout", "accessLogEncoding": "JSON", "accessLogFormat": json.dumps(FORMAT)}
