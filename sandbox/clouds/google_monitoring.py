"""What Cloud Monitoring refuses of dashboards, alerts, channels and uptime checks.

Refused are: an alert without a condition, with a condition that asks nothing or is of no kind or of two, with PromQL
that is empty or has brackets left open, asked at another interval than whole half minutes, with documentation that is
too long or a channel that is not there; a channel of a kind that is not known here, or of mail without an address; a
dashboard that is no JSON, without a layout, with a widget of a kind that there is none of, a tile outside of the grid
or on another one; an uptime check of nothing, without a host or a path, more often than once a minute, or from fewer
than three places. The words are ours but for the first line. Refused as well is a cluster whose `monitoringConfig`
names no components, which Google takes, and measures nothing of it
(https://github.com/terraform-google-modules/terraform-google-kubernetes-engine/issues/1786).

Left out: whether a metric exists, whether PromQL is right beyond its brackets, limits of numbers, and all that these
objects do: nothing is measured and nobody is told. The kinds of widgets are those of
https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards#Widget.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from .calls import Props
from .google_kinds import ALERT, CHANNEL, CLUSTER, DASHBOARD, UPTIME_CHECK
from .inventory import CloudError, Inventory, Item

CONDITIONS = {
    *("conditionThreshold", "conditionAbsent", "conditionMatchedLog", "conditionMonitoringQueryLanguage"),
    *("conditionPrometheusQueryLanguage", "conditionSql"),
}
LABELS = {
    "email": "email_address",
    "pagerduty": "service_key",
    "pubsub": "topic",
    "slack": "channel_name",
    "sms": "number",
    "webhook_basicauth": "url",
    "webhook_tokenauth": "url",
}
"""Kinds of channels that are known here, and what each has to say."""
WIDGETS = {
    *("xyChart", "scorecard", "text", "blank", "alertChart", "timeSeriesTable", "collapsibleGroup", "logsPanel"),
    *("incidentList", "pieChart", "treemap", "errorReportingPanel", "sectionHeader", "singleViewGroup"),
}
LAYOUTS = {"gridLayout", "mosaicLayout", "rowLayout", "columnLayout"}
MOST_COLUMNS = 48
MOST_CHARACTERS = 8192
"""Of documentation."""
PLACES = {
    "USA": 3,
    "USA_OREGON": 1,
    "USA_IOWA": 1,
    "USA_VIRGINIA": 1,
    "EUROPE": 1,
    "SOUTH_AMERICA": 1,
    "ASIA_PACIFIC": 1,
}
"""How many places each region of uptime checks has."""


def refuse_monitoring(inventory: Inventory, item: Item) -> None:
    """Refuse what Cloud Monitoring would refuse."""
    said: dict[str, Callable[[], Iterator[str]]] = {
        ALERT: lambda: _alert(inventory, item.inputs),
        CHANNEL: lambda: _channel(item.inputs),
        DASHBOARD: lambda: _dashboard(item.inputs),
        UPTIME_CHECK: lambda: _uptime_check(item.inputs),
        CLUSTER: lambda: _cluster(item.inputs),
    }
    for problem in said.get(item.kind, lambda: iter(()))():
        raise CloudError(f"googleapi: Error 400: Request contains an invalid argument.\n{problem}")


def _cluster(inputs: Props) -> Iterator[str]:
    said = inputs.get("monitoringConfig")
    if said and not said.get("enableComponents"):
        yield "a cluster of which nothing is measured: monitoringConfig without enableComponents"


def _alert(inventory: Inventory, inputs: Props) -> Iterator[str]:
    conditions = inputs.get("conditions", [])
    if not conditions:
        yield "an alert policy without a condition"
    for condition in conditions:
        kinds = CONDITIONS & {key for key, value in condition.items() if value}
        if len(kinds) != 1 or not condition.get("displayName"):
            yield f"a condition needs a name and one kind, and has {sorted(kinds)}"
        if promql := condition.get("conditionPrometheusQueryLanguage"):
            yield from _promql(promql)
        if (threshold := condition.get("conditionThreshold")) and not threshold.get("filter"):
            yield "a threshold of nothing: no filter"
    if len(inputs.get("documentation", {}).get("content", "")) > MOST_CHARACTERS:
        yield f"documentation of more than {MOST_CHARACTERS} characters"
    own = {channel.id for channel in inventory.find(CHANNEL)}
    for name in inputs.get("notificationChannels", []):
        if name not in own and name not in inventory.outside:
            yield f"there is no notification channel {name}"


def _promql(condition: Props) -> Iterator[str]:
    query, interval = condition.get("query", ""), condition.get("evaluationInterval", "30s")
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", query)
    if not bare.strip() or any(bare.count(a) != bare.count(b) for a, b in ("()", "{}", "[]")) or '"' in bare:
        yield f"no PromQL: {query}"
    if not re.fullmatch(r"[0-9]+s", interval) or int(interval[:-1]) % 30 or interval == "0s":
        yield f"an evaluation interval of {interval}, which is no multiple of 30 seconds"


def _channel(inputs: Props) -> Iterator[str]:
    label = LABELS.get(inputs.get("type", ""))
    if label is None:
        yield f"there is no channel of type {inputs.get('type')}"
    elif not (inputs.get("labels") or {}).get(label):
        yield f"a channel of type {inputs['type']} without {label}"


def _dashboard(inputs: Props) -> Iterator[str]:
    try:
        board = json.loads(inputs["dashboardJson"])
    except ValueError:
        yield "a dashboard that is no JSON"
        return
    if not board.get("displayName") or len(LAYOUTS & board.keys()) != 1:
        yield "a dashboard needs a name and one layout"
    for widget in _widgets(board):
        if len(kinds := widget.keys() - {"title", "id", "visibilityCondition"}) != 1 or not kinds <= WIDGETS:
            yield f"a widget needs one kind, and has {sorted(kinds)}"
    if mosaic := board.get("mosaicLayout"):
        yield from _mosaic(mosaic)


def _widgets(value: Any) -> Iterator[Props]:
    """Every widget below a layout."""
    if isinstance(value, dict):
        if isinstance(value.get("widget"), dict):
            yield value["widget"]
        for inner in value.values():
            yield from _widgets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _widgets(inner)


def _mosaic(mosaic: Props) -> Iterator[str]:
    columns, tiles = mosaic.get("columns", 0), mosaic.get("tiles", [])
    if not 1 <= columns <= MOST_COLUMNS:
        yield f"a mosaic of {columns} columns, and there may be 1 to {MOST_COLUMNS}"
    places = [(t.get("xPos", 0), t.get("yPos", 0), t.get("width", 0), t.get("height", 0)) for t in tiles]
    for x, y, width, height in places:
        if min(x, y) < 0 or min(width, height) < 1 or x + width > columns:
            yield f"a tile outside of the grid, at {x}, {y}"
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(places, 2):
        if x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h:
            yield f"two tiles at {x2}, {y2}"


def _uptime_check(inputs: Props) -> Iterator[str]:
    resource = inputs.get("monitoredResource") or {}
    if resource.get("type") == "uptime_url" and not resource.get("labels", {}).get("host"):
        yield "an uptime check without a host"
    checks = [check for key in ("httpCheck", "tcpCheck", "syntheticMonitor") if (check := inputs.get(key)) is not None]
    if len(checks) != 1 or not (resource or inputs.get("resourceGroup") or inputs.get("syntheticMonitor")):
        yield "an uptime check needs something to ask, and one way to ask it"
    if not inputs.get("httpCheck", {"path": "/"}).get("path", "/").startswith("/"):
        yield "an uptime check whose path does not begin with a slash"
    if inputs.get("period", "300s") not in ("60s", "300s", "600s", "900s"):
        yield f"an uptime check every {inputs['period']}, and there are 60s, 300s, 600s and 900s"
    regions = inputs.get("selectedRegions") or ["USA", "EUROPE", "SOUTH_AMERICA", "ASIA_PACIFIC"]
    if unknown := set(regions) - PLACES.keys():
        yield f"there is no region {sorted(unknown)[0]}"
    elif sum(PLACES[region] for region in regions) < 3:
        yield f"an uptime check from fewer than three places: {regions}"
