"""What the simulated Cloud Monitoring makes of alerts, dashboards, channels and uptime checks, and what it refuses."""

import json
from typing import Any

import pytest

from sandbox.clouds.google_kinds import ALERT, CHANNEL, DASHBOARD, SERVICE, UPTIME_CHECK
from sandbox.clouds.inventory import CloudError
from tests.support.google_project import Project

PROMQL = {"query": 'up{a="(",b=~"x|y"} > 0', "evaluationInterval": "60s"}
CONDITION = {"displayName": "c", "conditionPrometheusQueryLanguage": PROMQL}
INPUTS: dict[str, dict[str, Any]] = {
    ALERT: {"displayName": "a", "combiner": "OR", "conditions": [CONDITION]},
    CHANNEL: {"type": "email", "labels": {"email_address": "a@example.com"}},
    UPTIME_CHECK: {
        "displayName": "u",
        "monitoredResource": {"type": "uptime_url", "labels": {"project_id": "p", "host": "a.example.com"}},
        "httpCheck": {"path": "/health"},
        "period": "60s",
        "timeout": "10s",
        "selectedRegions": ["USA"],
    },
}
TILE = {"width": 2, "height": 2, "widget": {"title": "t", "text": {"content": "x"}}}


def board(*tiles: dict[str, Any], columns: int = 4, **more: Any) -> dict[str, str]:
    """A dashboard of tiles."""
    return {
        "dashboardJson": json.dumps(
            {"displayName": "d", "mosaicLayout": {"columns": columns, "tiles": list(tiles)}} | more
        )
    }


@pytest.fixture
def monitoring(project: Project) -> Project:
    """A project that has the API on."""
    project.create(SERVICE, service="monitoring.googleapis.com")
    return project


@pytest.mark.parametrize("kind", INPUTS)
def test_without_its_api_there_is_none(project: Project, kind: str) -> None:
    with pytest.raises(CloudError, match=r"monitoring\.googleapis\.com API has not been used in project p"):
        project.create(kind, **INPUTS[kind])


def test_names_are_googles_own(monitoring: Project) -> None:
    for kind, path in (
        (ALERT, "alertPolicies"),
        (CHANNEL, "notificationChannels"),
        (UPTIME_CHECK, "uptimeCheckConfigs"),
    ):
        first, second = (monitoring.create(kind, **INPUTS[kind])["name"] for _ in range(2))
        assert first != second
        assert first.startswith(f"projects/p/{path}/")
    check = monitoring.create(UPTIME_CHECK, **INPUTS[UPTIME_CHECK])
    assert check["uptimeCheckId"] == check["name"].rsplit("/", 1)[1]


def test_alert_tells_a_channel_that_is_there(monitoring: Project) -> None:
    channel = monitoring.create(CHANNEL, **INPUTS[CHANNEL])["name"]
    assert monitoring.create(ALERT, **INPUTS[ALERT], notificationChannels=[channel])["notificationChannels"] == [
        channel
    ]
    with pytest.raises(CloudError, match="there is no notification channel projects/p/notificationChannels/9"):
        monitoring.create(ALERT, **INPUTS[ALERT], notificationChannels=["projects/p/notificationChannels/9"])


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        (ALERT, {"conditions": []}, "without a condition"),
        (ALERT, {"conditions": [{"displayName": "c"}]}, r"has \[\]"),
        (ALERT, {"conditions": [CONDITION | {"conditionAbsent": {"filter": "x"}}]}, "one kind"),
        (ALERT, {"conditions": [CONDITION | {"displayName": ""}]}, "needs a name"),
        (
            ALERT,
            {"conditions": [CONDITION | {"conditionPrometheusQueryLanguage": PROMQL | {"query": "sum(x"}}]},
            "no PromQL",
        ),
        (
            ALERT,
            {"conditions": [CONDITION | {"conditionPrometheusQueryLanguage": PROMQL | {"query": 'x{a="b}'}}]},
            "no PromQL",
        ),
        (
            ALERT,
            {"conditions": [CONDITION | {"conditionPrometheusQueryLanguage": PROMQL | {"evaluationInterval": "45s"}}]},
            "multiple of 30 seconds",
        ),
        (ALERT, {"conditions": [{"displayName": "c", "conditionThreshold": {"duration": "60s"}}]}, "no filter"),
        (ALERT, {"documentation": {"content": "x" * 8193}}, "more than 8192 characters"),
        (CHANNEL, {"type": "pigeon"}, "no channel of type pigeon"),
        (CHANNEL, {"labels": {}}, "without email_address"),
        (UPTIME_CHECK, {"monitoredResource": {"type": "uptime_url", "labels": {"project_id": "p"}}}, "without a host"),
        (UPTIME_CHECK, {"httpCheck": None}, "one way to ask"),
        (UPTIME_CHECK, {"httpCheck": {"path": "health"}}, "begin with a slash"),
        (UPTIME_CHECK, {"period": "30s"}, "every 30s"),
        (UPTIME_CHECK, {"selectedRegions": ["EUROPE"]}, "fewer than three places"),
        (UPTIME_CHECK, {"selectedRegions": ["MOON", "USA"]}, "no region MOON"),
    ],
)
def test_what_google_refuses_is_refused(monitoring: Project, kind: str, change: dict[str, Any], said: str) -> None:
    inputs = {key: value for key, value in (INPUTS[kind] | change).items() if value is not None}
    with pytest.raises(CloudError, match=said):
        monitoring.create(kind, **inputs)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"dashboardJson": "{"}, "no JSON"),
        ({"dashboardJson": '{"displayName": "d"}'}, "one layout"),
        (board(TILE, displayName=""), "needs a name"),
        (board(TILE, gridLayout={}), "one layout"),
        (board(TILE | {"widget": {"title": "t", "lineChart": {}}}), "one kind"),
        (board(TILE | {"widget": {"title": "t"}}), "one kind"),
        (board(TILE, columns=49), "49 columns"),
        (board(TILE | {"xPos": 3}), "outside of the grid"),
        (board(TILE | {"width": 0}), "outside of the grid"),
        (board(TILE, TILE | {"xPos": 1, "yPos": 1}), "two tiles at 1, 1"),
    ],
)
def test_dashboard_that_google_refuses_is_refused(monitoring: Project, inputs: dict[str, str], said: str) -> None:
    with pytest.raises(CloudError, match=said):
        monitoring.create(DASHBOARD, **inputs)


def test_dashboard_of_tiles_side_by_side_is_taken(monitoring: Project) -> None:
    tiles = board(TILE, TILE | {"xPos": 2}, TILE | {"yPos": 2})
    assert monitoring.create(DASHBOARD, **tiles)["dashboardJson"] == tiles["dashboardJson"]


def test_change_into_what_is_refused_is_refused(monitoring: Project) -> None:
    object_id, _ = monitoring.google.create(monitoring.call(ALERT), INPUTS[ALERT])
    with pytest.raises(CloudError, match="without a condition"):
        monitoring.google.update(monitoring.call(ALERT), object_id, INPUTS[ALERT] | {"conditions": []})


def test_cluster_that_is_told_what_to_read_and_not_what_to_measure_is_refused(project: Project) -> None:
    read = {"managedPrometheus": {"enabled": True}}
    with pytest.raises(CloudError, match="nothing is measured: monitoringConfig without enableComponents"):
        project.cluster(monitoringConfig=read)
    assert project.cluster(monitoringConfig={**read, "enableComponents": ["SYSTEM_COMPONENTS"]})
