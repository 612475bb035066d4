"""Steady requests, what became of each, and how many were lost while something went on."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ops.smoke import Smoke

CLIENTS = 4
PAUSE = 0.1
"""Seconds between an answer and the next request of the same client."""
SECONDS = 15
"""How long a client waits for an answer."""
SHORT: dict[str, Any] = {"max_tokens": 4}
LONG: dict[str, Any] = {"max_tokens": 120, "ignore_eos": True, "stream": True}
"""More than two seconds of the stand-in's words: a proxy that does not wait for its answers cuts this off. Two of them,
one after the other, end within the grace period, which is shorter here than in a cluster, as words are not."""


class Request(NamedTuple):
    """When it was sent, when its answer had come or it was given up, in seconds of one clock, and what it got: the
    status, 0 if there was no whole answer, and then why."""

    sent: float
    ended: float
    status: int
    why: str = ""


class Outcome(NamedTuple):
    """Of requests in a span of time: how many were sent and lost, how long it took from the first lost one's sending to
    the last one's end, and what the lost ones got, how often."""

    sent: int
    lost: int
    seconds: float
    got: dict[str, int]


def outcome(requests: Iterable[Request], since: float, until: float) -> Outcome:
    """Of those under way at any moment of a span. One is lost if it has no answer with the status 200."""
    there = [request for request in requests if request.ended >= since and request.sent <= until]
    lost = [request for request in there if request.status != 200]
    seconds = max(request.ended for request in lost) - min(request.sent for request in lost) if lost else 0.0
    got = Counter(f"{request.status or 'none'} {request.why[:60]}".strip() for request in lost)
    return Outcome(len(there), len(lost), seconds, dict(got.most_common()))


class Traffic:
    """Clients that ask one after the other, each again as soon as it has its answer. Each keeps its connection.

    Every other one wants a long answer, word by word: what is cut off in the middle is lost as well.
    """

    def __init__(self, client: Callable[[], Smoke], model: str) -> None:
        self._client, self._asked = client, {"model": model, "prompt": "What is the capital of France?"}
        self._done: list[Request] = []
        self._end = threading.Event()

    @contextmanager
    def flowing(self, clients: int = CLIENTS) -> Iterator["Traffic"]:
        """Ask, until this is left and the last answers have come."""
        bodies = [self._asked | (LONG if n % 2 else SHORT) for n in range(clients)]
        threads = [threading.Thread(target=self._ask, args=(body,), name="client", daemon=True) for body in bodies]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._end.set()
            for thread in threads:
                thread.join()

    def _ask(self, body: dict[str, Any]) -> None:
        client = self._client()
        while not self._end.is_set():
            sent = time.monotonic()
            status, _, text = client.http(f"{client.url}/v1/completions", body)
            self._done.append(Request(sent, time.monotonic(), status, "" if status == 200 else text))
            self._end.wait(PAUSE)

    @property
    def requests(self) -> Sequence[Request]:
        """Those that have ended."""
        return tuple(self._done)
