"""A stack that is asked by a load generator, whose dashboard then shows it, and by fortio with and without gateway and
picker."""

import argparse
import json
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from infra.monitoring.alerts import rule_groups
from infra.platform.names import VLLM
from ops.load.measured import read
from ops.load.report import PICTURES
from sandbox.clouds.google_kinds import CLUSTER, DASHBOARD
from sandbox.cluster import collectors
from sandbox.cluster.control_plane import ClusterError, ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from sandbox.load import inside, overhead
from sandbox.load.overhead import DIRECT, WHOLE
from sandbox.load.up import Up
from tests.support.exporters import asked

pytestmark = pytest.mark.slow
STACK = {"monitoring": True}
OF_GKE = ("kubernetes_io:", "kube_")
"""Names of what GKE itself shows: state of Kubernetes, nodes and chips. Nothing here does."""
NOTHING_REFUSED = "pilot_total_xds_rejects"
"""Istiod shows it from the first configuration on that a proxy did not take."""


@pytest.fixture
def up(deployed: SandboxStack, plane: ControlPlane) -> Up:
    return Up(plane, deployed, "")


def told(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(home=tmp_path, output=tmp_path / "out", rounds=2, model="", base=None, concurrency=[1, 5])


def test_load_is_measured_drawn_and_can_be_true(up: Up, tmp_path: Path) -> None:
    assert inside.load(up, told(tmp_path))
    found = read(tmp_path / "out/report.json")
    assert [(stage.concurrency, stage.answered, stage.failed) for stage in found.stages] == [(1, 2, 0), (5, 10, 0)]
    assert len(found.bounds) == 2
    assert all(stage.rate(stage.answer_tokens) > 1 for stage in found.stages)
    for picture in PICTURES:
        assert (tmp_path / "out" / picture).read_text().startswith("<?xml")
    assert "cannot be true" not in (tmp_path / "out/report.md").read_text()


def test_gateway_and_picker_are_measured_against_the_stand_in(up: Up) -> None:
    rows, _ = overhead.measure(up, [1], 2)
    assert len(rows) == 5
    by_way = {row.way: row for row in rows}
    assert by_way[DIRECT].times[50] < by_way[WHOLE].times[50] < 1000


def found(promql: str) -> list[Any]:
    """What the stack's metrics answer, as Prometheus has them."""
    answer = httpx2.get(f"{collectors.URL}/api/v1/query", params={"query": promql}, trust_env=False).json()
    assert answer["status"] == "success", f"{promql}: {answer}"
    return answer["data"]["result"]


def drawn(stack: SandboxStack) -> list[str]:
    """The queries of the dashboard, as Cloud Monitoring was given it."""
    [made] = stack.inventory.find(DASHBOARD)
    widgets = [tile["widget"] for tile in json.loads(made.inputs["dashboardJson"])["mosaicLayout"]["tiles"]]
    charts = [widget["xyChart"] for widget in widgets if "xyChart" in widget]
    return [data["timeSeriesQuery"]["prometheusQuery"] for chart in charts for data in chart["dataSets"]]


def shown_by(promql: str, *names: str) -> bool:
    """Whether a query asks for a series whose name begins so."""
    return any(name.startswith(names) for name in asked(promql))


def fail_once(up: Up) -> None:
    """Ask for what there is not, and while there is no Pod."""
    client = up.client(10)
    assert client.http(f"{client.url}/v1/nothing")[0] == 404
    for pod in up.of_model(VLLM):
        meta = pod["metadata"]
        up.plane.kubectl("delete", "pod", meta["name"], f"--namespace={meta['namespace']}", "--wait=false")
    wait_until(lambda: not up.answers(), "completions without a Pod", 30, pause=0.1)
    wait_until(up.answers, "the model answers again", 120)


def test_every_chart_has_data_after_a_load_and_every_alert_can_be_asked(up: Up, tmp_path: Path) -> None:
    charts = drawn(up.stack)
    ours = [q for q in charts if not shown_by(q, *OF_GKE) and not shown_by(q, NOTHING_REFUSED)]
    assert len(ours) >= 30
    wait_until(partial(found, "up == 1"), "something is scraped", 60)
    fail_once(up)
    assert inside.load(up, told(tmp_path))

    def empty() -> list[str]:
        return [promql for promql in ours if not found(promql)]

    with suppress(ClusterError):
        wait_until(lambda: not empty(), "every chart has data", 60)
    assert empty() == []
    [cluster] = up.stack.inventory.find(CLUSTER)
    [group] = rule_groups(cluster=cluster.name, namespaces=[up.place[0]])["groups"]
    for rule in group["rules"]:
        found(rule["expr"])
