"""A paused model on the real KServe, Istio and Envoy, by Pulumi's own plugin."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from infra.models.pause import RETRY_AFTER
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.cluster_faults import diagnosed
from tests.support.project import stack_file
from tests.support.stacks import unchanged

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
IN_NAMESPACE = f"-n{MODEL['namespace']}"
PATHS = {"/health": "GET", "/v1/models": "GET", "/v1/completions": "POST", "/v1/chat/completions": "POST"}

Get = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def paused(deployed: SandboxStack) -> Iterator[SandboxStack]:
    """The dev stack with its model paused, and resumed afterwards."""
    deployed.set_config("models", [{**MODEL, "paused": True}])
    deployed.up()
    yield deployed
    deployed.set_config("models", [MODEL])
    deployed.up()


def asked(stack: SandboxStack, path: str, method: str) -> httpx2.Response:
    return httpx2.request(method, stack.outputs()["baseUrl"] + path, json={} if method == "POST" else None)


def test_every_path_says_to_come_back_later(paused: SandboxStack) -> None:
    for path, method in PATHS.items():
        wait_until(lambda p=path, m=method: asked(paused, p, m).status_code == 503, f"{path} is not 503", 20)
        answer = asked(paused, path, method)
        assert answer.headers.get_list("retry-after") == [str(RETRY_AFTER)]


def test_other_paths_are_not_found(paused: SandboxStack) -> None:
    address = paused.outputs()["gatewayAddress"]
    assert httpx2.get(f"http://{address}/{MODEL['namespace']}/{MODEL['name']}-other/health").status_code == 404


@pytest.mark.usefixtures("paused")
def test_nothing_that_takes_a_node_is_left(get: Get, plane: ControlPlane) -> None:
    assert get("deployments,inferencepools,pods", IN_NAMESPACE) == []
    [service] = get("llminferenceservices", IN_NAMESPACE)
    [ready] = [c for c in service["status"]["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "Stopped")
    assert diagnosed(plane, f"{MODEL['namespace']}/{MODEL['name']}") == {"paused"}


def test_another_up_changes_nothing(paused: SandboxStack) -> None:
    assert unchanged(paused.preview())


def test_resumed_model_answers_in_the_same_service(paused: SandboxStack, plane: ControlPlane, get: Get) -> None:
    [before] = get("llminferenceservices", IN_NAMESPACE)
    paused.set_config("models", [MODEL])
    paused.up()
    [after] = get("llminferenceservices", IN_NAMESPACE)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    wait_until(lambda: asked(paused, "/health", "GET").status_code == 200, "the model does not answer", 30)
    assert json.loads(plane.kubectl("get", "httproutes", IN_NAMESPACE, "--output=json"))["items"] != []
