"""Plain Envoy as Istio's own build shows itself: `python -m sandbox.programs.istio_proxy ENVOY ARGUMENTS`.

Istio's build counts requests itself (`istio_requests_total`,
https://istio.io/latest/docs/reference/config/metrics/), and pilot-agent gives its metrics out on port 15090. Here they
are counted by what Envoy writes into its access log, if that is JSON with `route`, `status` and `flags`, as the program
has it; to which Service a route leads, Envoy's administration says. Without such a log nothing is counted.

Left out: labels about the source but its name and namespace, about a destination's workload, and those of a Telemetry;
histograms. The signals that it gets are Envoy's, and so is its exit code.
"""

import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple

from .envoy import ADMIN_PORT

PORT, PATH = 15090, "/stats/prometheus"
ROUTES = "/config_dump?resource=dynamic_route_configs"
UNKNOWN = "unknown"
LEAST_SECONDS = 1
"""Between two questions which routes there are."""


class Destination(NamedTuple):
    """A Service."""

    service: str
    name: str
    namespace: str


NOWHERE = Destination(UNKNOWN, UNKNOWN, UNKNOWN)


def destination(cluster: str) -> Destination:
    """The Service of a cluster as istiod names them: `outbound|PORT|SUBSET|HOST`."""
    found = re.fullmatch(r"outbound\|\d*\|[^|]*\|(([^.]+)\.([^.]+)\.svc\..+)", cluster)
    return Destination(*found.groups()) if found else NOWHERE


def destinations(dump: Mapping[str, Any]) -> dict[str, Destination]:
    """Where the routes of a configuration lead, by their names."""
    found: dict[str, Destination] = {}
    for config in dump.get("configs", []):
        for host in config.get("route_config", {}).get("virtual_hosts", []):
            for route in host.get("routes", []):
                found[route.get("name", "")] = destination(route.get("route", {}).get("cluster", ""))
    return found


def ask(path: str) -> str:
    """What Envoy's administration answers; nothing while it does not."""
    connection = HTTPConnection("127.0.0.1", ADMIN_PORT, timeout=5)
    with suppress(OSError, HTTPException):
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    return ""


class Requests:
    """How many requests went where, and how they ended."""

    def __init__(self, ask: Callable[[str], str] = ask) -> None:
        self._ask, self._lock = ask, Lock()
        self._counts = Counter[tuple[Destination, str, str]]()
        self._routes: dict[str, Destination] = {}
        self._asked = -float(LEAST_SECONDS)

    def read(self, line: bytes) -> None:
        """Count what a line tells of, if it is one of the access log."""
        try:
            said = json.loads(line)
            route, ended = said["route"] or "", (str(said["status"]), str(said["flags"] or "-"))
        except (ValueError, KeyError, TypeError):
            return
        where = self._where(route)
        with self._lock:
            self._counts[where, *ended] += 1

    def _where(self, route: str) -> Destination:
        if route not in self._routes and time.monotonic() - self._asked >= LEAST_SECONDS:
            self._asked = time.monotonic()
            with suppress(ValueError):
                self._routes = destinations(json.loads(self._ask(ROUTES)))
        return self._routes.get(route, NOWHERE)

    def text(self) -> str:
        """In Prometheus' text format."""
        lines = ["# TYPE istio_requests_total counter"]
        with self._lock:
            for (to, code, flags), number in self._counts.items():
                labels = {
                    "reporter": "source",
                    "source_workload": os.environ.get("ISTIO_META_WORKLOAD_NAME", UNKNOWN),
                    "source_workload_namespace": os.environ.get("POD_NAMESPACE", UNKNOWN),
                    "destination_service": to.service,
                    "destination_service_name": to.name,
                    "destination_service_namespace": to.namespace,
                    "request_protocol": "http",
                    "response_code": code,
                    "response_flags": flags,
                }
                told = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
                lines.append(f"istio_requests_total{{{told}}} {number}")
        return "".join(f"{line}\n" for line in lines)


def serve(requests: Requests) -> ThreadingHTTPServer:
    """Give out Envoy's metrics, and what is counted here."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path.partition("?")[0] == PATH
            body = (requests.text() + ask(PATH)).encode() if known else b""
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        def server_bind(self) -> None:
            """Without a look-up of the host's name, as no name server answers."""
            socketserver.TCPServer.server_bind(self)

    server = Server(("", PORT), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def main(command: list[str]) -> int:
    """Run Envoy, and count what it logs, until it ends; its exit code."""
    requests = Requests()
    serve(requests)
    envoy = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: envoy.send_signal(got))
    assert envoy.stdout is not None  # noqa: S101 - for the type checker
    for line in envoy.stdout:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        requests.read(line)
    return envoy.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
