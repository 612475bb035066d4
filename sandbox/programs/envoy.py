"""What Istio's proxy image gives Envoy to start with: where to ask for its configuration, and who is asking.

In the image a program of Istio's, pilot-agent, writes it and stays between Envoy and istiod. Here plain Envoy asks
istiod itself, without TLS, as it has no certificate of the mesh.
"""

import json
from collections.abc import Mapping
from typing import Any

ADMIN_PORT = 15000
READY_PORT = 15021
"""Where pilot-agent answers `/healthz/ready`, once Envoy has its first listeners and clusters."""

Json = dict[str, Any]


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


def bootstrap(*, metadata: Json, address: str, env: Mapping[str, str], istiod: str) -> Json:
    """Envoy's bootstrap for a gateway's Pod: its metadata, address and environment, and istiod's address.

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
    xds = {"envoy_grpc": {"cluster_name": "istiod"}}
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
                _cluster("istiod", istiod, 15010, typed_extension_protocol_options=options),
                _cluster("admin", "127.0.0.1", ADMIN_PORT),
            ],
            "listeners": [_readiness()],
        },
        "admin": _at("127.0.0.1", ADMIN_PORT),
    }
