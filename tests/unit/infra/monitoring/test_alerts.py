"""What somebody is told of, and where it is explained."""

import re

import pytest

from infra.monitoring import policies
from infra.monitoring.alerts import (
    ALERTS,
    BURNS,
    CERTIFICATE_SERVED,
    ENDPOINT_DOWN,
    OBJECTIVES,
    Alert,
    entry,
    rule_groups,
)
from tests.support.pages import commands
from tests.support.program import Run
from tests.support.project import ROOT

BY_NAME = {alert.name: alert for alert in ALERTS}
UPTIME = (ENDPOINT_DOWN, CERTIFICATE_SERVED)
EVERY = {*BY_NAME, *UPTIME}


def test_burns_use_up_a_part_of_the_months_failures() -> None:
    """So much of 30 days within the long window: table 5-8 of the workbook of site reliability."""
    hours = {"1h": 1, "6h": 6}
    assert [round(burn.times * hours[burn.long] / (30 * 24), 3) for burn in BURNS] == [0.02, 0.05]
    assert all(burn.times * (1 - objective.good) < 1 for burn in BURNS for objective in OBJECTIVES)


def test_rules_of_prometheus_say_the_same() -> None:
    [group] = rule_groups(cluster="c", namespaces=["a", "b"])["groups"]
    assert (group["name"], group["interval"]) == ("stack", "60s")
    assert [rule["alert"] for rule in group["rules"]] == [alert.name for alert in ALERTS]
    rules = {rule["alert"]: rule for rule in group["rules"]}
    assert rules["NoCapacity"] == {
        "alert": "NoCapacity",
        "expr": 'sum by (namespace, pod) (kube_pod_status_unschedulable{cluster="c",namespace=~"a|b|istio-system|'
        'istio-ingress|cert-manager|kserve|keda"}) > 0',
        "for": "1200s",
        "labels": {"severity": "ERROR"},
        "annotations": {
            "summary": "a Pod of a model or of the platform waits for a node",
            "runbook_url": "docs/operations.md#nocapacity",
        },
    }
    assert "for" not in rules["Restarting"]


@pytest.mark.parametrize("name", sorted(EVERY))
def test_name_is_one_that_prometheus_takes(name: str) -> None:
    assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name)


def entries() -> dict[str, str]:
    """The text of each alert's entry, by its name."""
    text = (ROOT / "docs/operations.md").read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
    named = re.split(r"^### (\w+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(named[::2], named[1::2], strict=True))


def test_every_alert_has_its_entry_and_every_entry_its_alert() -> None:
    assert sorted(entries()) == sorted(EVERY)
    for name, text in entries().items():
        assert entry(name) == f"docs/operations.md#{name.lower()}"
        assert "**It means**" in text, name
        assert "**Do**" in text, name


@pytest.mark.parametrize("name", ["AvailabilityFast", ENDPOINT_DOWN])
def test_who_is_told_of_a_model_that_is_down_first_looks_whether_it_is_starting(name: str) -> None:
    """As after each planned replacement; what is taken back then is started anew."""
    first = entries()[name].split("**Do** ")[1]
    assert first.startswith("run `.venv/bin/python -m ops status --stack NAME`")
    assert "`starting`" in first


def test_replacement_of_a_model_snoozes_the_alerts_that_it_would_open(run: Run) -> None:
    [policies] = [c.text for c in commands("docs/operations.md") if "policies list" in c.text]
    snoozed = set(re.findall(r'display_name="([^"]+)"', policies))
    there = {r.inputs["displayName"] for r in run("dev", monitoring="true") if r.type.endswith(":AlertPolicy")}
    assert snoozed == {name for name in there if name.startswith(("Availability", "EndpointDown"))}


def test_who_is_told_reads_where_it_is_explained() -> None:
    assert policies.documentation("NoCapacity", "a Pod waits", "prod") == {
        "content": (
            "In stack prod, a Pod waits.\n\nWhat it means and what to do is in the repository, "
            "docs/operations.md#nocapacity."
        ),
        "mime_type": "text/markdown",
        "subject": "NoCapacity in prod",
    }


def test_promql_is_asked_each_minute_also_of_what_nobody_shows_yet() -> None:
    alert = Alert("Name", "says", 'x{cluster="CLUSTER",namespace=~"MODELS"} > 1', 90, "ERROR")
    assert policies.promql(alert, cluster="c", namespaces=["a", "b"]) == {
        "condition_prometheus_query_language": {
            "query": 'x{cluster="c",namespace=~"a|b"} > 1',
            "evaluation_interval": "60s",
            "alert_rule": "Name",
            "rule_group": "stack",
            "disable_metric_validation": True,
            "duration": "90s",
        }
    }
    at_once = policies.promql(alert._replace(seconds=0), cluster="c", namespaces=[])
    assert "duration" not in at_once["condition_prometheus_query_language"]


def minutes(name: str) -> int:
    """How long a condition on an uptime check has to hold."""
    [condition] = policies.on_check(name, "id").values()
    return int(condition["duration"].removesuffix("s")) // 60


def test_table_says_how_long_it_lasts_until_each_alert_opens() -> None:
    """The last value alone is compared, however long the alignment; only the duration makes it last."""
    told = {alert.name: alert.seconds // 60 for alert in ALERTS} | {name: minutes(name) for name in UPTIME}
    text = (ROOT / "docs/monitoring.md").read_text().split("\n## Alerts\n")[1]
    rows = re.findall(r"^\| ([A-Z][\w, ]+) \|.*\| (at once|\d+ min) \| [A-Z, ]+ \|$", text, re.MULTILINE)
    after = {
        name: 0 if when == "at once" else int(when.split()[0]) for names, when in rows for name in names.split(", ")
    }
    assert after == told
    assert (told[ENDPOINT_DOWN], told[CERTIFICATE_SERVED]) == (20, 60)


@pytest.mark.parametrize(
    ("name", "metric", "reducer", "compared"),
    [
        (ENDPOINT_DOWN, "check_passed", "REDUCE_COUNT_FALSE", ("COMPARISON_GT", 1, "1200s")),
        (CERTIFICATE_SERVED, "time_until_ssl_cert_expires", "REDUCE_MEAN", ("COMPARISON_LT", 14, "3600s")),
    ],
)
def test_uptime_checks_are_judged_as_the_console_does(
    name: str, metric: str, reducer: str, compared: tuple[str, int, str]
) -> None:
    comparison, threshold, duration = compared
    assert policies.on_check(name, "id-1") == {
        "condition_threshold": {
            "filter": (
                f'resource.type = "uptime_url" AND metric.type = "monitoring.googleapis.com/uptime_check/{metric}" AND '
                'metric.labels.check_id = "id-1"'
            ),
            "comparison": comparison,
            "threshold_value": threshold,
            "duration": duration,
            "trigger": {"count": 1},
            "aggregations": [
                {
                    "alignment_period": "1200s",
                    "per_series_aligner": "ALIGN_NEXT_OLDER",
                    "cross_series_reducer": reducer,
                    "group_by_fields": ["resource.label.*"],
                }
            ],
        }
    }
