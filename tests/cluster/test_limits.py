"""What a client may take of the gateway: on the real Envoy, in the order that the real istiod gives its filters.

Times are a twentieth of those in `infra/platform/limits.py`, so ten minutes are half a minute. What is refused is
counted where it would have arrived: at the endpoint picker, by what Envoy sends it, and at the model, by its log.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.bad_requests import FRAMING, TOO_MUCH
from tests.support.faster import FASTER, faster_gateway
from tests.support.project import stack_file
from tests.support.raw_requests import (
    LARGE,
    Raw,
    Reached,
    chunked,
    completion,
    envoy,
    exchange,
    head,
    memory_of,
    post,
    proxy,
    reached_by,
)

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
NAMESPACE, NAME = MODEL["namespace"], MODEL["name"]
BASE = f"/{NAMESPACE}/{NAME}"
COMPLETIONS = f"{BASE}/v1/completions"
MOST, QUIET = 4_000_000, 0.1
PROPERTY = settings(
    max_examples=75, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Place(NamedTuple):
    """Where to ask: the load balancer, and the only proxy's Pod, which a client has no way to but here."""

    balancer: tuple[str, int]
    proxy: tuple[str, int]


@pytest.fixture(scope="module")
def limited(deployed: SandboxStack) -> Iterator[SandboxStack]:
    """The dev stack, its times a twentieth."""
    with faster_gateway():
        deployed.up()
        yield deployed


@pytest.fixture
def place(limited: SandboxStack, plane: ControlPlane) -> Place:
    """Where to ask, once one proxy is left."""
    here = Place((limited.outputs()["gatewayAddress"], 80), proxy(plane))
    wait_until(lambda: ask(here, post(COMPLETIONS, completion())).status == 200, "no answer", 60, pause=0.5)
    return here


def ask(place: Place, *pieces: bytes, **how: Any) -> Raw:
    return exchange(place.balancer, pieces, **how)


@pytest.fixture
def reached(place: Place, plane: ControlPlane) -> Callable[[], Reached]:
    """What has got through until now."""
    return lambda: reached_by(place.proxy[0], f"{NAMESPACE}_*_main*", plane)


@pytest.fixture
def untouched(reached: Callable[[], Reached]) -> Iterator[None]:
    """Neither picker nor model hears of what the test sends, which is much.

    Envoy shows the picker the headers of every answer on its routes, so also of those that are the gateway's own.
    """
    before = reached()
    yield
    after = reached()
    assert after.model == before.model
    assert after.sent - before.sent <= 1500 * (after.streams - before.streams)


def test_what_is_counted_is_counted(place: Place, reached: Callable[[], Reached]) -> None:
    before = reached()
    assert ask(place, post(COMPLETIONS, completion(), LARGE)).status == 200
    after = reached()
    assert (after.streams, after.model) == (before.streams + 1, before.model + 1)
    assert after.sent - before.sent > 8000


def test_filters_stand_between_istios_checks_and_the_picker(place: Place) -> None:
    dump = json.loads(envoy(place.proxy[0], "config_dump?resource=dynamic_listeners"))
    [listener] = [c["active_state"]["listener"] for c in dump["configs"] if c["name"].endswith("_80")]
    [chain] = [*listener.get("filter_chains", []), *filter(None, [listener.get("default_filter_chain")])]
    names = [f["name"].rpartition(".")[2] for f in chain["filters"]]
    assert names == ["connection_limit", "http_connection_manager"]
    filters = [f["name"].rpartition(".")[2] for f in chain["filters"][1]["typed_config"]["http_filters"]]
    at = filters.index("rbac")
    assert filters[at : at + 4] == ["rbac", "adaptive_concurrency", "buffer", "ext_proc"]


# Bodies


@pytest.mark.parametrize("size", [1000, MOST])
def test_body_up_to_the_limit_reaches_the_model_whole(place: Place, size: int) -> None:
    body = completion(size)
    assert len(body) == size
    for pieces in ([post(COMPLETIONS, body)], [head("POST", COMPLETIONS, JSON, CHUNKED), *chunked(body, [65536])]):
        assert ask(place, *pieces).status == 200


