"""What came of a run: from inference-perf's summary, and from the metrics of each Pod."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

MEASURES_ROUTING = (
    "This measures routing, not a TPU: the Pods are stand-ins whose cache and speed are set, so compare the rows with "
    "one another and with nothing else."
)


class Measured(NamedTuple):
    """How a strategy did: the share of tokens of prompts that were found in a cache, seconds to the first token
    (median and 95th percentile), requests that failed, and how many each Pod has answered."""

    strategy: str
    hits: float
    median: float
    p95: float
    failed: int
    answered: tuple[int, ...]


def metric(text: str, name: str) -> float:
    """The sum of a metric's series in what a Pod says of itself, in Prometheus' text format."""
    return sum(map(float, re.findall(rf"^vllm:{re.escape(name)}{{[^}}]*}} (\S+)$", text, re.MULTILINE)))


def measured(strategy: str, summary: Mapping[str, Any], pods: Sequence[str]) -> Measured:
    """What inference-perf's summary_lifecycle_metrics.json and the Pods' metrics say."""
    queries = sum(metric(text, "prefix_cache_queries_total") for text in pods)
    first = summary["successes"]["latency"]["time_to_first_token"]
    return Measured(
        strategy,
        hits=sum(metric(text, "prefix_cache_hits_total") for text in pods) / queries,
        median=first["median"],
        p95=first["p95"],
        failed=summary["failures"]["count"],
        answered=tuple(sorted((int(metric(text, "request_success_total")) for text in pods), reverse=True)),
    )


def table(rows: Sequence[Measured]) -> Table:
    """The strategies, side by side."""
    shown = Table(title="Time to the first token in milliseconds", title_justify="left")
    shown.add_column("routing")
    for head in ("found in the cache", "median", "95th percentile", "requests of each Pod", "failed"):
        shown.add_column(head, justify="right")
    for row in rows:
        shown.add_row(
            row.strategy,
            f"{row.hits:.0%}",
            f"{row.median * 1000:.0f}",
            f"{row.p95 * 1000:.0f}",
            ", ".join(map(str, row.answered)),
            str(row.failed),
        )
    return shown
