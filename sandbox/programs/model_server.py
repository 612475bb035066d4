"""Stands in for `vllm serve` on a TPU: its command line and HTTP API with no model behind it.

    python -m sandbox.programs.model_server serve /mnt/models --port=8000

Flags are those of `vllm_flags`; paths, answers, errors and metrics are those of the same release (PyPI's vllm-tpu and
tpu-inference), and `model_requests` says no to what it says no to.
It refuses a dtype that does not compile, more chips than there are, fewer blocks than one request may need, a request
with a seed, and a websocket.
Not imitated: a token is a word, every answer is the same text, sampling parameters, tools, log probabilities and
adapters do nothing, there is no TLS, and paths that are not in `METHODS` are unknown. No request ever waits and nothing
is cached, unless SANDBOX_PREFILL_SECONDS says how long a token of a prompt takes: then `prefix_cache` has the rest.

Environment: the product of TPU_CHIPS_PER_HOST_BOUNDS is the number of chips. SANDBOX_START_SECONDS is how long loading
takes, until when connections are refused, as by vLLM; SANDBOX_WORD_SECONDS how long a token takes (both 0 unless set).
SANDBOX_SPEED is by what the shutdown timeout is divided (default 1).
SIGTERM breaks running requests off at once, or ends them within `--shutdown-timeout`, and new ones end empty meanwhile
with the reason "abort" (`_reject_add_in_shutdown` in vllm/v1/engine/core.py). Then it exits with 0.
Exit codes: 2 for what vLLM's parser refuses, 1 for what vLLM refuses later.
What it logs while it starts, on stderr, is in `start_log`.
Each request is a line of JSON on stdout: method, path, model, bytes of the body, stream, status.
"""

import argparse
import json
import math
import os
import signal
import socketserver
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from threading import Condition, Event, Thread
from typing import Any

from . import start_log
from .model_answers import Answer
from .model_requests import Chat, Completion, RequestError, allowed, limits, prompts, seeded, understand
from .prefix_cache import PREFILL, PrefixCache, Scheduler, Tokens
from .vllm_flags import RELEASE, block_size, blocks, cache_problem, most_requests, parse
from .vllm_metrics import Metrics, Times

