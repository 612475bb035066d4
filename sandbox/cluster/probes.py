"""How a kubelet asks a container whether it has started, is ready, is alive."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import grpc

SPEED = 10
"""By what all waiting in Pods is divided: delays and periods of probes, back-off, grace. Not a probe's timeout, and not
the delay of a liveness probe: programs start no faster here than elsewhere."""


class Probe:
    """One probe of a container, from the container's start: asks when it is time, and counts.

    `ports` are the container's named ones; `tell` is called with every problem.
    """

    def __init__(
        self,
        kind: str,
        spec: Mapping[str, Any] | None,
        *,
        address: str,
        ports: Mapping[str, int],
        tell: Callable[[str], None],
    ) -> None:
        self.kind = kind
        self._spec = spec or {}
        self._address, self._ports, self._tell = address, ports, tell
        self._seconds = self._spec.get("timeoutSeconds", 1)
        self._next = time.monotonic() + self._spec.get("initialDelaySeconds", 0) / (1 if kind == "liveness" else SPEED)
        self._good = self._bad = 0

    def poll(self) -> bool | None:
        """Whether it has now succeeded or failed as often as it takes; None if neither, or if it is not time."""
        if not self._spec:
            return True
        if time.monotonic() < self._next:
            return None
        problem = self._ask()
        self._next = time.monotonic() + self._spec.get("periodSeconds", 10) / SPEED
        if problem:
            self._good, self._bad = 0, self._bad + 1
            self._tell(f"{self.kind.capitalize()} probe failed: {problem}")
            return False if self._bad >= self._spec.get("failureThreshold", 3) else None
        self._good, self._bad = self._good + 1, 0
        return True if self._good >= self._spec.get("successThreshold", 1) else None

    def _ask(self) -> str | None:
        """What is wrong."""
        try:
            if "httpGet" in self._spec:
                return self._http(**self._spec["httpGet"])
            if "tcpSocket" in self._spec:
                where = (self._address, self._port(self._spec["tcpSocket"]["port"]))
                socket.create_connection(where, self._seconds).close()
                return None
            if "grpc" in self._spec:
                return self._grpc(**self._spec["grpc"])
        except (OSError, http.client.HTTPException) as error:
            return f"{self._address}: {error}"
        return "the sandbox runs no commands as probes"

    def _port(self, port: int | str) -> int:
        return port if isinstance(port, int) else self._ports[port]

    def _http(self, port: int | str, path: str = "/", scheme: str = "HTTP", **_: Any) -> str | None:
        connection = http.client.HTTPConnection(self._address, self._port(port), timeout=self._seconds)
        if scheme == "HTTPS":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as a kubelet does
            connection = http.client.HTTPSConnection(
                self._address, self._port(port), timeout=self._seconds, context=context
            )
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        finally:
            connection.close()
        return None if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"

    def _grpc(self, port: int, service: str = "") -> str | None:
        """By grpc.health.v1, whose two messages have one field each."""
        request = b"\x0a" + bytes([len(service)]) + service.encode() if service else b""
        with grpc.insecure_channel(f"{self._address}:{port}") as channel:
            try:
                answer = channel.unary_unary("/grpc.health.v1.Health/Check")(request, timeout=self._seconds)
            except grpc.RpcError as error:
                return f"{self._address}:{port}: {error}"
        return None if answer == b"\x08\x01" else 'service unhealthy (responded with "NOT_SERVING")'
