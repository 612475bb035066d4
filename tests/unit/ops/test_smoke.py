"""The smoke test against the stand-in for vLLM, behind the paths that the program's route publishes, or with faults."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep

import pytest
from typer.testing import CliRunner, Result

from infra.models.routes import base_path, rules
from ops.__main__ import app
from ops.smoke import Smoke
from sandbox.programs import model_server, vllm_flags
from tests.support.project import ROOT

NAMESPACE, NAME = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
ROUTE = {
    rule["matches"][0]["path"]["value"]: rule["filters"][0]["urlRewrite"]["path"]["replaceFullPath"]
    for rule in rules(NAMESPACE, NAME)
    if "filters" in rule  # what is not rewritten is for websockets, which the smoke test has none of
}


class Gateway(model_server.Handler):
    """Gateway and model server in one; `faults` maps a path of vLLM to the status it answers instead, answers of the
    path `cut` end a byte early, and `extra` publishes more paths."""

    faults: dict[str, int]
    cut: str
    extra: dict[str, str]

    def route(self, path: str) -> None:
        path = (ROUTE | self.extra).get(path, "")
        self.short = path == self.cut != ""
        if path in self.faults:
            self.reply(self.faults[path], {})
        else:
            super().route(path)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        if self.short:
            headers["content_length"] = str(int(headers["content_length"]) + 1)
            self.close_connection = True
        super().begin(status, headers)


Run = Callable[..., Result]


@pytest.fixture
def smoke() -> Iterator[Run]:
    """Runs the command against a stand-in with these faults."""
    with ExitStack() as stack:

        def run(
            *arguments: str,
            faults: dict[str, int] | None = None,
            cut: str = "",
            extra: dict[str, str] | None = None,
        ) -> Result:
            gateway = type("Gateway", (Gateway,), {"faults": faults or {}, "cut": cut, "extra": extra or {}})
            args = vllm_flags.parse(["serve", "/mnt/models", "--host=127.0.0.1", "--port=0"])
            server = stack.enter_context(model_server.Server(args, gateway))
            server.server_activate()
            Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.server_address[1]}{base_path(NAMESPACE, NAME)}"
            return CliRunner().invoke(app, ["smoke", "--url", url, "--timeout", "5", *arguments])

        yield run


def test_endpoint_that_is_as_the_guide_says_passes(smoke: Run) -> None:
    done = smoke()
    assert done.exit_code == 0, done.output
    assert done.stdout.count(" ok ") == 14


@pytest.mark.parametrize(
    ("faults", "line"),
    [
        ({"/v1/completions": 500, "/v1/chat/completions": 500}, "completion (http): not 200"),
        ({"/v1/chat/completions": 500}, "chat, streamed (openai): "),
        ({"/health": 503}, "health (http): not 200"),
        ({"/v1/models": 500}, "list models (http): not 200 with models"),
    ],
)
def test_endpoint_that_fails_is_told_by_name(smoke: Run, faults: dict[str, int], line: str) -> None:
    done = smoke(faults=faults)
    assert done.exit_code == 1
    assert line in done.stderr


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/metrics", "metrics are not published (http): not 404"),
        ("/health/x", "nothing below a path is published (http): not 404"),
        ("/v1/nothing", "an unknown path is not published (http): not 404"),
        ("-other/health", "another model's prefix is not this model's (http): not 404"),
    ],
)
def test_path_that_is_published_and_should_not_be_fails(smoke: Run, path: str, line: str) -> None:
    done = smoke(extra={base_path(NAMESPACE, NAME) + path: "/health"})
    assert done.exit_code == 1
    assert line in done.stderr


def test_answer_that_breaks_off_fails_although_its_status_was_good(smoke: Run) -> None:
    done = smoke(cut="/health")
    assert done.exit_code == 1
    assert "health (http): not 200: RemoteProtocolError: " in done.stderr


def test_model_that_is_not_served_fails(smoke: Run) -> None:
    done = smoke("--model", "gpt-4")
    assert done.exit_code == 1
    assert "list models (http): no model gpt-4" in done.stderr


def test_nobody_there_fails_without_a_traceback() -> None:
    command = [sys.executable, "-m", "ops", "smoke", "--url", "http://127.0.0.1:9/a/b", "--timeout", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert "list models (http): not 200 with models: ConnectError: " in done.stderr
    assert "Traceback" not in done.stderr


def test_answer_that_never_ends_is_given_up_after_the_timeout() -> None:
    class Dribble(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b"x")
                    sleep(0.05)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its own name

    with ThreadingHTTPServer(("127.0.0.1", 0), Dribble) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        status, seconds, text = Smoke(url, timeout=0.3).http(url)
        server.shutdown()
    assert (status, text) == (0, "ReadTimeout: no end of the answer after 0.3 s")
    assert seconds < 1
