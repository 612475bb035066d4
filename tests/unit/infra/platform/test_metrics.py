"""What is read of the platform's own metrics."""

import re
from typing import Any

import pytest

from infra.platform import metrics
from infra.settings.load import parse
from tests.support.dependencies import made_of, needs
from tests.support.program import Declared, Run
from tests.support.stack_settings import Values, stack
from tests.support.stacks import autoscaled

API = "monitoring.googleapis.com/v1:PodMonitoring"


ALL = (metrics.of_istio_system(), metrics.of_istio_ingress(), metrics.of_cert_manager())
CONTROLLER = {"app.kubernetes.io/component": "controller", "app.kubernetes.io/name": "cert-manager"}


@pytest.mark.parametrize(
    ("manifest", "place", "pods", "endpoint", "kept"),
    [
        (
            ALL[0],
            ("istiod", "istio-system"),
            {"app": "istiod"},
            (15014, "/metrics"),
            "pilot_xds|pilot_total_xds_rejects",
        ),
        (
            ALL[1],
            ("inference-gateway", "istio-ingress"),
            {"gateway.networking.k8s.io/gateway-name": "inference-gateway"},
            (15090, "/stats/prometheus"),
            "istio_requests_total",
        ),
        (
            ALL[2],
            ("cert-manager", "cert-manager"),
            CONTROLLER,
            (9402, "/metrics"),
            "certmanager_certificate_expiration_timestamp_seconds",
        ),
    ],
    ids=["istiod", "proxy", "cert-manager"],
)
def test_part_of_the_platform_is_read_at_its_port(
    manifest: Any, place: tuple[str, str], pods: Any, endpoint: tuple[int, str], kept: str
) -> None:
    (name, namespace), (port, path) = place, endpoint
    rule = {"action": "keep", "sourceLabels": ["__name__"], "regex": kept}
    assert manifest == {
        "apiVersion": "monitoring.googleapis.com/v1",
        "kind": "PodMonitoring",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": pods},
            "endpoints": [{"port": port, "path": path, "interval": "30s", "metricRelabeling": [rule]}],
            "targetLabels": {"metadata": ["node", "pod"]},
        },
    }


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("istio_requests_total", True),
        ("istio_request_duration_milliseconds_bucket", False),
        ("istio_request_bytes_bucket", False),
        ("envoy_cluster_upstream_rq_total", False),
    ],
)
def test_of_envoys_thousands_of_metrics_the_count_of_requests_is_kept(name: str, passes: bool) -> None:
    [rule] = metrics.of_istio_ingress()["spec"]["endpoints"][0]["metricRelabeling"]
    assert bool(re.fullmatch(rule["regex"], name)) is passes  # Prometheus anchors them


def test_each_is_made_in_its_namespace_once_that_is_there(run: Run) -> None:
    declared = run(monitoring="true")
    found = {r.name: r for r in declared.all(API) if not r.name.startswith("llm-d")}
    assert {name: r.inputs["metadata"] for name, r in found.items()} == {
        "istio-system.istiod": {"name": "istiod", "namespace": "istio-system"},
        "istio-ingress.inference-gateway": {"name": "inference-gateway", "namespace": "istio-ingress"},
        "cert-manager.cert-manager": {"name": "cert-manager", "namespace": "cert-manager"},
    }
    assert [r.inputs["spec"] for r in found.values()] == [
        next(m for m in ALL if m["metadata"] == r.inputs["metadata"])["spec"] for r in found.values()
    ]
    for r in found.values():
        assert made_of(r, "metadata") == {f"Namespace {r.inputs['metadata']['namespace']}"}


def test_stack_that_is_not_watched_has_none(dev: Declared) -> None:
    assert dev.all(API) == []
    assert dev.all(":Telemetry") == []


def test_stack_that_is_only_scaled_has_what_keda_asks_for(run: Run) -> None:
    declared = run("dev", auth="tokens", **autoscaled())
    assert sorted(r.name.rpartition(".")[2] for r in declared.all(API)) == [
        "inference-gateway",
        "qwen2-3b-pattern1-vllm",
    ]
    assert declared.all(":Telemetry") == []


def test_requests_are_counted_by_client_where_the_stack_itself_gives_the_names_out(run: Run) -> None:
    declared = run("staging")
    telemetry = declared.one(":Telemetry").inputs
    assert telemetry["apiVersion"] == "telemetry.istio.io/v1"
    assert telemetry["metadata"] == {"name": "clients", "namespace": "istio-ingress"}
    assert telemetry["spec"] == {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "inference-gateway"}],
        "metrics": [
            {
                "providers": [{"name": "prometheus"}],
                "overrides": [
                    {
                        "match": {"metric": "REQUEST_COUNT"},
                        "tagOverrides": {
                            "client": {
                                "value": "metadata.filter_metadata['envoy.filters.http.jwt_authn']['payload']['sub']"
                            }
                        },
                    }
                ],
            }
        ],
    }


SCALED: Values = {"auth": "tokens", "models[0].replicas": {"min": 1, "max": 2}, "tpuMaxNodes": 2}
ISSUER = {"issuer": "https://a.example", "audiences": ["a"], "jwksUri": "https://a.example/keys"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"monitoring": True},
        {"auth": "tokens"},
        SCALED,
        {"monitoring": True, "auth": "tokens", "tokenIssuers": [ISSUER]},
    ],
    ids=str,
)
def test_nobody_makes_series_by_a_name_of_their_own(changes: Values) -> None:
    assert metrics.by_client(parse(stack(changes))) is None
    assert metrics.by_client(parse(stack({"monitoring": True, "auth": "tokens"})))


@pytest.mark.parametrize("name", ["istiod", "cert-manager"])
def test_part_of_the_platform_is_read_once_it_runs_on_a_node(run: Run, name: str) -> None:
    declared = run(monitoring="true")
    [read] = [r for r in declared.all(API) if r.inputs["metadata"]["name"] == name]
    assert f"Release {name}" in needs(declared, read)
