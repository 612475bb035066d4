"""How tests ask vLLM's stand-in."""

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import openai

from sandbox.programs import model_server

SERVE = ["serve", "/mnt/models"]
NAMES = ["/mnt/models", "Qwen/Qwen2.5-3B-Instruct"]
CHAT: dict[str, Any] = {"model": NAMES[0], "messages": [{"role": "user", "content": "What is a TPU?"}]}
Serve = Callable[..., model_server.Server]


def openai_client(server: model_server.Server, key: str = "unused") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_address[1]}/v1", api_key=key, max_retries=0)


def ask(
    server: model_server.Server, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of one request; a body that is no text is sent as JSON."""
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    data = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
    connection.request(method, path, data, {"content-type": "application/json"} | headers)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
