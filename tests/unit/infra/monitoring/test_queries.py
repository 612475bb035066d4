"""What is asked about a stack: each name and label is one that is there, and what is read is what is asked."""

import re
from pathlib import Path

import pytest
import yaml

from infra.models import metrics as of_models
from infra.monitoring import queries
from infra.monitoring.alerts import ALERTS, FIRST_TOKEN_SECONDS
from infra.monitoring.queries import QUERIES
from infra.platform import metrics as of_platform
from infra.releases import picker_plugins, pins
from infra.settings import flags
from infra.settings.model import MAX_NAME, RESERVED_NAMESPACES
from sandbox.programs.vllm_metrics import FACTS
from tests.support.exporters import asked, exporters, grouped, made, series

PROMQL = {name: query.promql for name, query in QUERIES.items()} | {alert.name: alert.promql for alert in ALERTS}
SYSTEM = "kubernetes_io:"
GOLDEN = Path(__file__).with_name("queries.yaml")
SCRAPED = {*of_models.OF_VLLM, *of_models.OF_PICKER, *of_platform.PROXY, *of_platform.ISTIOD, *of_platform.CERTIFICATES}


def whole(name: str) -> set[str]:
    """A series, and its histogram's others: one cannot be read without them."""
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    return {part for part in of_platform.histogram(base) if part in series()} or {name}


def test_lists_of_names_are_of_the_pinned_releases() -> None:
    releases = {name: exporter["release"] for name, exporter in exporters().items()}
    assert releases["vllm"] == flags.RELEASE
    assert releases["picker"] == picker_plugins.RELEASE
    assert releases["proxy"] == releases["istiod"] == pins.VERSIONS["Istio"]
    assert releases["cert-manager"] == pins.VERSIONS["cert-manager"]
    assert all(exporter["source"] for exporter in exporters().values())


@pytest.mark.parametrize("name", PROMQL)
def test_query_asks_for_what_somebody_shows(name: str) -> None:
    promql = PROMQL[name]
    assert asked(promql), promql
    for metric, labels in asked(promql).items():
        assert metric in series(), f"nobody shows {metric}"
        assert labels <= series()[metric], f"{metric} has no {labels - series()[metric]}"
    known = set.intersection(*(series()[metric] for metric in asked(promql)))
    assert grouped(promql) <= known | made(promql)


@pytest.mark.parametrize("name", PROMQL)
def test_query_is_about_one_cluster(name: str) -> None:
    for metric, labels in asked(PROMQL[name]).items():
        assert ("cluster_name" if metric.startswith(SYSTEM) else "cluster") in labels
    filled = queries.filled(PROMQL[name], cluster="c-1", namespaces=["b", "a"])
    assert "CLUSTER" not in filled
    assert "MODELS" not in filled
    assert '"c-1"' in filled


def test_all_that_is_read_is_asked_for_and_the_other_way_round() -> None:
    """Each sample costs; a query of what is not read shows nothing."""
    own = {name for promql in PROMQL.values() for name in asked(promql)}
    scraped = {name for name in own if not name.startswith((SYSTEM, "kube_"))}
    assert {part for name in scraped for part in whole(name)} == SCRAPED


def test_first_token_objective_ends_where_a_bucket_does() -> None:
    assert float(FIRST_TOKEN_SECONDS) in FACTS["buckets"][FACTS["histograms"]["time_to_first_token_seconds"]]


def test_queries_and_alerts_are_those_of_the_list() -> None:
    """`queries.yaml` has each as it is asked of a stack with cluster `c` and models in `a` and `b`."""

    def asked_of_it(promql: str) -> str:
        return queries.filled(promql, cluster="c", namespaces=["a", "b"])

    every = {**QUERIES, "cost": queries.cost(12.5)}
    told = {name: [query.says, asked_of_it(query.promql), query.unit] for name, query in every.items()}
    told |= {a.name: [a.says, asked_of_it(a.promql), f"{a.seconds} s", a.severity] for a in ALERTS}
    assert told == yaml.safe_load(GOLDEN.read_text())


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("qwen2-3b-pattern1-inference-pool-ip-1a2b3c4d", "qwen2-3b-pattern1"),
        ("qwen2-3b-pattern1-kserve-workload-svc", None),
        (f"{'m' * 37}-inference-poo-ip-1a2b3c4d", "m" * 37),
        (f"{'m' * 38}-inference-po-ip-da3c7899", "m" * 38),
        ("qwen2-3b-pattern1-paused", None),
        ("unknown", None),
    ],
)
def test_model_is_told_by_the_service_that_istio_sends_to_and_nothing_else_is_counted(
    name: str, model: str | None
) -> None:
    [selected] = re.findall(r'destination_service_name=~"([^"]+)"', queries.requests())
    [replaced] = re.findall(r'"destination_service_name", "([^"]+)"', queries.requests())
    for pattern in (selected, replaced):
        found = re.fullmatch(pattern, name)  # Prometheus anchors it
        assert (found and found[1]) == model


def test_service_of_the_longest_name_that_a_model_may_have_is_still_one_of_a_model() -> None:
    """Istiod cuts the pool's name before `-ip-` and eight digits, at 63 characters in all."""
    assert MAX_NAME == 38
    assert f"{'m' * MAX_NAME}-inference-pool"[: 63 - len("-ip-da3c7899")] == f"{'m' * 38}-inference-po"


@pytest.mark.parametrize("name", ["restarts", "missing", "unschedulable"])
def test_query_is_also_about_every_namespace_of_the_platform(name: str) -> None:
    patterns = set(re.findall(r'namespace(?:_name)?=~"([^"]+)"', QUERIES[name].promql))
    assert [set(pattern.split("|")) for pattern in patterns] == [
        {"MODELS"} | (RESERVED_NAMESPACES - {"default", "tpu-warm-up"})
    ]