MOSAIC = (
    "INTERNAL: Mosaic failed to compile TPU kernel with MLIR module name `<no name>` HLO name "
    "`RPAd-p_128-bq_1_1-bkv_2048_2048.1`: Invalid vector register cast"
)
"""The compiler's words for float16, at the attention kernel."""
ANSWER = ("This", " text", " stands", " in", " for", " what", " a", " model", " would", " say.")
METHODS = {"/health": "GET", "/metrics": "GET", "/ping": "GET, POST", "/version": "GET"}
GUARDED = ("/v1", "/v2", "/inference", "/cohere")
"""Where a key is asked for: `vllm/entrypoints/serve/utils/server_utils.py`."""
METHODS |= {"/v1/models": "GET", "/v1/completions": "POST", "/v1/chat/completions": "POST"}


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
        """Find out what is asked for. A key comes first, where it is asked for; OPTIONS needs none."""
        keys, (scheme, _, key) = self.server.keys, self.headers.get("authorization", "").partition(" ")
        guarded = path.startswith(GUARDED) and self.command != "OPTIONS"
        if keys and guarded and (scheme.lower() != "bearer" or key not in keys):
            self.reply(401, {"error": "Unauthorized"})
        elif self.headers.get("upgrade", "").lower() == "websocket":  # uvicorn's answer where no route takes one
            self.reply(403, "")
        elif path not in METHODS:
            self.reply(404, {"detail": "Not Found"})
        elif self.command not in METHODS[path].split(", "):
            self.reply(405, {"detail": "Method Not Allowed"}, allow=METHODS[path])
        elif path.endswith("/completions"):
            kind = Chat if "chat" in path else Completion
            with self.server.running() as aborted:
                self.complete(understand(kind, self.headers.get_content_type(), self.body), aborted=aborted)
        elif path == "/v1/models":
            self.reply(200, {"object": "list", "data": self.server.models()})
        elif path == "/metrics":
            self.reply(200, self.server.metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")
        else:
            self.reply(200, {"version": RELEASE} if path == "/version" else "")

    def complete(self, asked: Completion | Chat, *, aborted: bool) -> None:
        """Answer a completion or a chat, in one piece or word by word; with no word if it is aborted."""
        server, times = self.server, Times()
        if asked.model and asked.model not in server.names:
            raise RequestError(f"The model `{asked.model}` does not exist.", "model", 404, "NotFoundError")
        name, limit = limits(asked)
        read = prompts(asked)
        lengths = [len(prompt) for prompt in read]
        n = 1 if asked.n is None else asked.n
        most = allowed(server.args.max_model_len, name, limit, n, lengths)
        if seeded(asked):
            refused = RequestError("JAX does not support per-request seed.", None)
            if not asked.stream:
                raise refused
            self.stream([refused.body])  # found when the answer has begun
            return
        reason, words = ("stop", ANSWER) if most > len(ANSWER) and not asked.ignore_eos else ("length", cycle(ANSWER))
        reason, words = ("abort", ()) if aborted else (reason, tuple(islice(words, most)))
        count = n * len(lengths)
        usage = {"prompt_tokens": sum(lengths), "completion_tokens": len(words) * count}
        usage["total_tokens"] = sum(usage.values())
        request = self.headers.get("x-request-id") or uuid.uuid4().hex
        answer = Answer(asked, request, server.names[0], words, reason, count, usage)
        with server.computed(read * n, len(words)) as times.scheduled:
            times.first = time.monotonic()
            server.counted.prefilled(times, usage["prompt_tokens"], count)
            ended = partial(server.counted.finished, times, len(words), count, reason)
            if not asked.stream:
                whole = answer.whole()
                time.sleep(server.pace * len(words))
                ended()
                self.reply(200, whole)
                return
            try:
                self.stream(answer.events(), ended)
            except ConnectionError:
                server.counted.finished(times, 0, count, "abort")
                raise

    def stream(self, events: list[dict[str, Any]], ended: Callable[[], None] = lambda: None) -> None:
        """Send server-sent events, each as late as a token, and say when the last one has been."""
        self.begin(200, {"content_type": "text/event-stream; charset=utf-8", "transfer_encoding": "chunked"})
        for event in map(json.dumps, events):
            self.send(f"data: {event}\n\n")
            time.sleep(self.server.pace)
        ended()
        self.send("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def send(self, text: str) -> None:
        """Send a chunk of the body."""
        data = text.encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

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
        self.pace = float(os.environ.get("SANDBOX_WORD_SECONDS", "0"))
        self.counted = Metrics(self.names[0])
        self._changed, self._running, self._draining = Condition(), 0, False
        cache, seconds = PrefixCache(blocks(args), block_size(args)), float(os.environ.get(PREFILL, "0"))
        self._scheduler = Scheduler(cache, most=most_requests(args), seconds=seconds) if seconds else None
        super().__init__((args.host or "", args.port), handler, bind_and_activate=False)
        self.server_bind()

    def server_bind(self) -> None:
        """Without http.server's look-up of the host's name, which takes seconds where no name server answers."""
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Without a traceback for a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @contextmanager
    def running(self) -> Iterator[bool]:
        """While a request runs. Whether it is aborted, as the server is about to end."""
        with self._changed:
            self._running += 1
            aborted = self._draining
        try:
            yield aborted
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def computed(self, prompts: Sequence[Tokens], answer: int) -> AbstractContextManager[float]:
        """While prompts with answers of so many words each have their place; it begins when they are computed, and says
        when their turn had come."""
        return self._scheduler.run(prompts, answer) if self._scheduler else nullcontext(time.monotonic())

    def drain(self, seconds: float) -> None:
        """Let the running requests end, at most for so long."""
        with self._changed:
            self._draining = True
            self._changed.wait_for(lambda: not self._running, seconds)

    def models(self) -> list[dict[str, Any]]:
        """One entry for each name."""
        entry = {"object": "model", "created": int(time.time()), "owned_by": "vllm", "root": self.args.model}
        entry |= {"parent": None, "max_model_len": self.args.max_model_len, "permission": []}
        return [{"id": name, **entry} for name in self.names]

    def metrics(self) -> str:
        """What `/metrics` says. With --disable-log-stats that is nothing."""
        if self.args.disable_log_stats:
            return ""
        said: dict[str, float] = {"num_requests_running": self._running}
        if of := self._scheduler:
            said = {"num_requests_running": of.running, "num_requests_waiting": of.waiting}
            said |= {"kv_cache_usage_perc": of.usage, "prefix_cache_queries": of.queries, "prefix_cache_hits": of.hits}
        cache = {"block_size": block_size(self.args), "num_gpu_blocks": blocks(self.args)}
        return self.counted.text(said, cache)


def main() -> None:
    """Check the flags against the TPU, load, and serve until a signal ends it."""
    ending = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    args = parse(sys.argv[1:])
    bounds, needed = os.environ.get("TPU_CHIPS_PER_HOST_BOUNDS"), args.tensor_parallel_size
    if bounds and needed > (chips := math.prod(map(int, bounds.split(",")))):
        found = f"found {chips}, expected {needed} for mesh shape (1, {needed})"
        sys.exit(f"ValueError: Insufficient devices for 2D mesh: {found}.")
    if args.dtype in ("half", "float16"):
        sys.exit(f"jax.errors.JaxRuntimeError: {MOSAIC}")
    for name in ("grpc", "headless", "ssl_certfile", "ssl_keyfile", "uds"):
        if getattr(args, name):
            sys.exit(f"The sandbox's stand-in for vLLM does not imitate --{name.replace('_', '-')}.")
    if problem := cache_problem(args):
        sys.exit(problem)
    with Server(args) as server:
        print(*start_log.loading(needed), sep="\n", file=sys.stderr, flush=True)
        if ending.wait(float(os.environ.get("SANDBOX_START_SECONDS", "0"))):
            return
        print(*start_log.compiling(), sep="\n", file=sys.stderr, flush=True)
        server.server_activate()
        print("INFO:     Application startup complete.", file=sys.stderr, flush=True)
        Thread(target=server.serve_forever, daemon=True).start()
        ending.wait()
        server.drain(args.shutdown_timeout / float(os.environ.get("SANDBOX_SPEED", "1")))
        os._exit(0)  # what still runs is broken off


if __name__ == "__main__":
    main()
