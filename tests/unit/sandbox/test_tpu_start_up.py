"""The estimate of what vLLM compiles while it starts."""

from typing import Any

from sandbox.tpu import report, start_up
from tests.support.tpu_cases import MEMORY, case


def row(tokens: int, seconds: float, **answer: Any) -> report.Row:
    return report.Row("step", tokens, {"seconds": seconds, "memory": MEMORY} | answer, good=True, verdict="compiles")


def test_buckets_between_those_that_were_compiled_are_taken_to_lie_on_a_line() -> None:
    found = start_up.estimate(case(), [row(16, 4.0), row(256, 19.0), row(2048, 33.0)])

    below = [4 + 15 * (tokens - 16) / 240 for tokens in (16, 32, 64, 128, 256)]
    above = [19 + 14 * (tokens - 256) / 1792 for tokens in (512, 1024, 2048)]
    assert found is not None
    assert (found.seconds, found.buckets) == (round(sum(below + above), 1), 8)


def test_nothing_is_estimated_of_what_does_not_compile() -> None:
    refused = report.Row("step", 256, {"seconds": 1.0, "error": "no"}, good=False, verdict="refused")

    assert start_up.estimate(case(), [row(16, 4.0), refused]) is None
    assert start_up.estimate(case(), []) is None
