"""The process of vLLM's stand-in: how it starts, and how it ends while requests run."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, IncompleteRead
from typing import Any

import openai
import pytest

from tests.support.model_server import CHAT, SERVE
from tests.support.project import ROOT

Listening = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def process() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts the program with these flags and no other TPU than this environment's; it does not outlive the test."""
    with ExitStack() as stack:

        def start(*flags: str, **environment: str) -> "subprocess.Popen[str]":
            command = [sys.executable, "-m", "sandbox.programs.model_server", *SERVE, *flags]
            clean = {key: value for key, value in os.environ.items() if key != "TPU_CHIPS_PER_HOST_BOUNDS"}
            running = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=ROOT, env=clean | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            stack.enter_context(running)
            stack.callback(running.kill)
            return running

        yield start


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--tensor-parallel-size=8", "found 4, expected 8 for mesh shape (1, 8)"),
        ("--dtype=half", "Invalid vector register cast"),
        ("--dtype=float16", "Invalid vector register cast"),
        (
            "--max-model-len=2048 --num-gpu-blocks-override=4 --block-size=64",
            "To serve at least one request with the model's max seq len (2048), (0.07 GiB KV cache is needed, which is "
            "larger than the available KV cache memory (0.01 GiB). Based on the available memory, the estimated "
            "maximum model length is 256.",
        ),
    ],
)
def test_server_ends_with_what_no_tpu_takes(
    process: Callable[..., "subprocess.Popen[str]"], flags: str, words: str
) -> None:
    ended = process("--port=0", *flags.split(), TPU_CHIPS_PER_HOST_BOUNDS="2,2,1")
    assert words in ended.communicate(timeout=10)[1]
    assert ended.returncode == 1


@pytest.fixture
def listening(process: Callable[..., "subprocess.Popen[str]"]) -> Listening:
    """Starts the program like `process`; it and its port, when it takes requests."""

    def start(*flags: str, **environment: str) -> tuple["subprocess.Popen[str]", int]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        running = process("--host=127.0.0.1", f"--port={port}", *flags, **environment)
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert running.poll() is None
            time.sleep(0.02)
        return running, port

    return start


def test_server_loads_serves_logs_and_ends(listening: Listening) -> None:
    begun = time.monotonic()
    running, port = listening("-tp=4", SANDBOX_START_SECONDS="1", TPU_CHIPS_PER_HOST_BOUNDS="2,2,1")
    assert time.monotonic() - begun > 1
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="unused", max_retries=0) as client:
        client.completions.create(model="/mnt/models", prompt="A TPU is")
    running.terminate()
    out, err = running.communicate(timeout=1)
    assert running.returncode == 0
    assert "Loading safetensors checkpoint shards: 100%" in err
    assert err.endswith("INFO:     Application startup complete.\n")
    line = json.loads(out)
    expected = {"method": "POST", "path": "/v1/completions", "model": "/mnt/models", "stream": False, "status": 200}
    assert line == {**expected, "bytes": len('{"model":"/mnt/models","prompt":"A TPU is"}')}


def asked_at_once(port: int, body: dict[str, Any]) -> HTTPConnection:
    """A connection on which a chat has been asked for and its answer has begun."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/chat/completions", json.dumps(CHAT | body), {"content-type": "application/json"})
    return connection


STREAM = {"stream": True, "ignore_eos": True, "max_tokens": 20}  # for a second, with tokens of 50 ms


def test_server_that_is_told_to_end_breaks_running_requests_off(listening: Listening) -> None:
    running, port = listening(SANDBOX_WORD_SECONDS="0.05")
    answer = asked_at_once(port, STREAM).getresponse()
    answer.readline()
    running.terminate()
    with pytest.raises(IncompleteRead):
        answer.read()
    assert running.wait(5) == 0


def test_server_with_a_shutdown_timeout_lets_running_requests_end(listening: Listening) -> None:
    running, port = listening("--shutdown-timeout=30", SANDBOX_WORD_SECONDS="0.05", SANDBOX_SPEED="10")
    answer = asked_at_once(port, STREAM).getresponse()
    answer.readline()
    running.terminate()
    assert answer.read().endswith(b"data: [DONE]\n\n")
    assert running.wait(5) == 0


def test_shutdown_timeout_is_no_longer_than_it_says(listening: Listening) -> None:
    running, port = listening("--shutdown-timeout=3", SANDBOX_WORD_SECONDS="0.05", SANDBOX_SPEED="10")
    answer = asked_at_once(port, STREAM).getresponse()
    answer.readline()
    running.terminate()
    with pytest.raises(IncompleteRead):
        answer.read()


def test_new_request_gets_an_empty_answer_while_the_others_end(listening: Listening) -> None:
    running, port = listening("--shutdown-timeout=30", SANDBOX_WORD_SECONDS="0.05", SANDBOX_SPEED="10")
    first = asked_at_once(port, STREAM).getresponse()
    first.readline()
    running.terminate()
    time.sleep(0.2)
    answer = json.loads(asked_at_once(port, {}).getresponse().read())
    (choice,) = answer["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "abort")
    assert first.read().endswith(b"data: [DONE]\n\n")
