"""What Istio's proxy image gives Envoy to start with: where to ask for its configuration, and who is asking.

In the image a program of Istio's, pilot-agent, writes it and stays between Envoy and istiod. Here plain Envoy asks
istiod itself, by TLS and with the token of the Pod's service account, as pilot-agent does: who asks without is sent no
certificates of listeners. The token is the one that the Pod was started with, good for 12 hours.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ADMIN_PORT = 15000
READY_PORT = 15021
"""Where pilot-agent answers `/healthz/ready`, once Envoy has its first listeners and clusters."""

Json = dict[str, Any]


class Istiod(NamedTuple):
    """Istiod: its name, its address and port, the file of the authority that signed its certificate, and a token."""

    host: str
    address: str
    port: int
    authority: Path
    token: str


def _at(address: str, port: int) -> Json:
    return {"address": {"socket_address": {"address": address, "port_value": port}}}


def _cluster(name: str, address: str, port: int, **more: Any) -> Json:
    endpoints = [{"lb_endpoints": [{"endpoint": _at(address, port)}]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        **more,
    }


def _typed(name: str, **fields: Any) -> Json:
    return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **fields}


def _readiness() -> Json:
    """A listener that answers as pilot-agent does, by Envoy's own word."""
    route = {"match": {"path": "/healthz/ready"}, "route": {"cluster": "admin", "prefix_rewrite": "/ready"}}
    manager = _typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="readiness",
        route_config={"virtual_hosts": [{"name": "readiness", "domains": ["*"], "routes": [route]}]},
        http_filters=[{"name": "router", "typed_config": _typed("filters.http.router.v3.Router")}],
    )
    filters = [{"name": "http", "typed_config": manager}]
    return {"name": "readiness", **_at("0.0.0.0", READY_PORT), "filter_chains": [{"filters": filters}]}  # noqa: S104


def _verified(istiod: Istiod) -> Json:
    """TLS to istiod, and to nobody who only says so."""
    name = {"san_type": "DNS", "matcher": {"exact": istiod.host}}
    trust = {"trusted_ca": {"filename": str(istiod.authority)}, "match_typed_subject_alt_names": [name]}
    context = {"sni": istiod.host, "common_tls_context": {"validation_context": trust}}
    return {"name": "tls", "typed_config": _typed("transport_sockets.tls.v3.UpstreamTlsContext", **context)}


def bootstrap(*, metadata: Json, address: str, env: Mapping[str, str], istiod: Istiod) -> Json:
    """Envoy's bootstrap for a gateway's Pod: its metadata, address and environment, and the way to istiod.

    Node id and metadata are pilot-agent's, and decide what istiod sends
    (https://github.com/istio/istio/blob/master/pkg/bootstrap/config.go).
    """
    name, namespace = metadata["name"], metadata["namespace"]
    node = {
        "id": f"router~{address}~{name}.{namespace}~{namespace}.svc.cluster.local",
        "cluster": f"{name}.{namespace}",
        "metadata": {
            "NAME": name,
            "NAMESPACE": namespace,
            "LABELS": metadata["labels"],
            "INSTANCE_IPS": address,
            "SERVICE_ACCOUNT": env["SERVICE_ACCOUNT"],
            "PROXY_CONFIG": json.loads(env["PROXY_CONFIG"]),
            **{key.removeprefix("ISTIO_META_"): value for key, value in env.items() if key.startswith("ISTIO_META_")},
        },
    }
    http2 = _typed("upstreams.http.v3.HttpProtocolOptions", explicit_http_config={"http2_protocol_options": {}})
    options = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2}
    bearer = {"key": "authorization", "value": f"Bearer {istiod.token}"}
    xds = {"envoy_grpc": {"cluster_name": "istiod"}, "initial_metadata": [bearer]}
    source = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}  # never ready without istiod
    return {
        "node": node,
        "dynamic_resources": {
            "ads_config": {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [xds]},
            "lds_config": source,
            "cds_config": source,
        },
        "static_resources": {
            "clusters": [
                _cluster(
                    "istiod",
                    istiod.address,
                    istiod.port,
                    typed_extension_protocol_options=options,
                    transport_socket=_verified(istiod),
                ),
                _cluster("admin", "127.0.0.1", ADMIN_PORT),
            ],
            "listeners": [_readiness()],
        },
        "admin": _at("127.0.0.1", ADMIN_PORT),
    }
