"""Stands in for an API server, for what only reads: lists and logs that a test gives, over plain HTTP.

It refuses a request without the token, answers 404 for a list that it was not given, as for an API that is not
installed, and 403 for what the test forbids. It selects by the equality of a label or of a field, and refuses other
selectors. `trouble` are the statuses that its next answers have, or `HANG_UP`. A list ends at its `limit`, with the
mark that there is more, which is not to be had. Left out: everything else. It watches nothing.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "of-a-reader"  # noqa: S105 - a test's
HANG_UP = 0


def _field(thing: Any, path: str) -> Any:
    for key in path.split("."):
        thing = thing.get(key, {})
    return thing or ""


def _selected(things: list[Any], query: dict[str, str]) -> list[Any] | None:
    """The objects that a query selects, or nothing if it is none that is known here."""
    label, field = query.get("labelSelector", ""), query.get("fieldSelector", "")
    if any(one and one.count("=") != 1 for one in (label, field)):
        return None
    if label:
        key, _, value = label.partition("=")
        things = [one for one in things if one["metadata"].get("labels", {}).get(key) == value]
    if field:
        path, _, value = field.partition("=")
        things = [one for one in things if _field(one, path) == value]
    return things


class ApiServer:
    """Lists by their path, the text of logs by theirs, and the paths of which it wants to say nothing."""

    def __init__(self, lists: Mapping[str, list[Any]], logs: Mapping[str, str], forbidden: tuple[str, ...]) -> None:
        self.lists, self.logs, self.forbidden = lists, logs, forbidden
        self.asked: list[str] = []
        self.trouble: list[int] = []
        self.port = 0

    def answer(self, path: str, query: dict[str, str], token: str) -> tuple[int, str]:
        """Status and body."""
        self.asked.append(path)
        if token != f"Bearer {TOKEN}":
            return 401, "Unauthorized"
        if path.startswith(self.forbidden):
            return 403, "forbidden"
        if path in self.logs:
            return 200, self.logs[path]
        if path not in self.lists:
            return 404, "404 page not found"
        found = _selected(self.lists[path], query)
        if found is None:
            return 400, "unable to parse requirement"
        limit = int(query.get("limit", len(found)))
        return 200, json.dumps({"metadata": {"continue": "more"} if found[limit:] else {}, "items": found[:limit]})

    def kubeconfig(self, token: str = TOKEN) -> dict[str, Any]:
        """The way to it."""
        return {
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }


@contextmanager
def api_server(
    lists: Mapping[str, list[Any]], logs: Mapping[str, str] = {}, *, forbidden: tuple[str, ...] = ()
) -> Iterator[ApiServer]:
    """A server of these, until the end."""
    served = ApiServer(lists, logs, forbidden)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            status, body = served.answer(url.path, dict(parse_qsl(url.query)), self.headers.get("Authorization", ""))
            if served.trouble:
                status, body = served.trouble.pop(0), "in trouble"
            if status == HANG_UP:
                return
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()
