"""A model that sleeps, on the real KServe, Istio, Envoy and KEDA: what it says meanwhile, and what wakes it."""

import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from infra.platform.sleep import CODE, MESSAGE, RETRY_AFTER
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.cluster_faults import diagnosed
from tests.support.stacks import MODEL, autoscaled, unchanged

pytestmark = pytest.mark.slow
STACK = autoscaled(min=0, max=1)
NAME = MODEL["name"]
IN_NAMESPACE = f"-n{MODEL['namespace']}"
PATHS = {"/health": "GET", "/v1/models": "GET", "/v1/completions": "POST", "/v1/chat/completions": "POST"}
ASKED: dict[str, Any] = {
    "/v1/completions": {"model": "/mnt/models", "prompt": "a", "max_tokens": 1},
    "/v1/chat/completions": {"model": "/mnt/models", "messages": [{"role": "user", "content": "a"}], "max_tokens": 1},
}
SEEN = 150
"""Seconds in which a completion would have been seen: two rounds of metrics, two looks of KEDA's, and some more."""

Get = Callable[..., list[dict[str, Any]]]


def ask(stack: SandboxStack, path: str) -> httpx2.Response:
    return httpx2.request(PATHS[path], stack.outputs()["baseUrl"] + path, json=ASKED.get(path), timeout=30)


@pytest.fixture(scope="module")
def asleep(deployed: SandboxStack, plane: ControlPlane) -> SandboxStack:
    """The dev stack, whose model KEDA would put to sleep in an hour, and somebody has already.

    No completion is asked before: it would wake the model a moment later.
    """
    wait_until(lambda: ask(deployed, "/v1/models").status_code == 200, "the model does not answer", 60)
    plane.kubectl("scale", f"deployment/{NAME}-kserve", IN_NAMESPACE, "--replicas=0")
    wait_until(lambda: ask(deployed, "/health").status_code == 503, "/health is not 503", 60)
    return deployed


def wanted(get: Get) -> int:
    [deployment] = [d for d in get("deployments", IN_NAMESPACE) if d["metadata"]["name"] == f"{NAME}-kserve"]
    return deployment["spec"]["replicas"]


@pytest.mark.parametrize("path", ["/health", "/v1/models"])
def test_path_that_wakes_nothing_says_that_the_model_sleeps(asleep: SandboxStack, path: str, get: Get) -> None:
    answer = ask(asleep, path)
    assert answer.status_code == 503
    assert answer.headers.get_list("retry-after") == [str(RETRY_AFTER)]
    assert answer.json()["error"] == {"message": MESSAGE, "type": "server_error", "param": None, "code": CODE}
    assert wanted(get) == 0


def test_kserve_calls_a_model_without_pods_ready_and_another_up_changes_nothing(
    asleep: SandboxStack, get: Get, plane: ControlPlane
) -> None:
    assert diagnosed(plane, f"{MODEL['namespace']}/{NAME}") == {"asleep"}
    [service] = get("llminferenceservices", IN_NAMESPACE)
    assert [c["status"] for c in service["status"]["conditions"] if c["type"] == "Ready"] == ["True"]
    assert unchanged(asleep.preview())


def test_path_of_nobody_is_not_found_all_the_same(asleep: SandboxStack) -> None:
    address = asleep.outputs()["gatewayAddress"]
    assert httpx2.get(f"http://{address}/{MODEL['namespace']}/{NAME}-other/health").status_code == 404


def test_request_that_is_refused_wakes_nothing(asleep: SandboxStack, get: Get) -> None:
    """One beyond the limit of bodies, which is refused before the picker is asked, as one without a good key is."""
    too_large = {**ASKED["/v1/completions"], "prompt": "a" * 5_000_000}
    for _ in range(3):  # more than one, as the first of a status may not be counted
        answer = httpx2.post(asleep.outputs()["baseUrl"] + "/v1/completions", json=too_large, timeout=30)
        assert answer.status_code == 413
        time.sleep(SEEN / 3)
    assert wanted(get) == 0


def test_completion_is_told_the_same_and_wakes_the_model(asleep: SandboxStack, get: Get) -> None:
    answer = ask(asleep, "/v1/chat/completions")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, CODE)
    assert answer.headers.get_list("retry-after") == [str(RETRY_AFTER)]
    wait_until(lambda: ask(asleep, "/v1/completions").status_code == 200 or wanted(get) == 1, "it sleeps on", 300)
    wait_until(lambda: ask(asleep, "/v1/completions").status_code == 200, "the model does not answer", 120)
