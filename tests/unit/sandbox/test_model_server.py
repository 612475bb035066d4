"""The stand-in for vLLM: what it refuses on its command line and over HTTP, and what it answers."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, IncompleteRead
from threading import Thread
from typing import Any

import openai
import pytest

from infra.google import slices
from infra.models import pod
from infra.releases import pins
from infra.settings.model import Model
from sandbox.programs import model_server, vllm_flags
from tests.support.project import ROOT, stack_file

SERVE = ["serve", "/mnt/models"]
NAMES = ["/mnt/models", "Qwen/Qwen2.5-3B-Instruct"]
CHAT: dict[str, Any] = {"model": NAMES[0], "messages": [{"role": "user", "content": "What is a TPU?"}]}
Serve = Callable[..., model_server.Server]
Listening = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server with the dev stack's names and these further flags, on a free port of loopback."""
    with ExitStack() as stack:

        def start(*flags: str) -> model_server.Server:
            args = [*SERVE, "--host=127.0.0.1", "--port=0", "--served-model-name", *NAMES, *flags]
            server = stack.enter_context(model_server.Server(vllm_flags.parse(args)))
            server.server_activate()
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            stack.callback(server.shutdown)
            return server

        yield start


@pytest.fixture
def client(serve: Serve) -> openai.OpenAI:
    return openai_client(serve("--max-model-len=64"))


def openai_client(server: model_server.Server, key: str = "unused") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_address[1]}/v1", api_key=key, max_retries=0)


