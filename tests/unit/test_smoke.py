"""The smoke test against a stand-in on loopback, which publishes what the program's route publishes or has faults."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

import pytest
from project import ROOT

from infra.routes import base_path, rules

NAMESPACE, NAME = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
ROUTE = {
    rule["matches"][0]["path"]["value"]: rule["filters"][0]["urlRewrite"]["path"]["replaceFullPath"]
    for rule in rules(NAMESPACE, NAME)
}


class Server(ThreadingHTTPServer):
    """Gateway, picker and model server in one; `faults` maps a path of vLLM to the status it answers instead, those of
    the path `cut` end a byte early, and `extra` publishes more paths."""

    faults: dict[str, int]
    cut: str
    extra: dict[str, str]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer({})

    def do_POST(self) -> None:
        self.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def answer(self, body: dict[str, Any]) -> None:
        server = cast(Server, self.server)
        path = (ROUTE | server.extra).get(self.path, "")
        status = server.faults.get(path, 200) if path else 404
        needed = {"/v1/completions": "prompt", "/v1/chat/completions": "messages"}.get(path)
        if needed and needed not in body:
            status = 400
        content: Any = {"object": "list", "data": [{"id": "/mnt/models", "object": "model"}]}
        if needed:
            message = {"role": "assistant", "content": "Paris"}
            choice = {"index": 0, "text": "Paris", "message": message, "delta": message, "finish_reason": "stop"}
            content = {"id": "1", "object": "x", "created": 1, "model": "/mnt/models", "choices": [choice]}
        data = json.dumps(content).encode()
        kind = "application/json"
        if body.get("stream"):
            data, kind = b"data: " + data + b"\n\ndata: [DONE]\n\n", "text/event-stream"
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data) + (path == server.cut != "")))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""


Smoke = Callable[..., "subprocess.CompletedProcess[str]"]


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "ops.smoke", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def smoke() -> Iterator[Smoke]:
    """Runs the command against a stand-in with these faults."""
    with ExitStack() as stack:

        def run(
            *arguments: str,
            faults: dict[str, int] | None = None,
            cut: str = "",
            extra: dict[str, str] | None = None,
        ) -> "subprocess.CompletedProcess[str]":
            server = stack.enter_context(Server(("127.0.0.1", 0), Handler))
            server.faults, server.cut, server.extra = faults or {}, cut, extra or {}
            Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.server_port}{base_path(NAMESPACE, NAME)}"
            return command("--url", url, "--timeout", "5", *arguments)

        yield run


def test_endpoint_that_is_as_the_guide_says_passes(smoke: Smoke) -> None:
    done = smoke()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" ok ") == 14


@pytest.mark.parametrize(
    ("faults", "line"),
    [
        ({"/v1/completions": 500, "/v1/chat/completions": 500}, "completion (curl): not 200"),
        ({"/v1/chat/completions": 500}, "chat, streamed (openai): "),
        ({"/health": 503}, "health (curl): not 200"),
        ({"/v1/models": 500}, "list models (curl): not 200 with models"),
    ],
)
def test_endpoint_that_fails_is_told_by_name(smoke: Smoke, faults: dict[str, int], line: str) -> None:
    done = smoke(faults=faults)
    assert done.returncode == 1
    assert line in done.stderr


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/metrics", "metrics are not published (curl): not 404"),
        ("/health/x", "nothing below a path is published (curl): not 404"),
        ("/v1/nothing", "an unknown path is not published (curl): not 404"),
        ("-other/health", "another model's prefix is not this model's (curl): not 404"),
    ],
)
def test_path_that_is_published_and_should_not_be_fails(smoke: Smoke, path: str, line: str) -> None:
    done = smoke(extra={base_path(NAMESPACE, NAME) + path: path})
    assert done.returncode == 1
    assert line in done.stderr


def test_answer_that_breaks_off_fails_although_its_status_was_good(smoke: Smoke) -> None:
    done = smoke(cut="/health")
    assert done.returncode == 1
    assert "health (curl): not 200: curl: " in done.stderr


def test_model_that_is_not_served_fails(smoke: Smoke) -> None:
    done = smoke("--model", "gpt-4")
    assert done.returncode == 1
    assert "list models (curl): no model gpt-4" in done.stderr


def test_nobody_there_fails_without_a_traceback() -> None:
    done = command("--url", "http://127.0.0.1:9/a/b", "--timeout", "2")
    assert done.returncode == 1
    assert "list models (curl): not 200 with models: curl: " in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_url_is_refused() -> None:
    done = command("--url", "34.7.208.8")
    assert done.returncode == 2
    assert "--url: '34.7.208.8' is not a URL" in done.stderr
