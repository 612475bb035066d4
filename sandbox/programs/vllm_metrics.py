"""The metrics of `vllm serve`, in Prometheus' text format, as far as autoscaling, dashboards and the picker read them.

Names, labels and buckets are in `vllm_metrics.json`, with their source. Every series is there from the beginning, as in
vLLM. Left out: all other metrics of vLLM, those of its HTTP server and of Python, lines of help, and the tokens of an
answer that is broken off.
"""

import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

FACTS: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())
CACHE = "cache_config_info"


@dataclass
class Times:
    """When a request came, when it was scheduled, and when its first token was there; of a clock that only runs on."""

    arrival: float = field(default_factory=time.monotonic)
    scheduled: float = 0.0
    first: float = 0.0


class Metrics:
    """What one engine counts of the model of this name; several threads may."""

    def __init__(self, model: str) -> None:
        self._model, self._lock = model, Lock()
        self._counts = Counter[tuple[str, str]]()
        self._sums = Counter[str]()
        self._below = {name: Counter[float]() for name in FACTS["histograms"]}

    def count(self, name: str, number: float, reason: str = "") -> None:
        """Add to a counter; only requests that have ended have a reason."""
        with self._lock:
            self._counts[name, reason] += number  # pyright: ignore[reportArgumentType] - tokens are whole numbers

    def observe(self, name: str, seconds: float, times: int = 1) -> None:
        """Add to a histogram, so many times."""
        with self._lock:
            bounds = [*FACTS["buckets"][FACTS["histograms"][name]], math.inf]
            self._below[name][next(bound for bound in bounds if seconds <= bound)] += times
            self._sums[name] += seconds * times  # pyright: ignore[reportArgumentType]

    def prefilled(self, times: Times, tokens: int, answers: int) -> None:
        """The prompts of a request have been computed, of so many tokens, and its answers begin."""
        self.count("prompt_tokens", tokens)
        self.observe("time_to_first_token_seconds", times.first - times.arrival, answers)

    def finished(self, times: Times, tokens: int, answers: int, reason: str) -> None:
        """A request has ended, with so many answers of so many tokens each."""
        now, gaps = time.monotonic(), max(tokens - 1, 0)
        decode = now - times.first
        each = decode / gaps if gaps else 0.0
        self.count("generation_tokens", tokens * answers)
        self.count("request_success", answers, reason)
        if gaps:
            self.observe("inter_token_latency_seconds", each, gaps * answers)
        spans = {
            "request_time_per_output_token_seconds": each,
            "e2e_request_latency_seconds": now - times.arrival,
            "request_queue_time_seconds": times.scheduled - times.arrival,
            "request_prefill_time_seconds": times.first - times.scheduled,
            "request_decode_time_seconds": decode,
            "request_inference_time_seconds": now - times.scheduled,
        }
        for name, seconds in spans.items():
            self.observe(name, seconds, answers)

    def text(self, said: Mapping[str, float], cache: Mapping[str, int]) -> str:
        """All of it, with what somebody else counts or sees, and what is known of the cache."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines(said, cache))

    def _lines(self, said: Mapping[str, float], cache: Mapping[str, int]) -> Iterator[str]:
        for name in FACTS["gauges"]:
            yield f"# TYPE vllm:{name} gauge"
            yield self._sample(name, said.get(name, 0))
        yield f"# TYPE vllm:{CACHE} gauge"
        yield _sample(CACHE, 1, engine="0", **{name: str(number) for name, number in cache.items()})
        for name, labels in FACTS["counters"].items():
            yield f"# TYPE vllm:{name}_total counter"
            for reason in FACTS["reasons"] if labels else [""]:
                told = {labels[0]: reason} if labels else {}
                yield self._sample(f"{name}_total", said.get(name, self._counts[name, reason]), **told)
        for name, buckets in FACTS["histograms"].items():
            yield from self._histogram(name, [*FACTS["buckets"][buckets], math.inf])

    def _histogram(self, name: str, bounds: list[float]) -> Iterator[str]:
        yield f"# TYPE vllm:{name} histogram"
        total = list(itertools.accumulate(self._below[name][bound] for bound in bounds))
        for bound, number in zip(bounds, total, strict=True):
            yield self._sample(f"{name}_bucket", number, le="+Inf" if bound == math.inf else str(float(bound)))
        yield self._sample(f"{name}_count", total[-1])
        yield self._sample(f"{name}_sum", self._sums[name])

    def _sample(self, name: str, value: float, **labels: str) -> str:
        return _sample(name, value, engine="0", model_name=self._model, **labels)


def _sample(name: str, value: float, **labels: str) -> str:
    told = ",".join(f"{label}={json.dumps(text)}" for label, text in sorted(labels.items()))
    return f"vllm:{name}{{{told}}} {float(value)}"
