"""The deployed stack as real controllers see it: what KServe made of it, what Istio programmed, what is refused."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.google import slices
from infra.models.pod import pod_template
from infra.releases.pins import CHARTS, VLLM_TPU_IMAGE
from infra.settings.load import parse
from infra.settings.model import Model
from sandbox.cluster.control_plane import ClusterError, ControlPlane
from sandbox.engine.stack import SandboxStack
from tests.support.project import ROOT, stack_file
from tests.support.stack_settings import stack
from tests.support.stacks import OWN

Get = Callable[..., list[dict[str, Any]]]

pytestmark = pytest.mark.usefixtures("deployed")

MODEL = Model.model_validate(stack_file("dev")["models"][0])
TRY = ("apply", "--server-side", "--dry-run=server", "--validate=strict")
SLICE = slices.SLICES["v6e-4"]
IMAGE = parse(stack(OWN)).image(VLLM_TPU_IMAGE)


def missing(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Where `actual` does not carry `expected`: more keys are fine, lists of named things are compared by name."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            yield from missing(value, actual.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict) and "name" in expected[0]:
        by_name = {item["name"]: item for item in actual or []}
        for item in expected:
            yield from missing(item, by_name.get(item["name"]), f"{path}[{item['name']}]")
    elif expected != actual:
        yield f"{path}: {expected!r} is {actual!r}"


def condition(item: dict[str, Any], name: str) -> str:
    """Status and message of a condition of an object, or of the parent of a route."""
    conditions = item["status"].get("conditions") or item["status"]["parents"][0]["conditions"]
    return next(f"{c['status']} {c.get('message', '')}" for c in conditions if c["type"] == name)


# What the program declares


def test_a_second_up_changes_nothing(deployed: SandboxStack) -> None:
    changes = deployed.up().summary.resource_changes or {}
    assert set(changes) == {"same"}


def test_every_object_is_accepted_as_it_was_declared(deployed: SandboxStack, plane: ControlPlane) -> None:
    for resource in deployed.resources():
        inputs = resource.get("inputs", {})
        secret = resource["type"] == "kubernetes:core/v1:Secret"  # of which the state has what the engine encrypted
        if resource["type"].startswith("kubernetes:") and "apiVersion" in inputs and not secret:
            declared = json.dumps({k: v for k, v in inputs.items() if not k.startswith("__")})
            plane.kubectl(*TRY, "--force-conflicts", "--filename=-", stdin=declared)


def test_every_chart_is_a_deployed_release(get: Get) -> None:
    releases = {s["metadata"]["labels"]["name"]: s for s in get("secrets", "--all-namespaces", "--selector=owner=helm")}
    assert {s["metadata"]["labels"]["status"] for s in releases.values()} == {"deployed"}
    assert len(releases) == len(CHARTS)


# KServe


def test_the_service_is_ready(get: Get) -> None:
    (service,) = get("llminferenceservices", f"--namespace={MODEL.namespace}")
    assert condition(service, "Ready").startswith("True")


def test_the_deployment_carries_what_the_pod_template_says(get: Get) -> None:
    (deployment,) = get("deployments", f"--namespace={MODEL.namespace}", "--selector=kserve.io/component=workload")
    assert list(missing(pod_template(MODEL, SLICE, IMAGE), deployment["spec"]["template"]["spec"])) == []


def test_one_pod_has_all_chips_of_one_host(get: Get) -> None:
    (pod,) = get("pods", f"--namespace={MODEL.namespace}", "--selector=kserve.io/component=workload")
    nodes = {node["metadata"]["name"]: node for node in get("nodes")}
    assert nodes[pod["spec"]["nodeName"]]["status"]["capacity"]["google.com/tpu"] == str(SLICE.chips)
    assert sum("google.com/tpu" in node["status"]["capacity"] for node in nodes.values()) == 1


def test_the_tokens_secret_reaches_the_storage_initializer_alone(get: Get) -> None:
    for deployment in get("deployments", f"--namespace={MODEL.namespace}"):
        pod = deployment["spec"]["template"]["spec"]
        assert "HF_TOKEN" not in json.dumps(pod["containers"])
        (initializer,) = pod["initContainers"]
        (token,) = [e for e in initializer["env"] if e["name"] == "HF_TOKEN"]
        assert token["valueFrom"]["secretKeyRef"]["name"] == f"{MODEL.name}-hugging-face"


# Istio


def test_the_gateway_is_programmed_at_the_reserved_address(deployed: SandboxStack, get: Get) -> None:
    (gateway,) = get("gateways", "--namespace=istio-ingress")
    assert condition(gateway, "Programmed").startswith("True")
    (service,) = get("services", "--namespace=istio-ingress")
    assert service["status"]["loadBalancer"]["ingress"][0]["ip"] == deployed.outputs()["gatewayAddress"]


@pytest.mark.parametrize("name", ["Accepted", "ResolvedRefs"])
def test_the_route_is_accepted(get: Get, name: str) -> None:
    (route,) = get("httproutes", "--all-namespaces")
    assert condition(route, name).startswith("True")


@pytest.mark.parametrize("name", ["Accepted", "ResolvedRefs"])
def test_the_inference_pool_is_accepted(get: Get, name: str) -> None:
    (pool,) = get("inferencepools.inference.networking.k8s.io", "--all-namespaces")
    assert condition(pool, name).startswith("True")


def test_the_proxy_asks_the_picker_for_completions_alone(get: Get) -> None:
    (proxy,) = get("pods", "--namespace=istio-ingress")
    inside = ["ip", "netns", "exec", f"pod-{proxy['status']['podIP']}"]  # Envoy tells its configuration to its Pod only
    ask = [*inside, "curl", "-s", "http://127.0.0.1:15000/config_dump"]
    dump = json.loads(subprocess.run(ask, capture_output=True, check=True).stdout)  # noqa: S603
    picked = {
        route["match"]["path"]
        for config in dump["configs"]
        for table in config.get("dynamic_route_configs", [])
        for host in table["route_config"].get("virtual_hosts", [])
        for route in host.get("routes", [])
        if "epp-service" in json.dumps(route.get("typed_per_filter_config", {}))
    }
    base = f"/{MODEL.namespace}/{MODEL.name}/v1"
    assert picked == {f"{base}/completions", f"{base}/chat/completions"}


# The API guide


def test_the_endpoint_answers_as_the_api_guide_says(deployed: SandboxStack) -> None:
    asked = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "ops", "smoke", "--url", deployed.outputs()["baseUrl"]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr


# Refusals

SERVICE = {
    "apiVersion": "serving.kserve.io/v1alpha2",
    "kind": "LLMInferenceService",
    "metadata": {"name": "bad", "namespace": "default"},
    "spec": {"model": {"uri": "hf://a/b", "name": "b"}},
}
ROUTER = {
    "gateway": {"refs": [{"name": "one", "namespace": "default"}]},
    "route": {
        "http": {
            "spec": {
                "parentRefs": [{"name": "another", "namespace": "default"}],
                "rules": [{"backendRefs": [{"name": "a", "port": 80}]}],
            }
        }
    },
}
PRESET = {
    "apiVersion": "serving.kserve.io/v1alpha2",
    "kind": "LLMInferenceServiceConfig",
    "metadata": {"name": "bad", "namespace": "default"},
    "spec": {"baseRefs": [{"name": "another"}]},
}
ISTIO = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "bad", "namespace": "default"},
    "spec": {"host": "", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}},
}
ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "bad", "namespace": "default"},
    "spec": {
        "rules": [
            {
                "matches": [{"path": {"type": "Exact", "value": "/a"}}],
                "filters": [
                    {
                        "type": "URLRewrite",
                        "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}},
                    }
                ],
            }
        ]
    },
}


@pytest.mark.parametrize(
    ("spec", "who"),
    [
        pytest.param(
            {**SERVICE, "spec": {**SERVICE["spec"], "router": ROUTER}},
            "spec.router.route.http.spec: Invalid value",
            id="KServe's service webhook",
        ),
        pytest.param(
            PRESET,
            "spec.baseRefs: Forbidden",
            id="KServe's preset webhook",
        ),
        pytest.param(ISTIO, 'admission webhook "validation.istio.io" denied', id="Istio's webhook"),
        pytest.param(ROUTE, "replacePrefixMatch", id="a CEL rule of the Gateway API"),
        pytest.param(
            {**SERVICE, "spec": {**SERVICE["spec"], "replica": 1}},
            "spec.replica: field not declared in schema",
            id="strict field validation",
        ),
    ],
)
def test_a_bad_spec_is_refused(plane: ControlPlane, spec: dict[str, Any], who: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(who)):
        plane.kubectl(*TRY, "--filename=-", stdin=json.dumps(spec))
