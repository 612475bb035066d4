"""What docs/api-access.md says of requests that go wrong, and of those that run while their Pod ends."""

import json
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any, NamedTuple

import pytest

from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.project import stack_file

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
NAMESPACE, NAME = MODEL["namespace"], MODEL["name"]
BASE = f"/{NAMESPACE}/{NAME}"
CHAT: dict[str, Any] = {"model": "/mnt/models", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
COMPLETION: dict[str, Any] = {"model": "/mnt/models", "prompt": "Hello", "max_tokens": 4}
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
    "Sec-WebSocket-Version": "13",
}


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    kind: str
    text: str
    seconds: float


Send = Callable[..., HTTPResponse]
Ask = Callable[..., Answer]


@pytest.fixture
def send(deployed: SandboxStack) -> Send:
    """Sends a request to the gateway as it stands, with nothing put right as clients do; its answer, once begun."""
    address = deployed.outputs()["gatewayAddress"]

    def start(method: str, path: str, body: Any = None, *, version: str = "1.1", **headers: str) -> HTTPResponse:
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Host": address, "Content-Type": "application/json", "Content-Length": str(len(data)), **headers}
        head = [f"{method} {path} HTTP/{version}", *(f"{name}: {value}" for name, value in fields.items() if value)]
        connection = socket.create_connection((address, 80), timeout=20)
        connection.sendall("\r\n".join([*head, "", ""]).encode() + data)
        answer = HTTPResponse(connection, method=method)
        answer.begin()
        return answer

    return start


@pytest.fixture
def ask(send: Send) -> Ask:
    """The same, and waits for the end."""

    def whole(*request: Any, **options: Any) -> Answer:
        begun = time.monotonic()
        answer = send(*request, **options)
        kind = (answer.getheader("content-type") or "").partition(";")[0]
        return Answer(answer.status, kind, answer.read().decode(), time.monotonic() - begun)

    return whole


@pytest.fixture(autouse=True)
def serving(ask: Ask) -> None:
    """The model answers, a test that ended its Pod or not."""

    def answers() -> bool:
        return ask("POST", f"{BASE}/v1/completions", COMPLETION).status == 200

    wait_until(answers, "the model does not answer", 60, pause=0.5)


# Refusals

PICKER, SERVER = "text/plain", "application/json"
REFUSED = {
    "malformed JSON": ("chat/completions", b'{"model": ', (400, PICKER, "unexpected end of JSON input")),
    "no object": ("chat/completions", [CHAT], (400, PICKER, "cannot unmarshal array")),
    "no model": ("chat/completions", {"messages": CHAT["messages"]}, (400, PICKER, "model not found in request body")),
    "no messages": ("chat/completions", {"model": "/mnt/models"}, (400, PICKER, "must have valid messages field")),
    "no prompt": ("completions", {"model": "/mnt/models"}, (400, PICKER, "must have prompt field")),
    "token ids": ("completions", {**COMPLETION, "prompt": [1, 2, 3]}, (400, PICKER, "must have prompt field")),
    "lists of token ids": (
        "completions",
        {**COMPLETION, "prompt": [[1], [2]]},
        (400, PICKER, "must have prompt field"),
    ),
    "no body": ("completions", None, (400, SERVER, '"error"')),
    "longer than the context": ("completions", {**COMPLETION, "max_tokens": 2049}, (400, SERVER, "max_model_len")),
    "seed": ("chat/completions", {**CHAT, "seed": 1}, (400, SERVER, "JAX does not support per-request seed.")),
    "another model": ("completions", {**COMPLETION, "model": "gpt-4"}, (404, SERVER, "does not exist")),
}
"""Path, body, and the answer's status, kind and words. Plain text is the picker's, JSON the server's."""


@pytest.mark.parametrize(("path", "body", "refusal"), REFUSED.values(), ids=list(REFUSED))
def test_request_is_refused_by_whom_the_guide_says(
    ask: Ask, path: str, body: Any, refusal: tuple[int, str, str]
) -> None:
    answer = ask("POST", f"{BASE}/v1/{path}", body)
    status, kind, words = refusal
    assert (answer.status, answer.kind) == (status, kind)
    assert words in answer.text


