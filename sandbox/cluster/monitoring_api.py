"""The query API of Managed Service for Prometheus, at the name where it answers, in front of the real Prometheus.

`https://monitoring.googleapis.com/v1/projects/PROJECT/location/global/prometheus/api/v1/...`, by GET and by POST
(https://cloud.google.com/stackdriver/docs/managed-prometheus/query-api-ui). It refuses who has no token of the metadata
server, who asks for another project or was granted no role (`sandbox.clouds.monitoring`), and every path but those of
`PATHS`. What Prometheus answers, errors of a query among them, is passed on.

Left out: Google evaluates queries itself, with small differences; that its metrics come up to some seconds later;
quotas; Cloud Monitoring's own metrics, and all of its other API.
"""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import httpx2

from sandbox.clouds import monitoring
from sandbox.clouds.inventory import Inventory
from sandbox.clouds.monitoring import Refusal

from .collectors import URL, Collectors
from .internet import Internet
from .metadata_server import Tokens

HOST = "monitoring.googleapis.com"
PATHS = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/location/global/prometheus"
    r"(?P<path>/api/v1/(query|query_range|series|labels|label/[a-zA-Z_:][a-zA-Z0-9_:]*/values))"
)
SECONDS = 30
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Answer = tuple[int, bytes]


class MonitoringApi:
    """The API of the projects of an inventory."""

    def __init__(self, inventory: Inventory, tokens: Tokens, collectors: Collectors) -> None:
        self._inventory, self._tokens, self._collectors = inventory, tokens, collectors

    def answer(self, path: str, authorization: str, body: bytes | None) -> Answer:
        """Status and body for a path with its query; one with a body came by POST."""
        asked = urlsplit(path)
        found = PATHS.fullmatch(asked.path)
        if not found:
            return _refused(Refusal(404, "NOT_FOUND", f"{asked.path} is no path of the query API"))
        with self._inventory.lock:
            refusal = monitoring.refusal(self._inventory, found["project"], self._tokens.account(authorization))
        if refusal:
            return _refused(refusal)
        return self._asked(f"{URL}{found['path']}?{asked.query}", body)

    def _asked(self, url: str, body: bytes | None) -> Answer:
        """What Prometheus answers."""
        method = "GET" if body is None else "POST"
        try:
            answer = httpx2.request(method, url, content=body, headers=FORM, timeout=SECONDS, trust_env=False)
        except httpx2.HTTPError as error:
            problem = self._collectors.problem or f"nothing is collected: {error}"
            return _refused(Refusal(503, "UNAVAILABLE", problem))
        if answer.status_code == 503:  # in words, while it starts
            return _refused(Refusal(503, "UNAVAILABLE", f"Prometheus says: {answer.text}"))
        return answer.status_code, answer.content


def _refused(refusal: Refusal) -> Answer:
    return refusal.code, json.dumps({"error": refusal._asdict()}).encode()


@contextmanager
def serve(api: MonitoringApi, internet: Internet) -> Iterator[None]:
    """Let the API answer at its name."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply(None)

        def do_POST(self) -> None:
            self.reply(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def reply(self, body: bytes | None) -> None:
            status, said = api.answer(self.path, self.headers.get("Authorization", ""), body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    host = internet.host(HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host.certificate, host.key)
    with ThreadingHTTPServer((host.address, 443), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        Thread(target=server.serve_forever, name="monitoring", daemon=True).start()
        yield
        server.shutdown()
