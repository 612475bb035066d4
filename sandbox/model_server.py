"""Stands in for `vllm serve`: vLLM's command line and HTTP API with no model behind it.

    PJRT_DEVICE=TPU python -m sandbox.model_server serve /mnt/models --port=8000

Flags are those of `vllm_flags`; paths, answers, errors and metrics are those of the same release.
Not imitated: a token is a word, every answer is the same text, sampling parameters, tools, log probabilities and
adapters do nothing, no request ever waits, there is no TLS, and paths that are not in `METHODS` are unknown.

Environment: PJRT_DEVICE=TPU stands for a TPU, and the product of TPU_CHIPS_PER_HOST_BOUNDS is the number of its chips.
SANDBOX_START_SECONDS is how long loading takes (default 0); until then connections are refused, as vLLM does.
Exit codes: 2 for what vLLM's parser refuses, 1 for what vLLM refuses later; SIGTERM ends it at once, with 0.
Each request is a line of JSON on stdout: method, path, model, bytes of the body, stream, status.
"""

import argparse
import json
import math
import os
import re
import signal
import socketserver
import sys
import time
import uuid
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from pydantic import BaseModel, NonNegativeInt, ValidationError

from .vllm_flags import RELEASE, parse

ANSWER = ("This", " text", " stands", " in", " for", " what", " a", " model", " would", " say.")
METHODS = {"/health": "GET", "/metrics": "GET", "/ping": "GET, POST", "/version": "GET"}
METHODS |= {"/v1/models": "GET", "/v1/completions": "POST", "/v1/chat/completions": "POST"}


class RequestError(Exception):
    """A request that vLLM refuses with its error object."""

    def __init__(self, message: str, param: str | None, status: int = 400, kind: str = "BadRequestError") -> None:
        message = re.sub(r"/(home|usr|opt|var|tmp|root|lib|mnt|srv)(/[\w.-]+)+", "<path>", message)  # vLLM hides paths
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


def _invalid(message: str, param: str, value: int | None = None) -> RequestError:
    detail = f"parameter={param}" if value is None else f"parameter={param}, value={value}"
    return RequestError(f"{message} ({detail})", param)


def _malformed(*problems: Any) -> RequestError:
    """What FastAPI finds. The parameter is the place of the first problem, less the names of types in it."""
    place = problems[0]["loc"] if isinstance(problems[0], dict) else ()
    param = ".".join(str(part) for part in place if not re.search(r"\[|^(str|int)$", str(part)))
    count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''}:"
    return RequestError("\n  ".join([count, *map(str, problems)]), param or None, kind="Bad Request")


class Request(BaseModel):
    """What completions and chats have in common, as far as it matters here."""

    model: str | None = None
    max_tokens: int | None = None
    n: int | None = 1
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None


class Completion(Request):
    """A request to go on with one text or several."""

    prompt: list[NonNegativeInt] | list[list[NonNegativeInt]] | str | list[str]


class Chat(Request):
    """A request to answer messages."""

    messages: list[dict[str, Any]]
    max_completion_tokens: int | None = None


