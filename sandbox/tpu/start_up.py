"""How long vLLM would compile while it starts, from the buckets that were compiled here.

It is an estimate, of the machine that compiled: a TPU host has another processor, compiles more (sampling, embeddings)
and may find all of it in its cache. `--json` writes it for whoever puts a start together.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .cases import Case
from .report import Row


class Estimate(NamedTuple):
    """Seconds of all steps' buckets, and of one of each kind that was measured."""

    seconds: float
    buckets: int
    measured: dict[int, float]


def _between(measured: dict[int, float], tokens: int) -> float:
    """Seconds of a bucket, on the line between the measured ones beside it."""
    below, above = max(n for n in measured if n <= tokens), min(n for n in measured if n >= tokens)
    if below == above:
        return measured[below]
    return measured[below] + (measured[above] - measured[below]) * (tokens - below) / (above - below)


def estimate(case: Case, rows: Sequence[Row]) -> Estimate | None:
    """What all buckets of a step take, or nothing if one that was to be compiled was not."""
    steps = [row for row in rows if row.program == "step"]
    if not steps or not all("memory" in row.answer for row in steps):
        return None
    measured = {row.tokens: float(row.answer["seconds"]) for row in steps}
    buckets = [tokens for tokens in case.token_buckets if tokens <= max(measured)]
    return Estimate(round(sum(_between(measured, n) for n in buckets), 1), len(buckets), measured)


def told(found: Estimate) -> str:
    """An estimate for people."""
    return f"vLLM compiles {found.buckets} buckets of steps while it starts, about {found.seconds:.0f} s here"


def described(title: str, case: Case, found: Estimate) -> dict[str, Any]:
    """An estimate for programs: seconds of this machine, by tokens of a step."""
    return {
        "title": title,
        "repository": case.repository,
        "slice": case.slice,
        "tensorParallelSize": case.tensor_parallel_size,
        "maxModelLen": case.max_model_len,
        "seconds": found.seconds,
        "buckets": found.buckets,
        "measured": {str(tokens): seconds for tokens, seconds in found.measured.items()},
    }
