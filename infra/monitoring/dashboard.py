"""The dashboard of a stack, in the words of https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards.

It has nothing that is not in `QUERIES`, and nothing there is left out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from .queries import QUERIES, Query, filled

Json = dict[str, Any]

COLUMNS = 48
WIDTH, HEIGHT = COLUMNS // 3, 16
HEADING = 4
"""The layout is a grid of 48 columns; a row of it holds three charts."""


class Chart(NamedTuple):
    """A chart: its title, and the names of the queries that it draws."""

    title: str
    queries: tuple[str, ...]


SECTIONS: dict[str, tuple[Chart, ...]] = {
    "Requests": (
        Chart("Requests, by model", ("requests",)),
        Chart("Answered with a 5xx, by model", ("errors", "picker-errors")),
        Chart("Answered with a 4xx, by code", ("refused",)),
        Chart("Finished by vLLM, by reason", ("finished",)),
        Chart("Tokens", ("tokens-in", "tokens-out")),
        Chart("Share of failures", ("failed",)),
        Chart("Requests, by client", ("clients",)),
        Chart("Not answered well, by client and code", ("clients-errors",)),
    ),
    "Latency": (
        Chart("Time to the first token", ("first-token-p50", "first-token-p95", "first-token-p99")),
        Chart("Time per output token", ("output-token-p50", "output-token-p95", "output-token-p99")),
        Chart("Time in queue and in the endpoint picker, p95", ("queue-time-p95", "pick-time-p95")),
    ),
    "Load of vLLM": (
        Chart("Requests that run and wait", ("running", "waiting")),
        Chart("KV cache in use", ("kv-cache",)),
        Chart("Prompt tokens from the prefix cache", ("prefix-hits",)),
        Chart("Preemptions", ("preemptions",)),
    ),
    "TPU": (
        Chart("Duty cycle", ("duty-cycle",)),
        Chart("Tensor cores and bandwidth of memory", ("tensor-core", "hbm-bandwidth")),
        Chart("Memory (HBM)", ("hbm",)),
    ),
    "Capacity and cost": (
        Chart("Replicas: read, and known to the picker", ("replicas", "ready")),
        Chart("Replicas by node", ("nodes",)),
        Chart("Without a node, and missing", ("unschedulable", "missing")),
        Chart("Time from Pod to ready", ("start-time",)),
        Chart("Output tokens an hour, in millions", ("tokens-an-hour",)),
        Chart("Cost of a million output tokens", ("cost",)),
    ),
    "Platform": (
        Chart("Restarts", ("restarts",)),
        Chart("Proxies at istiod, and what they did not take", ("proxies", "rejected")),
        Chart("Time until certificates end", ("certificate",)),
    ),
}


def _widget(chart: Chart, asked: dict[str, Query], *, cluster: str, namespaces: Sequence[str]) -> Json:
    def drawn(query: Query) -> Json:
        promql = filled(query.promql, cluster=cluster, namespaces=namespaces)
        return {
            "timeSeriesQuery": {"prometheusQuery": promql, "unitOverride": query.unit},
            "plotType": "LINE",
            "targetAxis": "Y1",
        }

    queries = [asked[name] for name in chart.queries]
    return {
        "title": chart.title,
        "xyChart": {
            "dataSets": [drawn(query) for query in queries],
            "yAxis": {"label": "; ".join(query.says for query in queries), "scale": "LINEAR"},
        },
    }


def _tile(x: int, y: int, width: int, height: int, widget: Json) -> Json:
    """A tile. Cloud Monitoring gives a place of 0 back as none, which would be a change for ever
    (`stripMonitoringDashboardZeroTilePositions` in a later resource_monitoring_dashboard.go of
    terraform-provider-google than the one that is pinned)."""
    place = {key: value for key, value in (("xPos", x), ("yPos", y)) if value}
    return {**place, "width": width, "height": height, "widget": widget}


def _tiles(widgets: Iterable[tuple[str, Sequence[Json]]]) -> Iterator[Json]:
    """The tiles of the sections, one below the other."""
    y = 0
    for title, charts in widgets:
        heading = {"title": title, "sectionHeader": {"dividerBelow": True}}
        yield _tile(0, y, COLUMNS, HEADING, heading)
        y += HEADING
        for i, widget in enumerate(charts):
            row, column = divmod(i, COLUMNS // WIDTH)
            yield _tile(column * WIDTH, y + row * HEIGHT, WIDTH, HEIGHT, widget)
        y += -(-len(charts) // (COLUMNS // WIDTH)) * HEIGHT


def dashboard(title: str, *, cluster: str, namespaces: Sequence[str], cost: Query) -> Json:
    """The dashboard of the stack whose cluster has this name, with models in these namespaces; `cost` is what is drawn
    of a token's price."""
    asked = {**QUERIES, "cost": cost}
    sections = [
        (name, [_widget(chart, asked, cluster=cluster, namespaces=namespaces) for chart in charts])
        for name, charts in SECTIONS.items()
    ]
    return {"displayName": title, "mosaicLayout": {"columns": COLUMNS, "tiles": list(_tiles(sections))}}