def _tokens(part: Any) -> int:
    """How many tokens something is: a text, a token, a message, a part of one, or a list of these."""
    if isinstance(part, dict):
        part = part.get("content") or part.get("text") or ""
    if isinstance(part, list):
        return sum(map(_tokens, part))
    return len(part.split()) if isinstance(part, str) else 1


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"  # pyright: ignore[reportIncompatibleVariableOverride]
    path, body, asked = "", b"", {}

    def do_GET(self) -> None:
        """Answer a request of any method."""
        self.body, self.asked = self.receive(), {}
        with suppress(ValueError):
            self.asked = json.loads(self.body)
        try:
            self.route(self.path.partition("?")[0])
        except RequestError as error:
            self.reply(error.status, error.body)

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815 - http.server's names

    def receive(self) -> bytes:
        """The body, which may come in chunks."""
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            """A trailer."""
        return body

    def route(self, path: str) -> None:
        """Find out what is asked for. Below /v1, and only there, a key comes first."""
        keys, (scheme, _, key) = self.server.keys, self.headers.get("authorization", "").partition(" ")
        if keys and path.startswith("/v1") and (scheme.lower() != "bearer" or key not in keys):
            self.reply(401, {"error": "Unauthorized"})
        elif path not in METHODS:
            self.reply(404, {"detail": "Not Found"})
        elif self.command not in METHODS[path].split(", "):
            self.reply(405, {"detail": "Method Not Allowed"}, allow=METHODS[path])
        elif path.endswith("/completions"):
            self.complete(self.understand(Chat if "chat" in path else Completion))
        elif path == "/v1/models":
            self.reply(200, {"object": "list", "data": self.server.models()})
        elif path == "/metrics":
            self.reply(200, self.server.metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")
        else:
            self.reply(200, {"version": RELEASE} if path == "/version" else "")

    def understand(self, kind: type[Completion | Chat]) -> Completion | Chat:
        """The request, checked in the order of FastAPI and vLLM."""
        if self.headers.get_content_type() != "application/json":
            raise _malformed("Unsupported Media Type: Only 'application/json' is allowed")
        try:
            asked = json.loads(self.body)
            if isinstance(asked, dict) and asked.get("stream_options") and not asked.get("stream"):
                raise _invalid("Stream options can only be defined when `stream=True`.", "stream_options")
            if isinstance(asked, dict) and kind is Completion and asked.get("prompt") in (None, ""):
                raise _invalid("Either prompt or prompt_embeds must be provided and non-empty.", "prompt")
            return kind.model_validate(asked)
        except json.JSONDecodeError as error:
            problem = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error", "input": {}}
            raise _malformed({**problem, "ctx": {"error": error.msg}}) from error
        except ValidationError as error:
            problems = error.errors(include_url=False)
            raise _malformed(*({**problem, "loc": ("body", *problem["loc"])} for problem in problems)) from error

    def complete(self, asked: Completion | Chat) -> None:
        """Answer a completion or a chat, in one piece or word by word."""
        server, chat, stream = self.server, isinstance(asked, Chat), bool(asked.stream)
        if asked.model and asked.model not in server.names:
            raise RequestError(f"The model `{asked.model}` does not exist.", "model", 404, "NotFoundError")
        name, limit = "max_tokens", asked.max_tokens
        if isinstance(asked, Chat):
            lengths = [_tokens(asked.messages)]
            if asked.max_completion_tokens is not None:
                name, limit = "max_completion_tokens", asked.max_completion_tokens
        else:
            several = isinstance(asked.prompt, list) and not all(isinstance(token, int) for token in asked.prompt)
            lengths = [_tokens(prompt) for prompt in (asked.prompt if several else [asked.prompt])]
            limit = 16 if limit is None else limit
        n = 1 if asked.n is None else asked.n
        most = server.allowed(name, limit, n, lengths)
        reason = "stop" if most > len(ANSWER) else "length"
        answers = [ANSWER[:most]] * n * len(lengths)
        usage = {"prompt_tokens": sum(lengths), "completion_tokens": sum(map(len, answers))}
        server.count(**usage, **{reason: len(answers)})
        usage["total_tokens"] = sum(usage.values())

        def choice(index: int, text: str, reason: str | None = None, **role: str) -> dict[str, Any]:
            said = {"delta" if stream else "message": {**role, "content": text}} if chat else {"text": text}
            return {"index": index, **said, "logprobs": None, "finish_reason": reason, "stop_reason": None}

        prefix, kind = ("chatcmpl", "chat.completion") if chat else ("cmpl", "text_completion")
        head = {
            "id": f"{prefix}-{self.headers.get('x-request-id') or uuid.uuid4().hex}",
            "object": f"{kind}.chunk" if chat and stream else kind,
            "created": int(time.time()),
            "model": server.names[0],
        }
        if not stream:
            choices = [choice(at, "".join(words), reason, role="assistant") for at, words in enumerate(answers)]
            self.reply(200, {**head, "choices": choices, "usage": usage})
            return
        choices = [choice(at, "", role="assistant") for at in range(len(answers))] if chat else []
        for at, words in enumerate(answers):
            choices += [*(choice(at, word) for word in words[:-1]), choice(at, words[-1], reason)]
        events = [{**head, "choices": [one]} for one in choices]
        if (asked.stream_options or {}).get("include_usage"):
            events.append({**head, "choices": [], "usage": usage})
        self.begin(200, {"content_type": "text/event-stream; charset=utf-8", "transfer_encoding": "chunked"})
        for event in [*map(json.dumps, events), "[DONE]"]:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def reply(self, status: int, content: str | dict[str, Any], **headers: str) -> None:
        """Send the whole answer."""
        data = (content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))).encode()
        self.begin(status, {"content_type": "application/json", **headers, "content_length": str(len(data))})
        if self.command != "HEAD":
            self.wfile.write(data)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Send the status and the headers."""
        self.send_response(status)
        if self.server.args.enable_request_id_headers:
            headers["x_request_id"] = self.headers.get("x-request-id") or uuid.uuid4().hex
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
        """One line for each request, written before its answer is sent."""
        asked = self.asked if isinstance(self.asked, dict) else {}
        line = {"method": self.command, "path": self.path, "model": asked.get("model"), "bytes": len(self.body)}
        sys.stdout.write(json.dumps({**line, "stream": bool(asked.get("stream")), "status": code}) + "\n")
        sys.stdout.flush()


class Server(ThreadingHTTPServer):
    """A server with these flags, bound to its port and not yet listening, as vLLM is while it loads the model."""

    request_queue_size = 2048  # uvicorn's

    def __init__(self, args: argparse.Namespace, handler: type[Handler] = Handler) -> None:
        self.args, self.names = args, args.served_model_name
        self.keys = [key for key in args.api_key or [os.environ.get("VLLM_API_KEY")] if key]
        self._counts, self._lock = Counter[str](), Lock()
        super().__init__((args.host or "", args.port), handler, bind_and_activate=False)
        self.server_bind()

    def server_bind(self) -> None:
        """Without http.server's look-up of the host's name, which takes seconds where no name server answers."""
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Without a traceback for a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def models(self) -> list[dict[str, Any]]:
        """One entry for each name."""
        entry = {"object": "model", "created": int(time.time()), "owned_by": "vllm", "root": self.args.model}
        entry |= {"parent": None, "max_model_len": self.args.max_model_len, "permission": []}
        return [{"id": name, **entry} for name in self.names]

    def allowed(self, name: str, limit: int | None, n: int, lengths: list[int]) -> int:
        """How many tokens an answer may have to prompts of these lengths, `name` being the parameter that limits it."""
        longest, asked = self.args.max_model_len, limit or 0
        if asked > longest:
            message = f"{name}={asked} cannot be greater than max_model_len=max_total_tokens={longest}."
            raise _invalid(f"{message} Please request fewer output tokens.", name, asked)
        room = longest - asked
        if max(lengths) > room:  # vLLM stops counting one token after what fits
            raise _invalid(
                f"This model's maximum context length is {longest} tokens. However, you requested {asked} output tokens"
                f" and your prompt contains at least {room + 1} input tokens, for a total of at least {longest + 1} "
                "tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
                "input_tokens",
                room + 1,
            )
        most = longest - max(lengths) if limit is None else limit
        if n < 1:
            raise RequestError(f"n must be at least 1, got {n}.", None)
        if most < 1:
            raise _invalid(f"max_tokens must be at least 1, got {most}.", "max_tokens", most)
        return most

    def count(self, **more: int) -> None:
        """Add to the metrics."""
        with self._lock:
            self._counts.update(more)

    def metrics(self) -> str:
        """Prometheus text: what the endpoint picker reads, and counters. With --disable-log-stats there is none."""
        counts, labels = self._counts, f'engine="0",model_name={json.dumps(self.names[0])}'
        cache = f'block_size="{self.args.block_size or 16}",engine="0",num_gpu_blocks="4096"'
        series = [
            ("gauge", "num_requests_running", labels, 0),
            ("gauge", "num_requests_waiting", labels, 0),
            ("gauge", "kv_cache_usage_perc", labels, 0),
            ("gauge", "cache_config_info", cache, 1),
            ("counter", "prompt_tokens_total", labels, counts["prompt_tokens"]),
            ("counter", "generation_tokens_total", labels, counts["completion_tokens"]),
            ("counter", "request_success_total", f'{labels},finished_reason="stop"', counts["stop"]),
            ("", "request_success_total", f'{labels},finished_reason="length"', counts["length"]),
        ]
        lines = (
            f"# TYPE vllm:{name} {kind}\n" * bool(kind) + f"vllm:{name}{{{labels}}} {float(value)}\n"
            for kind, name, labels, value in series
        )
        return "" if self.args.disable_log_stats else "".join(lines)


def main() -> None:
    """Check the flags against the TPU, load, and serve until a signal ends it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    args = parse(sys.argv[1:])
    if os.environ.get("PJRT_DEVICE") != "TPU":
        sys.exit("RuntimeError: Unable to initialize backend 'tpu': no TPU found (PJRT_DEVICE is not TPU)")
    bounds, needed = os.environ.get("TPU_CHIPS_PER_HOST_BOUNDS"), args.tensor_parallel_size
    if bounds and needed > (chips := math.prod(map(int, bounds.split(",")))):
        found = f"found {chips}, expected {needed} for mesh shape (1, {needed})"
        sys.exit(f"ValueError: Insufficient devices for 2D mesh: {found}.")
    for name in ("grpc", "headless", "ssl_certfile", "ssl_keyfile", "uds"):
        if getattr(args, name):
            sys.exit(f"The sandbox's stand-in for vLLM does not imitate --{name.replace('_', '-')}.")
    with Server(args) as server:
        time.sleep(float(os.environ.get("SANDBOX_START_SECONDS", "0")))
        server.server_activate()
        print("INFO:     Application startup complete.", file=sys.stderr, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
