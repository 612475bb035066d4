"""Who watches a stack: what is made in Cloud Monitoring, and what is not."""

import json
from typing import Any

import pytest

from infra.monitoring import policies
from infra.monitoring.alerts import ALERTS
from infra.settings.load import parse
from tests.support.dependencies import needs
from tests.support.program import UNKNOWN, Declared, Run
from tests.support.stack_settings import Values, stack

KIND = "gcp:monitoring/"
ON: Values = {"monitoring": True}
CHANNEL = "projects/my-project/notificationChannels/123"
MODEL = "tpu-inference.llm-d-inference-scheduling.qwen2-3b-pattern1"


def test_stack_that_is_not_watched_has_nothing_of_it(dev: Declared) -> None:
    assert [r.name for r in dev if r.type.startswith(KIND) or r.type.endswith("infra:Monitoring")] == []
    assert "monitoringConfig" not in dev.one("container/cluster:Cluster").inputs


def test_watched_stack_has_a_dashboard_alerts_and_a_check_of_each_model(run: Run) -> None:
    declared = run("dev", monitoring="true")
    made = [(r.type.split(":")[-1], r.name) for r in declared if r.type.startswith(KIND)]
    assert sorted(made) == sorted(
        [
            ("Dashboard", "tpu-inference"),
            *(("AlertPolicy", f"tpu-inference.{alert.name}") for alert in ALERTS),
            ("UptimeCheckConfig", MODEL),
            ("AlertPolicy", f"{MODEL}.EndpointDown"),
        ]
    )
    for r in declared:
        if r.type.startswith(KIND):
            assert r.request.parent.endswith("infra:Monitoring::tpu-inference")
            assert r.request.provider.split("::")[-2] == "google"
            assert "Service monitoring" in needs(declared, r)


def test_model_is_checked_once_it_is_up_and_all_else_is_watched_from_the_start(run: Run) -> None:
    declared = run(monitoring="true")
    up = "LLMInferenceService llm-d-inference-scheduling.qwen2-3b-pattern1"
    late = {r.name for r in declared if r.type.startswith(KIND) and up in needs(declared, r)}
    assert late == {MODEL, f"{MODEL}.EndpointDown"}


def test_cluster_collects_only_what_is_asked_for(run: Run) -> None:
    gke = run(monitoring="true").one("container/cluster:Cluster").inputs
    assert gke["monitoringConfig"] == {
        "managedPrometheus": {"enabled": True, "autoMonitoringConfig": {"scope": "NONE"}},
        "enableComponents": ["SYSTEM_COMPONENTS", "POD", "DEPLOYMENT"],
    }


def test_alert_has_its_query_about_this_cluster_and_whom_to_tell(run: Run) -> None:
    declared = run("staging", alertEmails=["a@example.com"], alertChannels=[CHANNEL])
    alert = declared.one("AlertPolicy", "tpu-inference.NoCapacity").inputs
    assert alert["notificationChannels"] == ["tpu-inference.a@example.com-1a2b3c4", CHANNEL]
    assert {key: alert[key] for key in ("displayName", "combiner", "severity", "alertStrategy", "documentation")} == {
        "displayName": "NoCapacity in staging",
        "combiner": "OR",
        "severity": "ERROR",
        "alertStrategy": {"autoClose": "3600s"},
        "documentation": {
            "content": "In stack staging, a Pod of a model or of the platform waits for a node.\n\nWhat it means and "
            "what to do is in the repository, docs/operations.md#nocapacity.",
            "mimeType": "text/markdown",
            "subject": "NoCapacity in staging",
        },
    }
    [condition] = alert["conditions"]
    assert condition["displayName"] == "a Pod of a model or of the platform waits for a node"
    assert condition["conditionPrometheusQueryLanguage"]["query"] == (
        'sum by (namespace, pod) (kube_pod_status_unschedulable{cluster="tpu-inference-1a2b3c4",'
        'namespace=~"llm-d-inference-scheduling|istio-system|istio-ingress|cert-manager|kserve|keda"}) > 0'
    )
    mail = declared.one("NotificationChannel").inputs
    assert (mail["type"], mail["labels"]) == ("email", {"email_address": "a@example.com"})
    assert mail["displayName"] == "tpu-inference staging: a@example.com"


