"""Does a model answer as docs/api-access.md says, and nothing else? `python -m ops smoke --url BASE_URL`.

Every request of that page is made through the gateway, as plain HTTP and by the `openai` client, and so are requests
that must be refused: paths that are not published, another model's prefix, and what the endpoint picker turns down.

A key is sent only to an endpoint that asks for one: the variable that holds it may hold another service's.
"""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import openai
from rich.table import Table

from .console import console
from .error_code import ASLEEP, code
from .say import say

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
    """Requests to the model at `url`, each with at most `timeout` seconds, without a key unless `send_key` has one.

    Over HTTPS a server is spoken to only if an authority of `trusted` has signed its certificate, by default one that
    this machine trusts.
    """

    def __init__(self, url: str, timeout: float, trusted: ssl.SSLContext | bool = True) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.plain = httpx2.Client(timeout=timeout, verify=trusted)
        self.client = openai.OpenAI(
            base_url=f"{self.url}/v1",
            api_key="unused",
            timeout=timeout,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(verify=trusted),
        )

    def send_key(self, key: str) -> None:
        """Send this key from now on."""
        self.plain.headers["Authorization"] = f"Bearer {key}"
        self.client = self.client.with_options(api_key=key)

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

    def by_http(self, check: str, path: str, *expected: int, body: dict[str, Any] | None = None) -> Result:
        """A request below the base URL, and whether its status is an expected one."""
        status, seconds, text = self.http(self.url + path, body)
        wrong = f"not {' or '.join(map(str, expected))}: {text[:200]}"
        return Result(check, "http", status, seconds, "" if status in expected else wrong)

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

    def without_key(self, key: str, *, wanted: bool) -> Iterator[Result]:
        """Whether the endpoint asks for a key, and how; from then on it gets it. If `wanted`, it has to."""
        status, seconds, text = self.http(f"{self.url}/v1/models")
        if status != 401:
            if wanted:
                yield Result("no key is refused", "http", status, seconds, f"not 401: {text[:200]}")
            return
        problem = "" if key else "it wants a key: give one with --key, or in OPENAI_API_KEY"
        yield Result("no key is refused", "http", status, seconds, problem)
        yield self.by_http("health wants no key", "/health", 200)
        start = time.perf_counter()
        try:
            self.client.models.list()
            status, problem = 200, "not 401"
        except openai.AuthenticationError as refused:
            status, problem = (
                refused.status_code,
                "" if isinstance(refused.body, dict) else "not OpenAI's error in JSON",
            )
        except openai.APIError as failed:
            status, problem = getattr(failed, "status_code", 0), str(failed)[:200]
        yield Result("no key is refused", "openai", status, time.perf_counter() - start, problem)
        if key:
            self.send_key(key)

    def why_no_models(self, status: int, text: str) -> str:
        """What is wrong with a list of models that has none, by its status and body: it may sleep, or be paused."""
        if status == 503 and code(text) == ASLEEP:
            return "no Pod is ready: if it sleeps, a completion wakes it, which takes some minutes (docs/scaling.md)"
        if status == 503 and all(map(self.paused, ("/v1/models", "/health"))):
            name = self.url.rsplit("/", 1)[-1]
            return f"paused: `python -m ops resume {name} --stack STACK` starts it again (docs/cost.md)"
        return f"not 200 with models: {text[:200]}"

    def paused(self, path: str) -> bool:
        """Whether a path answers as those of a paused model do. A gateway that has too much to do says so in JSON."""
        try:
            answer = self.plain.get(self.url + path)
        except httpx2.HTTPError:
            return False
        busy = answer.headers.get("content-type", "").startswith("application/json")
        return answer.status_code == 503 and "retry-after" in answer.headers and not busy

    def run(self, model: str = "", key: str = "", *, wanted: bool = False) -> Iterator[Result]:
        """Every check; `model` is the name to ask for, by default the first of `/v1/models`.

        `key` is for an endpoint that asks for one; if `wanted`, this one has to.
        """
        refused = list(self.without_key(key, wanted=wanted))
        yield from refused
        if refused and not key:
            return
        status, seconds, text = self.http(f"{self.url}/v1/models")
        names = _names(text) if status == 200 else []
        problem = "" if names else self.why_no_models(status, text)
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
        # 403: the key may be for this model alone
        other = (404, 403) if refused else (404,)
        yield self.by_http("another model's prefix is not this model's", "-other/health", *other)
        if self.url.startswith("https://") and urlsplit(self.url).port is None:
            status, seconds, text = self.http(f"http{self.url.removeprefix('https')}/health")
            problem = "" if status == 301 else f"not 301: {text[:200]}"
            yield Result("plain HTTP leads to HTTPS", "http", status, seconds, problem)

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


def run(smoke: Smoke, model: str, key: str, *, wanted: bool) -> int:
    """Ask, print; the exit code."""
    table = Table("", "check", "client", "status", "latency", title=smoke.url)
    failed: list[Result] = []
    for result in smoke.run(model, key, wanted=wanted):
        failed += [result] if result.problem else []
        mark = "[red]failed[/]" if result.problem else "[green]ok[/]"
        latency = f"{result.seconds * 1000:.0f} ms"
        table.add_row(mark, result.check, result.client, str(result.status or "none"), latency)
    console().print(table)
    for result in failed:
        say(f"{result.check} ({result.client}): {result.problem}")
    return int(bool(failed))