JSON, CHUNKED = "Content-Type: application/json", "Transfer-Encoding: chunked"


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("how", ["length", "chunks"])
def test_larger_body_is_refused(place: Place, how: str) -> None:
    body = completion(MOST + 1)
    pieces = [post(COMPLETIONS, body)]
    if how == "chunks":
        pieces = [head("POST", COMPLETIONS, CHUNKED), *chunked(body, [65536])]
    answer = ask(place, *pieces)
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")


@pytest.mark.usefixtures("untouched")
def test_larger_body_is_refused_by_http_2(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(completion(MOST + 1))
    url = f"http://{place.balancer[0]}{COMPLETIONS}"
    for length in ([], ["--header", "Transfer-Encoding: chunked"]):
        command = ["curl", "-s", "--http2-prior-knowledge", "-w", "\n%{http_code} %{http_version}", *length]
        command += ["--header", "Content-Type: application/json", "--data-binary", f"@{file}", url]
        shown = subprocess.run(command, capture_output=True, check=False, text=True).stdout  # noqa: S603
        assert shown.splitlines()[-1] == "413 2", shown


@settings(PROPERTY, max_examples=30)
@given(
    extra=st.integers(1, 400_000), sizes=st.lists(st.integers(1, 300_000), min_size=1, max_size=8), last=st.booleans()
)
@pytest.mark.usefixtures("untouched")
def test_larger_body_is_refused_in_whatever_chunks(place: Place, extra: int, sizes: list[int], last: bool) -> None:
    pieces = [*chunked(completion(MOST + extra), [*sizes, 65536])]
    if not last:
        pieces.pop()  # it never ends
    answer = exchange(place.proxy, [head("POST", COMPLETIONS, CHUNKED), b"".join(pieces)], quiet=QUIET)
    assert answer.status == 413


@pytest.mark.usefixtures("untouched")
def test_twenty_large_bodies_leave_picker_and_neighbour_alone(place: Place) -> None:
    """They took the picker from 63 to 1,283 MB, and a neighbour's completion to 28 seconds."""
    with memory_of("epp") as megabytes, ThreadPoolExecutor(20) as clients:
        before = megabytes[-1]
        body = post(COMPLETIONS, completion(20_000_000))
        statuses = list(clients.map(lambda _: exchange(place.proxy, [body]).status, range(20)))
    # A client that still sends when the connection is closed may not get to read the answer.
    assert set(statuses) <= {413, 0}
    assert max(megabytes) - before < 50


def test_a_neighbour_of_large_bodies_is_answered_soon(place: Place) -> None:
    done = threading.Event()
    body = post(COMPLETIONS, completion(20_000_000))

    def neighbour() -> list[float]:
        took: list[float] = []
        while not done.is_set() or not took:
            answer = exchange(place.balancer, [post(COMPLETIONS, completion())], quiet=QUIET)
            assert answer.status == 200
            took.append(answer.seconds)
        return took

    with ThreadPoolExecutor(21) as clients:
        beside = clients.submit(neighbour)
        list(clients.map(lambda _: exchange(place.proxy, [body]).status, range(20)))
        done.set()
        assert max(beside.result()) < 10


# Headers


@pytest.mark.usefixtures("untouched")
@PROPERTY
@given(TOO_MUCH)
def test_too_many_or_too_large_headers_are_refused(place: Place, lines: list[str]) -> None:
    answer = exchange(place.proxy, [post(COMPLETIONS, completion(), *lines)], quiet=QUIET)
    assert answer.status == 431
    assert answer.error["type"] == "invalid_request_error"


def test_headers_of_a_client_with_a_token_are_taken(place: Place) -> None:
    lines = ["Authorization: Bearer " + "t" * 4000, *(f"x-stainless-{i}: a" for i in range(40))]
    assert ask(place, post(COMPLETIONS, completion(), *lines)).status == 200


# Framing

INSIDE = head("POST", COMPLETIONS, JSON, LARGE, "Content-Length: 9")


@pytest.mark.usefixtures("untouched")
@PROPERTY
@given(FRAMING, st.sampled_from([b"0\r\n\r\n", b"", b"5\r\nabcde\r\n0\r\n\r\n", b"abcde"]))
def test_smuggled_request_is_refused_with_what_carries_it(place: Place, lines: list[str], body: bytes) -> None:
    sent = head("POST", COMPLETIONS, JSON, LARGE, *lines) + body + INSIDE + b'{"a": 1}\n'
    answer = exchange(place.proxy, [sent], quiet=QUIET)
    assert 400 <= answer.status < 502
    assert answer.answers == 1


# Slow clients, and slow answers


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("begun", "each", "seconds"),
    [
        (f"POST {COMPLETIONS} HTTP/1.1\r\nHost: a\r\n", "x: a\r\n", 10 / FASTER),
        (f"POST {COMPLETIONS} HTTP/1.1\r\nHost: a\r\n{LARGE}\r\nContent-Length: 9999\r\n\r\n", " ", 60 / FASTER),
        (f"POST {COMPLETIONS} HTTP/1.1\r\nHost: a\r\n{LARGE}\r\n{CHUNKED}\r\n\r\n", "1\r\n \r\n", 60 / FASTER),
    ],
    ids=["headers", "body", "chunks"],
)
def test_slow_client_ends(place: Place, begun: str, each: str, seconds: float) -> None:
    def drip() -> Iterator[bytes]:
        yield begun.encode()
        for _ in range(int(2 * seconds / 0.1)):
            time.sleep(0.1)
            yield each.encode()

    answer = exchange(place.proxy, drip(), quiet=QUIET)
    assert answer.status == 408
    assert answer.error["code"] == "request_timeout"