def test_dashboard_is_this_clusters_with_what_a_token_costs(run: Run) -> None:
    board = json.loads(run(monitoring="true").one("monitoring/dashboard:Dashboard").inputs["dashboardJson"])
    assert board["displayName"] == "tpu-inference dev"
    text = json.dumps(board)
    assert 'cluster=\\"tpu-inference-1a2b3c4\\"' in text
    usd = run(monitoring="true").outputs["estimatedCost"]["usdPerHourRunning"]
    assert f"{usd:.4f} / (sum(rate(vllm:generation_tokens_total" in text


def test_health_is_asked_from_outside_and_judged(run: Run, phase: str) -> None:
    declared = run(monitoring="true")
    check = declared.one("UptimeCheckConfig").inputs
    assert check["displayName"] == "tpu-inference dev: llm-d-inference-scheduling/qwen2-3b-pattern1"
    host = UNKNOWN if phase == "preview" else "34.7.208.8"
    assert check["monitoredResource"] == {"type": "uptime_url", "labels": {"project_id": "my-project", "host": host}}
    assert (check["period"], check["timeout"]) == ("60s", "10s")
    assert check["selectedRegions"] == ["USA", "EUROPE", "ASIA_PACIFIC"]
    assert check["httpCheck"] == {
        "path": "/llm-d-inference-scheduling/qwen2-3b-pattern1/health",
        "port": 80,
        "requestMethod": "GET",
        "useSsl": False,
        "validateSsl": False,
    }
    down = declared.one("AlertPolicy", f"{MODEL}.EndpointDown").inputs
    assert down["severity"] == "CRITICAL"
    assert down["displayName"] == "EndpointDown in dev"
    if phase == "up":
        [condition] = down["conditions"]
        assert condition["displayName"] == "llm-d-inference-scheduling/qwen2-3b-pattern1 does not answer from outside"
        assert f'check_id = "{MODEL}-check"' in condition["conditionThreshold"]["filter"]


def test_host_is_the_name_where_there_is_one(run: Run) -> None:
    named = run(monitoring="true", tls="self-signed", hostname="llm.example.com").one("UptimeCheckConfig").inputs
    assert named["monitoredResource"]["labels"]["host"] == "llm.example.com"


@pytest.mark.parametrize(
    ("changes", "encrypted", "judged"),
    [
        ({}, False, False),
        ({"tls": "self-signed"}, True, False),
        ({"tls": "secret", "tlsSecret": "own", "hostname": "a.example.com"}, True, False),
        ({"tls": "lets-encrypt", "hostname": "a.example.com", "acmeEmail": "a@example.com"}, True, True),
    ],
)
def test_certificate_is_judged_where_everybody_trusts_it(changes: Values, encrypted: bool, judged: bool) -> None:
    settings = parse(stack(ON | changes))
    check = policies.http_check(settings.models[0], settings)
    shown = [check.get(key) for key in ("use_ssl", "validate_ssl", "port")]
    assert shown == [encrypted, judged, 443 if encrypted else 80]


def test_certificate_of_ones_own_is_watched_where_it_is_served() -> None:
    own = parse(stack(ON | {"tls": "secret", "tlsSecret": "own", "hostname": "a.example.com"}))
    place = "llm-d-inference-scheduling/qwen2-3b-pattern1"
    assert policies.of_checks(own.models[0], own) == {
        "EndpointDown": (f"{place} does not answer from outside", "CRITICAL"),
        "CertificateServedEnds": (f"the certificate in front of {place} ends in less than 14 days", "ERROR"),
    }
    signed = parse(stack(ON | {"tls": "self-signed"}))
    assert list(policies.of_checks(signed.models[0], signed)) == ["EndpointDown"]


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        ({"models[0].replicas": {"min": 1, "max": 2}, "tpuMaxNodes": 2}, True),
        ({"models[0].replicas": {"min": 0, "max": 1}}, False),
        ({"models[0].paused": True}, False),
        ({"allowedClients": ["198.51.100.0/24"]}, False),
    ],
    ids=str,
)
def test_health_of_a_model_is_asked_if_it_is_to_answer_at_all_times(changes: dict[str, Any], asked: bool) -> None:
    assert bool(policies.checked(parse(stack(ON | changes)))) is asked