def ask(
    server: model_server.Server, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of one request; a body that is no text is sent as JSON."""
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    data = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
    connection.request(method, path, data, {"content-type": "application/json"} | headers)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()


# The command line


@pytest.mark.parametrize("slice_", slices.SLICES.values(), ids=list(slices.SLICES))
def test_every_flag_of_the_program_is_accepted(slice_: slices.Slice) -> None:
    model = Model.model_validate(stack_file("dev")["models"][0])
    args = vllm_flags.parse([*SERVE, *pod.args(model, slice_)])
    assert args.served_model_name == NAMES
    assert (args.model, args.port, args.dtype, args.max_model_len) == ("/mnt/models", 8000, "bfloat16", 2048)
    assert args.tensor_parallel_size == slice_.chips


def test_flags_are_those_of_the_image() -> None:
    assert pins.VLLM_TPU_IMAGE.endswith(f":v{vllm_flags.RELEASE}")


@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        ("--max_num_seqs=4", "max_num_seqs", 4),
        ("--max-num-seqs 4", "max_num_seqs", 4),
        ("-tp 2", "tensor_parallel_size", 2),
        ("--max-model-len=8k", "max_model_len", 8000),
        ("--max-model-len=8K", "max_model_len", 8192),
        ("--max-model-len=auto", "max_model_len", 32768),
        ("--no-enable-prefix-caching", "enable_prefix_caching", False),
        ("--enable_prefix_caching", "enable_prefix_caching", True),
        ("--hf-token", "hf_token", True),
        ("--revision=None", "revision", None),
        ("--gpu-memory-utilization=0.9", "gpu_memory_utilization", 0.9),
        ("-O3", "optimization_level", "3"),
        ("--middleware a --middleware b", "middleware", ["a", "b"]),
        ('--hf-overrides {"a":1}', "hf_overrides", {"a": 1}),
        ("--compilation_config.mode=3", "compilation_config", {"mode": 3}),
        ("-cc.pass_config.fuse_x true -cc.compile_sizes+=1,2", "compilation_config",
         {"pass_config": {"fuse_x": True}, "compile_sizes": ["1", "2"]}),
        ("--kv-transfer-config.kv_buffer_size 1k", "kv_transfer_config", {"kv_buffer_size": 1000}),
        ("--moe-backend Deep-GEMM", "moe_backend", "deep_gemm"),
    ],
)  # fmt: skip
def test_flags_are_read_as_vllm_reads_them(flags: str, name: str, value: Any) -> None:
    assert getattr(vllm_flags.parse([*SERVE, *flags.split()]), name) == value


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--max-model-length=2048", "vllm: error: unrecognized arguments: --max-model-length=2048"),
        ("--swap-space=4", "unrecognized arguments: --swap-space=4"),
        ("--port 8000 extra", "unrecognized arguments: extra"),
        ("--dtype=fp8", "vllm serve: error: argument --dtype: invalid choice: 'fp8' (choose from"),
        ("-tp two", "argument --tensor-parallel-size/-tp: invalid int value: 'two'"),
        ("--max-num-seqs=1k", "invalid int value: '1k'"),
        ("--max-cpu-loras=x", "Value x cannot be converted to <class 'int'>."),
        ("--max-num-seqs", "argument --max-num-seqs: expected one argument"),
        ("--max", "ambiguous option: --max could match"),
        ("--enable-prefix-caching=yes", "ignored explicit argument 'yes'"),
        ("--compilation-config.level=3", "CompilationConfig: Unexpected keyword argument: level"),
    ],
)
def test_flags_that_vllm_does_not_know_are_refused(flags: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        vllm_flags.parse([*SERVE, *flags.split()])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_model_after_its_names_would_be_taken_for_one_of_them() -> None:
    with pytest.raises(SystemExit, match="should be provided as the first positional argument"):
        vllm_flags.parse(["serve", "--served-model-name", "a", "/mnt/models"])


def test_file_of_flags_is_read_and_gives_way_to_the_command_line(tmp_path: Any) -> None:
    file = tmp_path / "flags.yaml"
    file.write_text("served-model-name: [a, b]\nmax_num_seqs: 4\nenforce-eager: true\nspeculative-config: {x: 1}\n")
    args = vllm_flags.parse([*SERVE, "--config", str(file), "--max-num-seqs=8"])
    assert (args.served_model_name, args.max_num_seqs, args.enforce_eager) == (["a", "b"], 8, True)
    assert args.speculative_config == {"x": 1}


# The process


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
    ("flag", "words"),
    [
        ("--tensor-parallel-size=8", "found 4, expected 8 for mesh shape (1, 8)"),
        ("--dtype=half", "Invalid vector register cast"),
        ("--dtype=float16", "Invalid vector register cast"),
    ],
)
def test_server_ends_with_what_no_tpu_takes(
    process: Callable[..., "subprocess.Popen[str]"], flag: str, words: str
) -> None:
    ended = process("--port=0", flag, TPU_CHIPS_PER_HOST_BOUNDS="2,2,1")
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
    assert err == "INFO:     Application startup complete.\n"
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


# The API


def test_every_name_is_a_model(client: openai.OpenAI) -> None:
    models = list(client.models.list())
    assert [model.id for model in models] == NAMES
    assert all(model.object == "model" and model.owned_by == "vllm" for model in models)
    extra = models[0].model_extra
    assert extra == {"root": "/mnt/models", "parent": None, "max_model_len": 64, "permission": []}


def test_completion_reports_the_first_name_and_counts_words(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=NAMES[1], prompt=["The longest river", "of Europe is"], max_tokens=4, n=2)
    assert (answer.object, answer.model) == ("text_completion", NAMES[0])
    assert [(choice.index, choice.text, choice.finish_reason) for choice in answer.choices] == [
        (index, "This text stands in", "length") for index in range(4)
    ]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (6, 16, 22)


def test_chat_may_fill_the_context(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**CHAT)
    (choice,) = answer.choices
    assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
    assert choice.message.content == "".join(model_server.ANSWER)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 4


def test_chat_is_streamed_word_by_word(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(**CHAT, max_completion_tokens=3, stream=True))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "This", " text", " stands"]
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", None, None, None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "length"]


def test_streamed_completion_tells_its_usage_if_asked(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    chunks = list(
        client.completions.create(model=NAMES[0], prompt="A", max_tokens=2, stream=True, stream_options=options)
    )
    assert [chunk.choices[0].text for chunk in chunks[:-1]] == ["This", " text"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 3


def test_stream_is_server_sent_events_that_end_with_done(serve: Serve) -> None:
    status, headers, body = ask(serve(), "POST", "/v1/chat/completions", {**CHAT, "stream": True})
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert body.endswith("data: [DONE]\n\n")
    assert all(event.startswith("data: ") for event in body.removesuffix("\n\n").split("\n\n"))


TOO_LONG = (
    "This model's maximum context length is 64 tokens. However, you requested 60 output tokens and your prompt contains"
    " at least 5 input tokens, for a total of at least 65 tokens. Please reduce the length of the input prompt or the "
    "number of requested output tokens. (parameter=input_tokens, value=5)"
)
TOO_MANY = (
    "max_tokens=65 cannot be greater than max_model_len=max_total_tokens=64. Please request fewer output tokens. "
    "(parameter=max_tokens, value=65)"
)


@pytest.mark.parametrize(
    ("path", "body", "message", "param"),
    [
        ("completions", {"prompt": "a b c d e f", "max_tokens": 60}, TOO_LONG, "input_tokens"),
        ("chat/completions", {**CHAT, "max_tokens": 65}, TOO_MANY, "max_tokens"),
        (
            "completions",
            {"prompt": "a", "max_tokens": 0},
            "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
            "max_tokens",
        ),
        ("completions", {"prompt": "a", "n": 0}, "n must be at least 1, got 0.", None),
        (
            "completions",
            {},
            "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
            "prompt",
        ),
        (
            "completions",
            {"prompt": "a", "stream_options": {"include_usage": True}},
            "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
            "stream_options",
        ),
    ],
    ids=["too long", "too many tokens", "no tokens", "no answers", "no prompt", "stream options"],
)
def test_request_that_vllm_refuses_gets_its_error(
    serve: Serve, path: str, body: Any, message: str, param: str | None
) -> None:
    status, headers, text = ask(serve("--max-model-len=64"), "POST", f"/v1/{path}", body)
    assert (status, headers["content-type"]) == (400, "application/json")
    error = {"message": message, "type": "BadRequestError", "param": param, "code": 400}
    assert json.loads(text) == {"error": error}


@pytest.mark.parametrize(("model", "told"), [("gpt-4", "gpt-4"), ("/mnt/other", "<path>")])
def test_unknown_model_is_not_found_and_paths_are_not_repeated(serve: Serve, model: str, told: str) -> None:
    status, _, text = ask(serve(), "POST", "/v1/completions", {"prompt": "a", "model": model})
    message = f"The model `{told}` does not exist."
    assert status == 404
    assert json.loads(text) == {"error": {"message": message, "type": "NotFoundError", "param": "model", "code": 404}}


@pytest.mark.parametrize(
    ("path", "body", "problem", "param"),
    [
        (
            "chat/completions",
            {},
            {"type": "missing", "loc": ("body", "messages"), "msg": "Field required", "input": {}},
            "body.messages",
        ),
        (
            "chat/completions",
            {**CHAT, "max_tokens": "many"},
            {
                "type": "int_parsing",
                "loc": ("body", "max_tokens"),
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "input": "many",
            },
            "body.max_tokens",
        ),
        (
            "completions",
            '{"prompt": ',
            {
                "type": "json_invalid",
                "loc": ("body", 11),
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": "Expecting value"},
            },
            "body.11",
        ),
    ],
    ids=["no messages", "wrong type", "no JSON"],
)
def test_malformed_request_gets_the_error_of_fastapi(
    serve: Serve, path: str, body: Any, problem: dict[str, Any], param: str
) -> None:
    status, _, text = ask(serve(), "POST", f"/v1/{path}", body)
    error = {"message": f"1 validation error:\n  {problem}", "type": "Bad Request", "param": param, "code": 400}
    assert (status, json.loads(text)) == (400, {"error": error})


def test_wrong_type_in_a_list_of_kinds_is_told_by_its_field(client: openai.OpenAI) -> None:
    prompt: Any = 5
    with pytest.raises(openai.BadRequestError, match="4 validation errors") as refused:
        client.completions.create(model=NAMES[0], prompt=prompt)
    assert refused.value.param == "body.prompt"


def test_body_that_is_not_said_to_be_json_is_refused(serve: Serve) -> None:
    status, _, text = ask(serve(), "POST", "/v1/chat/completions", CHAT, **{"content-type": "text/plain"})
    assert status == 400
    assert "Unsupported Media Type: Only 'application/json' is allowed" in text


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/health", 200, ""),
        ("GET", "/ping", 200, ""),
        ("GET", "/version", 200, '{"version":"0.27.0"}'),
        ("GET", "/nothing", 404, '{"detail":"Not Found"}'),
        ("GET", "/health/x", 404, '{"detail":"Not Found"}'),
        ("GET", "/v1/completions", 405, '{"detail":"Method Not Allowed"}'),
        ("POST", "/health", 405, '{"detail":"Method Not Allowed"}'),
    ],
)
def test_other_paths_are_answered_as_by_vllm(serve: Serve, method: str, path: str, status: int, body: str) -> None:
    got, headers, text = ask(serve(), method, path)
    assert (got, text) == (status, body)
    assert headers.get("allow") == ({"/health": "GET", "/v1/completions": "POST"}[path] if status == 405 else None)


def test_metrics_are_prometheus_text_and_count(serve: Serve) -> None:
    server = serve("--block-size=32")
    ask(server, "POST", "/v1/chat/completions", CHAT)
    status, headers, text = ask(server, "GET", "/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    sample = re.compile(r'([a-z_:]+)\{((?:[a-z_]+="[^"]*",?)*)\} ([\d.]+)')
    lines = [line for line in text.splitlines() if not re.fullmatch(r"# TYPE [a-z_:]+ (gauge|counter)", line)]
    samples = [sample.fullmatch(line) for line in lines]
    assert all(samples)
    values = {
        found[1] + found[2].replace('engine="0",model_name="/mnt/models"', ""): found[3] for found in samples if found
    }
    assert (
        values.items()
        >= {
            "vllm:num_requests_running": "0.0",
            "vllm:num_requests_waiting": "0.0",
            "vllm:kv_cache_usage_perc": "0.0",
            'vllm:cache_config_infoblock_size="32",engine="0",num_gpu_blocks="4096"': "1.0",
            "vllm:prompt_tokens_total": "4.0",
            "vllm:generation_tokens_total": "10.0",
            'vllm:request_success_total,finished_reason="stop"': "1.0",
        }.items()
    )


def test_without_statistics_there_is_nothing_to_scrape(serve: Serve) -> None:
    assert ask(serve("--disable-log-stats"), "GET", "/metrics")[::2] == (200, "")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/embed", "/inference/v1/generate", "/cohere/v2/chat"])
def test_key_is_asked_for(serve: Serve, path: str) -> None:
    assert ask(serve("--api-key", "one"), "POST", path)[::2] == (401, '{"error":"Unauthorized"}')


@pytest.mark.parametrize("path", ["/health", "/metrics", "/ping", "/version"])
def test_key_is_not_asked_for_where_vllm_asks_for_none(serve: Serve, path: str) -> None:
    assert ask(serve("--api-key", "one"), "GET", path)[0] == 200


def test_key_is_not_asked_for_before_a_browsers_question(serve: Serve) -> None:
    assert ask(serve("--api-key", "one"), "OPTIONS", "/v1/models")[0] == 405


def test_any_of_the_keys_will_do_and_no_other(serve: Serve) -> None:
    server = serve("--api-key", "one", "two")
    with pytest.raises(openai.AuthenticationError):
        openai_client(server, "three").models.list()
    assert len(list(openai_client(server, "two").models.list())) == 2


SEED = {"message": "JAX does not support per-request seed.", "type": "BadRequestError", "param": None, "code": 400}


def test_seed_is_refused_as_by_the_tpu_backend(serve: Serve) -> None:
    status, _, text = ask(serve(), "POST", "/v1/chat/completions", {**CHAT, "seed": 1})
    assert (status, json.loads(text)) == (400, {"error": SEED})


def test_seed_of_a_stream_is_refused_when_it_has_begun(serve: Serve) -> None:
    status, _, text = ask(serve(), "POST", "/v1/chat/completions", {**CHAT, "seed": 1, "stream": True})
    error, done, _ = text.split("\n\n")
    assert (status, json.loads(error.removeprefix("data: ")), done) == (200, {"error": SEED}, "data: [DONE]")


def test_client_of_a_stream_with_a_seed_is_told(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="does not support per-request seed"):
        list(client.chat.completions.create(**CHAT, seed=1, stream=True))


@pytest.mark.parametrize("without_chance", [{"seed": -1}, {"seed": 1, "temperature": 0}], ids=["no seed", "greedy"])
def test_seed_that_decides_nothing_is_taken(serve: Serve, without_chance: dict[str, int]) -> None:
    assert ask(serve(), "POST", "/v1/chat/completions", {**CHAT, **without_chance})[0] == 200


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        (["--max-model-len=2048"], 128),
        (["--max-model-len=64"], 16),
        (["--max-model-len=8192"], 256),
        (["--max-model-len=8193", "--max-num-seqs=8"], 16),
        (["--max-model-len=32768"], 64),  # 16 would be more blocks than scalar memory holds, for 256 requests
        (["--max-model-len=2048", "--block-size=32"], 32),
    ],
)
def test_block_size_is_the_tpu_backends(flags: list[str], size: int) -> None:
    assert vllm_flags.block_size(vllm_flags.parse([*SERVE, *flags])) == size


def test_websocket_is_refused_as_no_path_takes_one(serve: Serve) -> None:
    upgrade = {"connection": "Upgrade", "upgrade": "WebSocket"}
    assert ask(serve(), "GET", "/v1/chat/completions", **upgrade)[::2] == (403, "")


def test_answer_without_an_end_fills_what_is_asked_for(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**CHAT, max_tokens=25, extra_body={"ignore_eos": True})
    assert (answer.choices[0].finish_reason, answer.usage and answer.usage.completion_tokens) == ("length", 25)


def test_request_id_comes_back_if_the_flag_says_so(serve: Serve) -> None:
    _, headers, text = ask(
        serve("--enable-request-id-headers"), "POST", "/v1/chat/completions", CHAT, **{"x-request-id": "a1"}
    )
    assert (headers["x-request-id"], json.loads(text)["id"]) == ("a1", "chatcmpl-a1")
    assert "x-request-id" not in ask(serve(), "GET", "/health")[1]


def test_body_in_chunks_is_read_whole_and_the_connection_kept(serve: Serve) -> None:
    connection = HTTPConnection("127.0.0.1", serve().server_address[1], timeout=5)
    parts = [json.dumps(CHAT)[:20].encode(), json.dumps(CHAT)[20:].encode()]
    headers = {"content-type": "application/json", "transfer-encoding": "chunked"}
    for path, status in (("/nothing", 404), ("/v1/chat/completions", 200)):
        connection.request("POST", path, iter(parts), headers, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:1]) == (status, b"{")
