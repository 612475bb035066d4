"""Requests as bytes, as no client would send them, and what comes back."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sandbox.cluster.control_plane import ControlPlane, wait_until

from .processes import only_process


class Raw(NamedTuple):
    """What came back on one connection, until it was closed or nothing more came."""

    status: int
    """Of the first answer; 0 if there was none."""
    answers: int
    text: str
    seconds: float

    @property
    def error(self) -> dict[str, Any]:
        """The error in OpenAI's shape, which may have come in a chunk."""
        return json.loads(self.text[self.text.index("{") : self.text.rindex("}") + 1])["error"]

    def header(self, name: str) -> str | None:
        """A header of the first answer."""
        lines = [line.partition(": ") for line in self.text.partition("\r\n\r\n")[0].split("\r\n")[1:]]
        return next((value for key, _, value in lines if key == name), None)


def exchange(
    address: tuple[str, int], pieces: Iterable[bytes], *, quiet: float = 0.5, most: float = 20, source: str = ""
) -> Raw:
    """Send the pieces one after the other on one connection, from the address `source` if there is one.

    It ends `quiet` seconds after the last byte of an answer, and after `most` seconds at the latest.
    """
    begun, came = time.monotonic(), b""
    with socket.create_connection(address, most, source_address=(source, 0) if source else None) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            """It was closed before all was sent; the answer may be there all the same."""
        try:
            while data := connection.recv(65536):
                came += data
                connection.settimeout(quiet)
        except OSError:
            """Closed hard, or nothing more comes."""
    seconds = time.monotonic() - begun
    status = int(came.split(b" ", 2)[1]) if came.startswith(b"HTTP/") else 0
    return Raw(status, came.count(b"HTTP/1.1 "), came.decode(errors="replace"), seconds)


def proxy(plane: ControlPlane) -> tuple[str, int]:
    """The address of the gateway's proxy, once there is one alone; no client has a way to it but here."""

    def addresses() -> list[str]:
        pods = json.loads(plane.kubectl("get", "pods", "--namespace=istio-ingress", "--output=json"))["items"]
        return [pod["status"].get("podIP", "") for pod in pods]

    wait_until(lambda: len(addresses()) == 1 and all(addresses()), "more or less than one proxy", 60)
    return addresses()[0], 80


def head(method: str, path: str, *lines: str | bytes) -> bytes:
    """A request up to the end of its headers."""
    encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), b"Host: gateway", *encoded, b"", b""])


def post(path: str, body: bytes, *lines: str | bytes) -> bytes:
    """A whole request with its length."""
    return head("POST", path, "Content-Type: application/json", f"Content-Length: {len(body)}", *lines) + body


def chunked(body: bytes, sizes: Iterable[int]) -> Iterable[bytes]:
    """A body in chunks of these sizes, and of the last one until it ends."""
    size = 1
    for size in sizes:
        if chunk := body[:size]:
            yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
        body = body[size:]
    for at in range(0, len(body), size):
        chunk = body[at : at + size]
        yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"


LARGE = "x-large: " + "a" * 8000
"""A header by which a request that gets anywhere shows in what was sent there."""


def completion(size: int = 0, **fields: Any) -> bytes:
    """The body of a completion, of at least so many bytes."""
    asked = {"model": "/mnt/models", "prompt": "Hello", "max_tokens": 4, **fields, "user": ""}
    short = json.dumps(asked).encode()
    return json.dumps({**asked, "user": "u" * max(0, size - len(short))}).encode()


def envoy(proxy: str, path: str) -> str:
    """What Envoy tells its Pod only."""
    inside = ["ip", "netns", "exec", f"pod-{proxy}", "curl", "-s", f"http://127.0.0.1:15000/{path}"]
    return subprocess.run(inside, capture_output=True, check=True, text=True).stdout  # noqa: S603


class Reached(NamedTuple):
    """What has reached picker and model: streams to the picker, bytes on them, and requests to the model."""

    streams: int
    sent: int
    model: int


def reached_by(proxy: str, logs: str, plane: ControlPlane) -> Reached:
    """What a proxy has let through until now; `logs` is a pattern for the names of the models' logs."""
    text = envoy(proxy, "stats?format=json&filter=epp-service.*(upstream_rq|tx_bytes)_total$")
    stats = [(stat["name"], stat["value"]) for stat in json.loads(text)["stats"]]
    lines = [line for log in plane.processes.logs.glob(logs) for line in log.read_text(errors="replace").splitlines()]
    asked = [json.loads(line) for line in lines if line.startswith('{"method"')]
    own = ("/health", "/metrics")  # of kubelet and picker
    return Reached(
        sum(value for name, value in stats if name.endswith("rq_total")),
        sum(value for name, value in stats if name.endswith("bytes_total")),
        len([a for a in asked if a["path"] not in own or a["method"] != "GET"]),
    )


@contextmanager
def memory_of(program: str) -> Iterator[list[int]]:
    """The resident memory of the only process of a program in MB, over and over."""
    process = only_process(program)

    def now() -> int:
        return process.memory_info().rss // 10**6

    megabytes, done = [now()], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            megabytes.append(now())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield megabytes
    finally:
        done.set()
        thread.join()
