"""Stages and reports of a load, as they would be of a stack that answers as it should."""

from datetime import UTC, datetime
from typing import Any

from ops.load.measured import Report, Spread, Stage
from ops.load.workload import Mix
from sandbox.programs import model_server
from tests.support.project import stack_file

MODEL = stack_file("dev")["models"][0]
PLACE = f"{MODEL['namespace']}/{MODEL['name']}"


class Gateway(model_server.Handler):
    """A model server that wants a key, if `key` is one, and answers completions with a page if there is one."""

    key, page, status = "", "", 200

    def route(self, path: str) -> None:
        if self.key and self.headers.get("authorization") != f"Bearer {self.key}":
            self.reply(401, {"error": {"message": "m"}})
        elif self.page and path.endswith("/completions"):
            self.reply(self.status, self.page, content_type="text/html")
        else:
            super().route(path)


def spread(median: float) -> Spread:
    """Times around a median, in seconds."""
    return Spread(mean=median, median=median, p95=2 * median, p99=3 * median)


def stage(concurrency: int = 1, **other: Any) -> Stage:
    """A stage of 20 requests for each that asks, whose answers have 100 tokens and take a second each."""
    requests = 20 * concurrency
    usual: dict[str, Any] = {
        "concurrency": concurrency,
        "requests": requests,
        "answered": requests,
        "failed": 0,
        "errors": {},
        "uncounted": 0,
        "shortest": 100,
        "seconds": 20.0,
        "prompt_tokens": 400.0 * requests,
        "answer_tokens": 100.0 * requests,
        "latency": spread(1.0),
        "first": spread(0.1),
    }
    return Stage(**{**usual, **other})


def report(**other: Any) -> Report:
    """A report of two stages on the dev stack."""
    usual: dict[str, Any] = {
        "made": datetime(2026, 11, 30, 12, 0, tzinfo=UTC),
        "stack": "dev",
        "model": "demo/qwen",
        "uri": "hf://Qwen/Qwen2.5-3B-Instruct",
        "generator": "inference-perf 0.7.0",
        "mix": Mix(),
        "pods": 1,
        "stages": [stage(1), stage(5)],
    }
    return Report(**{**usual, **other})


def told(**other: Any) -> dict[str, Any]:
    """What inference-perf 0.7.0 says of a stage of five at once, as far as it is read; seen in a run of it."""
    times = {"mean": 0.336, "min": 0.09, "max": 0.58, "median": 0.324, "p95": 0.532, "p99": 0.568}
    first = {"mean": 0.005, "min": 0.001, "max": 0.035, "median": 0.001, "p95": 0.017, "p99": 0.031}
    successes: dict[str, Any] = {
        "count": 24,
        "latency": {"request_latency": times, "time_to_first_token": first, "time_per_output_token": times},
        "prompt_tokens": {"total": 8500.0, "cached": 0.0, "uncached": 8500.0, "mean": 340.0, "min": 33.0},
        "output_tokens": {"total": 707.0, "mean": 28.28, "min": 7.0, "max": 52.0},
        "client_fallback_requests": {"prompt": 0, "output": 0},
    }
    failures = {"count": 1, "by_label": {"HTTP 503": {"count": 1, "messages": [{"message": "no healthy upstream"}]}}}
    return {
        "benchmark_time_seconds": 2.0,
        "load_summary": {"count": 25, "concurrency": 5},
        "successes": successes,
        "failures": failures,
        **other,
    }
