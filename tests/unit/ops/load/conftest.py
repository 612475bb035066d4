"""A gateway that a load can ask."""

from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from ops.load.endpoint import Endpoint
from sandbox.programs import model_server, vllm_flags
from tests.support.loads import PLACE, Gateway


@pytest.fixture
def serve() -> Iterator[Callable[..., Endpoint]]:
    """Starts a gateway of this kind; where it answers."""
    servers: list[ThreadingHTTPServer] = []

    def start(**kind: Any) -> Endpoint:
        args = vllm_flags.parse(["serve", "/mnt/models", "--port=0", "--host=127.0.0.1"])
        server = model_server.Server(args, type("Kind", (Gateway,), kind))
        server.server_activate()
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return Endpoint(PLACE, f"http://127.0.0.1:{server.server_address[1]}", "/mnt/models")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
