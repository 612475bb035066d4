"""The metadata server of GKE's nodes, which gives a Pod tokens of its service account, by plain HTTP.

A Pod is known by its address. The tokens are good for what asks `account` whose one is: here that is Cloud Monitoring.
It refuses what does not say `Metadata-Flavor: Google`, who is no Pod, and every path but those of `answer`
(https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#metadata_server).

NetworkPolicies take effect on what Pods open to it (`policy_filter`). Left out: a service account of Google's for whom
a Pod acts, by the annotation on its own; nodes without Workload Identity, whose Pods would get the node's tokens;
identity tokens; port 8080 of older clients.
"""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

from sandbox.api_client import Json
from sandbox.clouds.monitoring import Account, Place

from .addresses import METADATA
from .isolation import publish

NAME = "metadata.google.internal"
LIFETIME_SECONDS = 3600
ROOT = "/computeMetadata/v1"
FLAVOR = "Metadata-Flavor"


class Tokens:
    """The access tokens that were given out, each until its end."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._given: dict[str, tuple[Account, float]] = {}

    def give(self, account: Account) -> str:
        """A new token."""
        token = f"ya29.c.{secrets.token_urlsafe(32)}"
        with self._lock:
            self._given[token] = account, time.monotonic() + LIFETIME_SECONDS
        return token

    def account(self, authorization: str) -> Account | None:
        """Whose token a header `Authorization` has, if it has a good one."""
        scheme, _, token = authorization.partition(" ")
        with self._lock:
            account, end = self._given.get(token, (None, 0.0))
        return account if scheme.lower() == "bearer" and time.monotonic() < end else None


class MetadataServer:
    """The server of all nodes. `place` is the cluster, as long as there is one."""

    def __init__(self, pods: Callable[[], list[Json]], tokens: Tokens) -> None:
        self._pods, self._tokens = pods, tokens
        self.place: Place | None = None

    def answer(self, path: str, flavor: str, client: str) -> tuple[int, str]:
        """Status and body."""
        if path == "/":
            return 200, "computeMetadata/\n"
        if flavor != "Google":
            return 403, f"Missing required header: {FLAVOR}\n"
        account, place = self._account(client), self.place
        if not account or not place:
            return 404, "not found: who asks is no Pod of the cluster\n"
        own = f"{ROOT}/instance/service-accounts/default"
        known = {
            f"{ROOT}/project/project-id": place.project,
            f"{ROOT}/instance/attributes/cluster-name": place.cluster,
            f"{ROOT}/instance/attributes/cluster-location": place.location,
            f"{own}/email": f"{place.project}.svc.id.goog",
        }
        if path == f"{own}/token":
            token = {"access_token": self._tokens.give(account), "expires_in": LIFETIME_SECONDS - 1}
            return 200, json.dumps({**token, "token_type": "Bearer"})
        return (200, known[path]) if path in known else (404, "not found\n")

    def _account(self, client: str) -> Account | None:
        """The service account of the Pod at an address."""
        for pod in self._pods():
            if pod["status"].get("podIP") == client and not pod["spec"].get("hostNetwork"):
                return Account(pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default"))
        return None


@contextmanager
def serve(metadata: MetadataServer) -> Iterator[None]:
    """Let it answer at its address and by its name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            status, body = metadata.answer(path, self.headers.get(FLAVOR, ""), self.client_address[0])
            self.send_response(status)
            self.send_header(FLAVOR, "Google")
            self.send_header("Content-Type", "application/json" if body[:1] == "{" else "application/text")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    subprocess.run(["ip", "address", "replace", f"{METADATA}/32", "dev", "lo"], check=True)  # noqa: S603, S607
    publish(NAME, METADATA)
    with ThreadingHTTPServer((METADATA, 80), Handler) as server:
        Thread(target=server.serve_forever, name="metadata", daemon=True).start()
        yield
        server.shutdown()
