"""Does a model answer as docs/api-access.md says, and nothing else? `python -m ops smoke --url BASE_URL`.

Every request of that page is made through the gateway, as plain HTTP and by the `openai` client, and so are requests
that must be refused: paths that are not published, another model's prefix, and what the endpoint picker turns down.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx2
import openai
from rich.console import Console
from rich.table import Table

PROMPT = "What is the capital of France?"
MESSAGES: list[Any] = [{"role": "user", "content": PROMPT}]
MAX_TOKENS = 8


class Result(NamedTuple):
    """One request: what it asks, by which client, the HTTP status (0 for none), the time in seconds, and what is wrong
    with the answer, if anything is."""

    check: str
    client: str
    status: int
    seconds: float
    problem: str


class Smoke:
    """Requests to the model at `url`, each with at most `timeout` seconds."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.plain = httpx2.Client(timeout=timeout)
        self.client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="unused", timeout=timeout, max_retries=0)

    def http(self, url: str, body: dict[str, Any] | None = None) -> tuple[int, float, str]:
        """Status, seconds and body of a request; status 0 if there was no whole answer in time, and then why."""
        start = time.perf_counter()
        content = bytearray()
        try:
            with self.plain.stream("GET" if body is None else "POST", url, json=body) as answer:
                for chunk in answer.iter_bytes():
                    content += chunk
                    if time.perf_counter() - start > self.timeout:  # the client's own is for each read
                        raise httpx2.ReadTimeout(f"no end of the answer after {self.timeout:g} s")
            status, text = answer.status_code, content.decode(errors="replace")
        except httpx2.HTTPError as failed:
            status, text = 0, f"{type(failed).__name__}: {failed}"
        return status, time.perf_counter() - start, text

    def by_http(self, check: str, path: str, expected: int, *, body: dict[str, Any] | None = None) -> Result:
        """A request below the base URL, and whether its status is the expected one."""
        status, seconds, text = self.http(self.url + path, body)
        return Result(check, "http", status, seconds, "" if status == expected else f"not {expected}: {text[:200]}")

    def by_openai(self, check: str, ask: Callable[[], str]) -> Result:
        """A request of the `openai` client; `ask` returns what the model said."""
        start = time.perf_counter()
        try:
            said, status, problem = ask(), 200, ""
        except openai.APIStatusError as refused:
            said, status, problem = "", refused.status_code, str(refused)[:200]
        except openai.APIError as failed:
            said, status, problem = "", 0, str(failed)[:200]
        seconds = time.perf_counter() - start
        return Result(check, "openai", status, seconds, problem or ("" if said else "an empty answer"))

    def run(self, model: str = "") -> Iterator[Result]:
        """Every check; `model` is the name to ask for, by default the first of `/v1/models`."""
        status, seconds, text = self.http(f"{self.url}/v1/models")
        names = _names(text) if status == 200 else []
        problem = "" if names else f"not 200 with models: {text[:200]}"
        if names and model and model not in names:
            problem = f"no model {model}"
        yield Result("list models", "http", status, seconds, problem)
        if not names:
            return
        name = model or names[0]
        completion: dict[str, Any] = {"model": name, "max_tokens": MAX_TOKENS}

        yield self.by_http("health", "/health", 200)
        yield self.by_http("completion", "/v1/completions", 200, body={**completion, "prompt": PROMPT})
        yield self.by_http("chat", "/v1/chat/completions", 200, body={**completion, "messages": MESSAGES})

        yield from self._by_the_client(name)

        yield self.by_http("completion without prompt is refused", "/v1/completions", 400, body=completion)
        yield self.by_http("chat without messages is refused", "/v1/chat/completions", 400, body=completion)
        yield self.by_http("metrics are not published", "/metrics", 404)
        yield self.by_http("nothing below a path is published", "/health/x", 404)
        yield self.by_http("an unknown path is not published", "/v1/nothing", 404)
        yield self.by_http("another model's prefix is not this model's", "-other/health", 404)

    def _by_the_client(self, name: str) -> Iterator[Result]:
        """What the `openai` client is used for."""
        chat, complete = self.client.chat.completions, self.client.completions
        yield self.by_openai("list models", lambda: ", ".join(m.id for m in self.client.models.list()))
        yield self.by_openai(
            "completion", lambda: complete.create(model=name, prompt=PROMPT, max_tokens=MAX_TOKENS).choices[0].text
        )
        yield self.by_openai(
            "chat",
            lambda: chat.create(model=name, messages=MESSAGES, max_tokens=MAX_TOKENS).choices[0].message.content or "",
        )
        yield self.by_openai(
            "chat, streamed",
            lambda: "".join(
                chunk.choices[0].delta.content or ""
                for chunk in chat.create(model=name, messages=MESSAGES, max_tokens=MAX_TOKENS, stream=True)
                if chunk.choices
            ),
        )


def _names(text: str) -> list[str]:
    try:
        return [entry["id"] for entry in json.loads(text)["data"]]
    except (ValueError, KeyError, TypeError):
        return []


def run(url: str, model: str, timeout: float) -> int:
    """Ask, print; the exit code."""
    table = Table("", "check", "client", "status", "latency", title=url)
    failed: list[Result] = []
    for result in Smoke(url, timeout).run(model):
        failed += [result] if result.problem else []
        mark = "[red]failed[/]" if result.problem else "[green]ok[/]"
        latency = f"{result.seconds * 1000:.0f} ms"
        table.add_row(mark, result.check, result.client, str(result.status or "none"), latency)
    Console().print(table)
    for result in failed:
        print(f"{result.check} ({result.client}): {result.problem}", file=sys.stderr)
    return int(bool(failed))