@pytest.mark.usefixtures("place")
def test_answer_of_ten_minutes_is_whole(limited: SandboxStack) -> None:
    """Streamed, and with not a byte until its end."""
    client = openai.OpenAI(base_url=limited.outputs()["baseUrl"] + "/v1", api_key="none", max_retries=0, timeout=120)
    begun, tokens = time.monotonic(), 600 * 50 // FASTER
    ask_for = partial(client.completions.create, model="/mnt/models", prompt="Hello", max_tokens=tokens)
    with ThreadPoolExecutor(1) as other:
        whole = other.submit(lambda: ask_for(extra_body={"ignore_eos": True}))
        reasons = [event.choices[0].finish_reason for event in ask_for(extra_body={"ignore_eos": True}, stream=True)]
        usage = whole.result().usage
    assert time.monotonic() - begun > 600 / FASTER
    assert (len(reasons), reasons[-1]) == (tokens, "length")
    assert usage is not None
    assert usage.completion_tokens == tokens


# Upgrades and methods

UPGRADE = ["Connection: Upgrade", "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==", "Sec-WebSocket-Version: 13"]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", [COMPLETIONS, f"{BASE}/v1/chat/completions", f"{BASE}/v1/models"])
@pytest.mark.parametrize("to", ["websocket", "WebSocket", "tls/1.0", "h2c, websocket"])
def test_upgrade_is_refused_at_once(place: Place, path: str, to: str) -> None:
    answer = ask(place, head("GET", path, LARGE, *UPGRADE, f"Upgrade: {to}"))
    assert answer.status == 403
    assert answer.seconds < 5


def test_upgrade_to_http_2_is_passed_over(place: Place) -> None:
    lines = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    answer = ask(place, head("GET", f"{BASE}/v1/models", *lines))
    assert answer.status == 200
    assert answer.text.startswith("HTTP/1.1 ")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "SEARCH", "PURGE", "FOO", "get", "PRI"])
def test_odd_method_is_refused(place: Place, method: str) -> None:
    assert 400 <= ask(place, head(method, COMPLETIONS, LARGE)).status < 500