def test_several_prompts_are_no_token_ids(ask: Ask) -> None:
    answer = ask("POST", f"{BASE}/v1/completions", {**COMPLETION, "prompt": ["one", "two"]})
    assert len(json.loads(answer.text)["choices"]) == 2


def test_seed_of_a_stream_is_refused_in_the_stream(ask: Ask) -> None:
    answer = ask("POST", f"{BASE}/v1/chat/completions", {**CHAT, "seed": 1, "stream": True})
    assert (answer.status, answer.kind) == (200, "text/event-stream")
    assert "JAX does not support per-request seed." in answer.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_wrong_method_is_refused(ask: Ask, method: str) -> None:
    assert ask(method, f"{BASE}/v1/chat/completions").status == 405


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions", "/v1/models", "/health"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_websocket_is_refused_at_once(ask: Ask, method: str, path: str) -> None:
    answer = ask(method, BASE + path, **WEBSOCKET)
    assert answer.status == 403
    assert answer.seconds < 2


def test_other_upgrades_are_refused(ask: Ask) -> None:
    assert ask("POST", f"{BASE}/v1/completions", COMPLETION, **{"Connection": "Upgrade", "Upgrade": "x"}).status == 403


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("POST", "/v1/completions")])
def test_http_1_0_is_told_to_upgrade(ask: Ask, method: str, path: str) -> None:
    """Whoever measures with such a client, like `ab`, measures this answer."""
    assert ask(method, BASE + path, COMPLETION, version="1.0").status == 426


# Paths


@pytest.mark.parametrize(
    "path",
    [
        f"/{NAMESPACE}/./{NAME}/health",
        f"/{NAMESPACE}/x/../{NAME}/health",
        f"/{NAMESPACE}/x/%2e%2e/{NAME}/health",
        f"{BASE}/%68ealth",
        f"{BASE}/v1/%6dodels",
        f"/{NAMESPACE}\\{NAME}\\health",
        f"{BASE}/health?anything=1",
    ],
)
def test_other_spelling_of_a_published_path_is_that_path(ask: Ask, path: str) -> None:
    assert ask("GET", path).status == 200


@pytest.mark.parametrize(
    "path",
    [
        f"/{NAMESPACE}//{NAME}/health",
        f"/{BASE}/health",
        f"/{NAMESPACE}%2F{NAME}/health",
        f"/{NAMESPACE}%5C{NAME}/health",
        f"{BASE}/health/",
        f"{BASE}/health/.",
        f"{BASE}/HEALTH",
        f"{BASE}/health;x",
        f"{BASE}/%6Detrics",
        f"{BASE}/health/../metrics",
        f"{BASE}/v1/models/%2e%2e/%2e%2e/metrics",
        f"{BASE}/health%2F..%2Fmetrics",
        f"{BASE}/health%5C..%5Cmetrics",
        f"{BASE}/v1/models\\..\\..\\metrics",
    ],
)
def test_no_spelling_reaches_more_than_is_published(ask: Ask, path: str) -> None:
    answer = ask("GET", path)
    assert (answer.status, answer.text) == (404, "")


@pytest.mark.parametrize("path", [f"{BASE}/health%00", f"{BASE}/health#x"])
def test_path_that_is_none_is_refused_by_the_gateway(ask: Ask, path: str) -> None:
    assert (ask("GET", path).status, ask("GET", path).text) == (400, "")


# Requests that run while their Pod ends


def test_stream_ends_well_though_its_pod_is_deleted(send: Send, plane: ControlPlane) -> None:
    """Its 200 words take longer than the hook, after which vLLM is told to end."""
    long = {**CHAT, "stream": True, "ignore_eos": True, "max_tokens": 200}
    answer = send("POST", f"{BASE}/v1/chat/completions", long)
    answer.readline()
    workload = f"--selector=app.kubernetes.io/name={NAME},kserve.io/component=workload"
    plane.kubectl("delete", "pod", f"--namespace={NAMESPACE}", workload, "--wait=false")
    text = answer.read().decode()
    assert text.endswith("data: [DONE]\n\n")
    assert text.count("data: ") >= 200
