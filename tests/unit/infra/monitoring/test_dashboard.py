"""The dashboard of a stack."""

import json
from itertools import combinations
from typing import Any

from infra.monitoring import queries
from infra.monitoring.dashboard import SECTIONS, dashboard
from infra.monitoring.queries import QUERIES

COST = queries.cost(12.5)
BOARD = dashboard("tpu-inference prod", cluster="c-1", namespaces=["a", "b"], cost=COST)
TILES: list[dict[str, Any]] = BOARD["mosaicLayout"]["tiles"]
CHARTS = {tile["widget"]["title"]: tile for tile in TILES if "xyChart" in tile["widget"]}


def place(tile: dict[str, Any]) -> tuple[int, int, int, int]:
    return tile.get("xPos", 0), tile.get("yPos", 0), tile["width"], tile["height"]


def test_every_question_is_drawn() -> None:
    drawn = {name for charts in SECTIONS.values() for chart in charts for name in chart.queries}
    assert drawn == {*QUERIES, "cost"}


def test_charts_are_these() -> None:
    assert {section: {chart.title: chart.queries for chart in charts} for section, charts in SECTIONS.items()} == {
        "Requests": {
            "Requests, by model": ("requests",),
            "Answered with a 5xx, by model": ("errors", "picker-errors"),
            "Answered with a 4xx, by code": ("refused",),
            "Finished by vLLM, by reason": ("finished",),
            "Tokens": ("tokens-in", "tokens-out"),
            "Share of failures": ("failed",),
            "Requests, by client": ("clients",),
            "Not answered well, by client and code": ("clients-errors",),
        },
        "Latency": {
            "Time to the first token": ("first-token-p50", "first-token-p95", "first-token-p99"),
            "Time per output token": ("output-token-p50", "output-token-p95", "output-token-p99"),
            "Time in queue and in the endpoint picker, p95": ("queue-time-p95", "pick-time-p95"),
        },
        "Load of vLLM": {
            "Requests that run and wait": ("running", "waiting"),
            "KV cache in use": ("kv-cache",),
            "Prompt tokens from the prefix cache": ("prefix-hits",),
            "Preemptions": ("preemptions",),
        },
        "TPU": {
            "Duty cycle": ("duty-cycle",),
            "Tensor cores and bandwidth of memory": ("tensor-core", "hbm-bandwidth"),
            "Memory (HBM)": ("hbm",),
        },
        "Capacity and cost": {
            "Replicas: read, and known to the picker": ("replicas", "ready"),
            "Replicas by node": ("nodes",),
            "Without a node, and missing": ("unschedulable", "missing"),
            "Time from Pod to ready": ("start-time",),
            "Output tokens an hour, in millions": ("tokens-an-hour",),
            "Cost of a million output tokens": ("cost",),
        },
        "Platform": {
            "Restarts": ("restarts",),
            "Proxies at istiod, and what they did not take": ("proxies", "rejected"),
            "Time until certificates end": ("certificate",),
        },
    }


def test_sections_stand_below_one_another_with_three_charts_in_a_row() -> None:
    assert BOARD["displayName"] == "tpu-inference prod"
    assert BOARD["mosaicLayout"]["columns"] == 48
    headings = {
        t["widget"]["title"]: place(t) for t in TILES if t["widget"].get("sectionHeader") == {"dividerBelow": True}
    }
    assert headings == {
        "Requests": (0, 0, 48, 4),
        "Latency": (0, 52, 48, 4),
        "Load of vLLM": (0, 72, 48, 4),
        "TPU": (0, 108, 48, 4),
        "Capacity and cost": (0, 128, 48, 4),
        "Platform": (0, 164, 48, 4),
    }
    assert [place(CHARTS[name]) for name in ("Requests, by model", "Answered with a 5xx, by model")] == [
        (0, 4, 16, 16),
        (16, 4, 16, 16),
    ]
    assert place(CHARTS["Finished by vLLM, by reason"]) == (0, 20, 16, 16)
    assert place(CHARTS["Preemptions"]) == (0, 92, 16, 16)


def test_no_tile_lies_on_another_or_outside() -> None:
    for x, _, width, _ in map(place, TILES):
        assert x + width <= 48
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(map(place, TILES), 2):
        assert x2 >= x + w or x >= x2 + w2 or y2 >= y + h or y >= y2 + h2


def test_place_of_zero_is_left_out_as_it_is_not_given_back() -> None:
    assert not [tile for tile in TILES if 0 in (tile.get("xPos"), tile.get("yPos"))]


def test_chart_draws_its_queries_about_the_stack() -> None:
    chart = CHARTS["Requests that run and wait"]["widget"]["xyChart"]
    assert chart == {
        "dataSets": [
            {
                "timeSeriesQuery": {
                    "prometheusQuery": f'sum by (namespace, model) (vllm:num_requests_{state}{{cluster="c-1"}})',
                    "unitOverride": "1",
                },
                "plotType": "LINE",
                "targetAxis": "Y1",
            }
            for state in ("running", "waiting")
        ],
        "yAxis": {"label": "Requests that run; Requests that wait", "scale": "LINEAR"},
    }
    [drawn] = CHARTS["Duty cycle"]["widget"]["xyChart"]["dataSets"]
    assert 'namespace_name=~"a|b"' in drawn["timeSeriesQuery"]["prometheusQuery"]
    [cost] = CHARTS["Cost of a million output tokens"]["widget"]["xyChart"]["dataSets"]
    assert cost["timeSeriesQuery"]["prometheusQuery"].startswith("12.5000 / (sum(rate(")


def test_dashboard_is_one_that_fits_in_a_request() -> None:
    assert len(json.dumps(BOARD)) < 100_000
