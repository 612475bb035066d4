"""The alerts as Prometheus itself reads them: that they are PromQL, and when they fire. They need `promtool` alone."""

import json
import subprocess
from collections.abc import Sequence
from itertools import accumulate, repeat
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bootstrap import watch
from infra.monitoring.alerts import rule_groups
from infra.platform.names import ISTIO_SYSTEM, KEDA, KSERVE, WARM_UP, deployment_of, picker_of
from sandbox.build import places

RULES = "rules.yaml"
HOURS = 7
MINUTES = HOURS * 60
POOL = "m-inference-pool-ip-1a2b3c4d"
LONGEST = f"{'m' * 38}-inference-po-ip-da3c7899"


def promtool(*arguments: str) -> None:
    """Runs it. What it says is in the failure."""
    ended = subprocess.run([places.BIN / "promtool", *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    assert ended.returncode == 0, ended.stdout + ended.stderr


def series(name: str, values: Sequence[float], **labels: str) -> dict[str, str]:
    """A time series with a value for each minute."""
    selected = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return {"series": f"{name}{{{selected}}}", "values": " ".join(f"{value:g}" for value in values)}


def answered(failing: Sequence[float], *, service: str = POOL, each_minute: float = 100) -> list[dict[str, str]]:
    """What the gateway counts that answers so many requests each minute, of which a share fails with a 503."""
    labels = {"cluster": "c", "reporter": "source", "destination_service_namespace": "demo"} | {
        "destination_service_name": service
    }
    good = accumulate(each_minute * (1 - share) for share in failing)
    bad = accumulate(each_minute * share for share in failing)
    return [
        series("istio_requests_total", list(good), **labels, response_code="200"),
        series("istio_requests_total", list(bad), **labels, response_code="503"),
    ]


def wanted(replicas: Sequence[int]) -> dict[str, str]:
    """How many Pods the model's Deployment wants."""
    return series("kube_deployment_spec_replicas", replicas, cluster="c", namespace="demo", deployment="m-kserve")


def deployment(name: str, *, wants: int, has: int, namespace: str = "demo") -> list[dict[str, str]]:
    """A Deployment that wants so many Pods all the time, and of which so many are available."""
    named = {"cluster": "c", "namespace": namespace, "deployment": name}
    return [
        series("kube_deployment_spec_replicas", lasts(wants), **named),
        series("kube_deployment_status_replicas_available", lasts(has), **named),
    ]


def since(minutes: int, value: float, before: float = 0) -> list[float]:
    """A value for the last minutes, another one before."""
    return [*repeat(before, MINUTES - minutes), *repeat(value, minutes + 1)]


def lasts(value: float) -> list[float]:
    """The same value all the time."""
    return since(MINUTES, value)


def first_tokens(slow: float) -> list[dict[str, str]]:
    """What vLLM counts, ten requests a minute, of which a share waits longer than the objective allows."""
    name, labels = "vllm:time_to_first_token_seconds", {"cluster": "c", "namespace": "demo", "model": "m"}
    counted = [10 * i for i in range(MINUTES + 1)]
    fast = [(1 - slow) * i for i in counted]
    return [series(f"{name}_count", counted, **labels), series(f"{name}_bucket", fast, **labels, le="2.5")]


class Case(NamedTuple):
    """What is measured for seven hours, and which alerts fire at the end."""

    says: str
    measured: list[dict[str, str]]
    firing: set[str]


CASES = [
    Case("all is well", answered(lasts(0)), set()),
    Case("a tenth fails since an hour and a quarter", answered(since(75, 0.1)), {"AvailabilityFast"}),
    Case("a tenth failed, and it is over", answered([*since(75, 0.1)[:-30], *repeat(0, 30)]), set()),
    Case("a twentieth fails all the time", answered(lasts(0.05)), {"AvailabilitySlow"}),
    Case("less fails than the objective allows", answered(lasts(0.004)), set()),
    Case("all of the few that ask fail", answered(lasts(1), each_minute=0.04), set()),
    Case("a model sleeps, and nobody asks", [*answered(lasts(1), each_minute=0), wanted([0] * (MINUTES + 1))], set()),
    Case(
        "a model is asked and sleeps on",
        [*answered(lasts(1), each_minute=1), wanted([0] * (MINUTES + 1))],
        {"NotWoken"},
    ),
    Case(
        "a model that fell asleep ten minutes ago is asked",
        [*answered(since(10, 1), each_minute=1), wanted([int(i) for i in since(10, 0, before=1)])],
        set(),
    ),
    Case(
        "a model woke half an hour ago, and its Pod starts",
        [*answered(since(120, 1)), wanted([int(i) for i in since(30, 1)])],
        set(),
    ),
    Case(
        "a model that may sleep is awake, and all fails",
        [*answered(since(120, 1)), wanted([int(i) for i in since(90, 1)])],
        {"AvailabilityFast"},
    ),
    Case(
        "a model that never sleeps fails",
        [*answered(since(75, 0.1)), wanted([1] * (MINUTES + 1))],
        {"AvailabilityFast"},
    ),
    Case("a model is paused", answered(lasts(1), service="m-paused"), set()),
    Case("nobody knows where requests go", answered(lasts(1), service="unknown"), set()),
    Case("four of five wait", first_tokens(0.8), {"FirstTokenFast", "FirstTokenSlow"}),
    Case("two of five wait", first_tokens(0.4), {"FirstTokenSlow"}),
    Case("one of 25 waits", first_tokens(0.04), set()),
    Case(
        "the autoscaler's operator restarts",
        [
            series(
                "kubernetes_io:container_restart_count",
                [i // 8 for i in range(MINUTES + 1)],
                cluster_name="c",
                namespace_name=KEDA,
                pod_name="p",
                container_name="operator",
            )
        ],
        {"Restarting"},
    ),
    Case(
        "a Pod waits for a node",
        [series("kube_pod_status_unschedulable", since(25, 1), cluster="c", namespace="demo", pod="p")],
        {"NoCapacity"},
    ),
    Case(
        "a Pod waits for a node, but not for long",
        [series("kube_pod_status_unschedulable", since(15, 1), cluster="c", namespace="demo", pod="p")],
        set(),
    ),
    Case(
        "a Pod of the platform waits for a node",
        [series("kube_pod_status_unschedulable", since(25, 1), cluster="c", namespace=ISTIO_SYSTEM, pod="istiod-1")],
        {"NoCapacity"},
    ),
    Case(
        "a Job asks for a TPU node before there is a model",
        [series("kube_pod_status_unschedulable", since(25, 1), cluster="c", namespace=WARM_UP, pod="v6e-4-holder")],
        set(),
    ),
    Case("all replicas answer", deployment(deployment_of("m"), wants=2, has=2), set()),
    Case("a replica is missing", deployment(deployment_of("m"), wants=2, has=1), {"ReplicasMissing"}),
    Case(
        "KServe's controller is down",
        deployment("llmisvc-controller-manager", wants=1, has=0, namespace=KSERVE),
        {"ReplicasMissing"},
    ),
    Case("a Deployment of somebody else is down", deployment("other", wants=1, has=0, namespace="default"), set()),
    Case("of two endpoint pickers one leads", deployment(picker_of("m"), wants=2, has=1), set()),
    Case("no endpoint picker leads", deployment(picker_of("m"), wants=2, has=0), {"ReplicasMissing"}),
    Case("no endpoint picker is wanted", deployment(picker_of("m"), wants=0, has=0), set()),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file of the rules, which is YAML as JSON is."""
    (tmp_path / RULES).write_text(json.dumps(rule_groups(cluster="c", namespaces=["demo"])))
    return tmp_path


def test_prometheus_takes_the_alerts_as_rules(folder: Path) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(folder / RULES))


def judged(folder: Path, measured: list[dict[str, str]], label: str, found: set[str]) -> None:
    """That after seven hours of what is measured alerts fire with these values of a label, one each, and no others."""
    expected = [{"labels": f'{{{label}="{value}"}}', "value": 1} for value in found]
    asked = f'sum by ({label}) (ALERTS{{alertstate="firing"}})'
    answers(folder, measured, "1m", {"expr": asked, "eval_time": f"{MINUTES}m", "exp_samples": expected})


def answers(folder: Path, measured: list[dict[str, str]], interval: str, query: dict[str, Any]) -> None:
    """That a query finds what it should in what is measured at this interval."""
    test = {"interval": interval, "input_series": measured, "promql_expr_test": [query]}
    file = folder / "test.yaml"
    file.write_text(json.dumps({"rule_files": [RULES], "evaluation_interval": interval, "tests": [test]}))
    promtool("test", "rules", str(file))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_alert_fires_when_it_should_and_else_is_silent(folder: Path, case: Case) -> None:
    judged(folder, case.measured, "alertname", case.firing)


@pytest.mark.parametrize(("service", "model"), [(POOL, "m"), (LONGEST, "m" * 38)], ids=lambda value: value)
def test_alert_says_which_model_fails(folder: Path, service: str, model: str) -> None:
    judged(folder, answered(since(75, 0.1), service=service), "model", {model})


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize(("hours", "told"), [(0, False), (52, False), (55, True), (320, True), (340, False)])
def test_drift_that_nobody_looked_at_is_told_after_two_nights_and_not_for_ever(
    folder: Path, hours: int, told: bool, flat: bool
) -> None:
    """Thirty days, in which somebody looked each night until so many hours ago; since then the count is there, or not,
    as Google Cloud says nothing of which it is."""
    last = 30 * 24 - hours
    counted = [str((hour - last % 24) // 24) for hour in range(last + 1)]
    counted += [counted[-1] if flat else "_"] * hours
    nightly = {"series": f'{watch.TAKEN}{{email_id="drift-prod"}}', "values": " ".join(counted)}
    drift_is_told(folder, [nightly], told=told)


def test_drift_that_nobody_ever_looked_at_is_not_told(folder: Path) -> None:
    drift_is_told(folder, [], told=False)


def drift_is_told(folder: Path, measured: list[dict[str, str]], *, told: bool) -> None:
    samples = [{"labels": "{}", "value": 1}] if told else []
    asked = f"count({watch.query('drift-prod')})"
    answers(folder, measured, "1h", {"expr": asked, "eval_time": "720h", "exp_samples": samples})
