"""The smoke test against the stand-in for vLLM, behind the paths that the program's route publishes, or with faults."""

import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep

import pytest
import trustme
from typer.testing import CliRunner, Result

from infra.models.routes import rules
from infra.platform import sleep as asleep
from infra.platform.names import base_path
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
    path `cut` end a byte early, `extra` publishes more paths, and with `key` all but health wants that one. `seen` is
    what came as a key."""

    faults: dict[str, int]
    cut: str
    extra: dict[str, str]
    key: str
    seen: list[str]

    def route(self, path: str) -> None:
        given = self.headers.get("authorization", "")
        self.seen.append(given)
        if self.key and given != f"Bearer {self.key}" and not path.endswith("/health"):
            self.short = False
            self.reply(401, {"error": {"message": "m", "type": "t", "param": None, "code": "missing_api_key"}})
            return
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


def command(*arguments: str, variable: str = "") -> Result:
    return CliRunner().invoke(app, ["smoke", *arguments], env={"OPENAI_API_KEY": variable})


@pytest.fixture
def smoke() -> Iterator[Run]:
    """Runs the command against a stand-in with these faults."""
    with ExitStack() as stack:

        def run(
            *arguments: str,
            faults: dict[str, int] | None = None,
            cut: str = "",
            extra: dict[str, str] | None = None,
            key: str = "",
            variable: str = "",
            seen: list[str] | None = None,
        ) -> Result:
            given = {"faults": faults or {}, "cut": cut, "extra": extra or {}}
            gateway = type("Gateway", (Gateway,), {**given, "key": key, "seen": [] if seen is None else seen})
            args = vllm_flags.parse(["serve", "/mnt/models", "--host=127.0.0.1", "--port=0"])
            server = stack.enter_context(model_server.Server(args, gateway))
            server.server_activate()
            Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.server_address[1]}{base_path(NAMESPACE, NAME)}"
            return command("--url", url, "--timeout", "5", *arguments, variable=variable)

        yield run


def test_endpoint_that_is_as_the_guide_says_passes(smoke: Run) -> None:
    done = smoke()
    assert done.exit_code == 0, done.output
    assert done.stdout.count(" ok ") == 14


@pytest.mark.parametrize("how", ["option", "variable"])
def test_endpoint_with_keys_passes_with_one_and_is_seen_to_refuse_without(smoke: Run, how: str) -> None:
    done = smoke("--key", "k", key="k") if how == "option" else smoke(key="k", variable="k")
    assert done.exit_code == 0, done.output
    assert done.stdout.count(" ok ") == 17
    assert done.stdout.count("no key is refused") == 2


def test_endpoint_with_keys_says_what_is_missing(smoke: Run) -> None:
    done = smoke(key="k")
    assert done.exit_code == 1
    assert "no key is refused (http): it wants a key: give one with --key, or in OPENAI_API_KEY" in done.stderr
    assert "chat" not in done.stdout


def test_wrong_key_fails(smoke: Run) -> None:
    done = smoke("--key", "x", key="k")
    assert done.exit_code == 1
    assert "list models (http): not 200 with models" in done.stderr


def test_endpoint_that_refuses_health_without_a_key_fails(smoke: Run) -> None:
    done = smoke("--key", "k", key="k", faults={"/health": 401})
    assert done.exit_code == 1
    assert "health wants no key (http): not 200" in done.stderr


def test_open_endpoint_fails_if_it_should_have_asked(smoke: Run) -> None:
    done = smoke("--key", "k")
    assert done.exit_code == 1
    assert "no key is refused (http): not 401" in done.stderr


def test_key_of_the_environment_is_not_sent_to_who_does_not_ask(smoke: Run) -> None:
    seen: list[str] = []
    assert smoke(variable="of-another-service", seen=seen).exit_code == 0
    assert seen
    assert not [given for given in seen if "of-another-service" in given]


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


def test_model_that_sleeps_is_told_from_one_that_is_down() -> None:
    answer = {"error": {"message": asleep.MESSAGE, "type": "server_error", "param": None, "code": asleep.CODE}}
    why = Smoke("http://127.0.0.1:1", 1).why_no_models

    assert why(503, json.dumps(answer)) == (
        "no Pod is ready: if it sleeps, a completion wakes it, which takes some minutes (docs/scaling.md)"
    )
    assert why(500, json.dumps(answer)).startswith("not 200 with models: ")
    for other in ("no healthy upstream", '{"error": "x"}', "[]", '{"error": {"code": "overloaded"}}'):
        assert why(503, other) == f"not 200 with models: {other}"


@pytest.mark.parametrize(
    ("headers", "health", "line"),
    [
        ({"Retry-After": "600"}, 503, "paused: `python -m ops resume NAME --stack STACK` starts it again"),
        ({"Retry-After": "600"}, 200, "not 200 with models: no healthy upstream"),
        ({}, 503, "not 200 with models: no healthy upstream"),
        ({"Retry-After": "1", "Content-Type": "application/json"}, 503, "not 200 with models: no healthy upstream"),
    ],
    ids=["paused", "a path answers", "no Pod is ready", "too many requests"],
)
@pytest.mark.parametrize("key", [(), ("--key", "k")], ids=["open", "with keys"])
def test_paused_model_is_told_from_one_that_is_down(
    key: tuple[str, ...], headers: dict[str, str], health: int, line: str
) -> None:
    class Answers(BaseHTTPRequestHandler):
        """What the gateway says without a Pod behind it; with keys, only to who has one."""

        def do_GET(self) -> None:
            open_to_all = self.path.endswith("/health") or not key or self.headers.get("authorization") == "Bearer k"
            status = health if self.path.endswith("/health") else 503
            self.send_response(status if open_to_all else 401)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"no healthy upstream")

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its own name

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        done = command("--url", f"http://127.0.0.1:{server.server_port}/NAMESPACE/NAME", "--timeout", "5", *key)
        server.shutdown()
    assert done.exit_code == 1
    assert f"list models (http): {line}" in done.stderr


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
        status, seconds, text = Smoke(url, timeout=1).http(url)
        server.shutdown()
    assert (status, text) == (0, "ReadTimeout: no end of the answer after 1 s")
    assert seconds < 3


class Redirected(BaseHTTPRequestHandler):
    """Answers everything with one status, as plain HTTP should with 301."""

    def do_GET(self) -> None:
        self.send_response(301)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its own name


@pytest.mark.parametrize(("trusted", "status"), [(True, 301), (False, 0)])
def test_server_that_nobody_trusted_has_signed_is_not_spoken_to(trusted: bool, status: int) -> None:
    signer, other = trustme.CA(), trustme.CA()
    served, context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    signer.issue_cert("127.0.0.1").configure_cert(served)
    (signer if trusted else other).configure_trust(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirected) as server:
        server.socket = served.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, daemon=True).start()
        smoke = Smoke(f"https://127.0.0.1:{server.server_port}", 5, context)
        answer = smoke.http(smoke.url)
        asked = smoke.by_openai("models", lambda: str(smoke.client.models.list()))
        server.shutdown()
    assert answer[0] == status
    assert ("CERTIFICATE_VERIFY_FAILED" in answer[2]) is not trusted
    assert asked.status == (301 if trusted else 0)
