"""What several tests of the sandbox start from."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import openai
import pytest

from sandbox.programs import model_server, vllm_flags
from tests.support.google_project import Project
from tests.support.model_server import NAMES, SERVE, Serve, openai_client


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def with_cluster(project: Project) -> Project:
    project.cluster()
    return project


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
