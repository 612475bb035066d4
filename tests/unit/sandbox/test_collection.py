"""What managed collection makes of a PodMonitoring: Prometheus' scrape configuration, and what is wrong with one."""

import re
from typing import Any

import pytest

from sandbox.clouds.monitoring import Place
from sandbox.cluster import collection
from sandbox.cluster.collection import CollectionError

PLACE = Place("p", "europe-west4", "c")
META = "__meta_kubernetes_"
LABELS: dict[str, str] = {
    f"{META}namespace": "models",
    f"{META}pod_name": "qwen-7d9f-x2",
    f"{META}pod_ip": "10.4.1.9",
    f"{META}pod_phase": "Running",
    f"{META}pod_node_name": "node-1",
    f"{META}pod_label_app": "vllm",
    f"{META}pod_labelpresent_app": "true",
    f"{META}pod_labelpresent_pod_template_hash": "true",
    f"{META}pod_label_kserve_io_component": "workload",
    f"{META}pod_controller_kind": "ReplicaSet",
    f"{META}pod_controller_name": "qwen-7d9f",
    f"{META}pod_container_name": "main",
    f"{META}pod_container_port_name": "metrics",
    "__address__": "10.4.1.9:8000",
}
"""A Pod as Prometheus finds it, by one of its ports."""


def monitoring(kind: str = "PodMonitoring", *, endpoint: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    endpoints = [{"port": 8000, "interval": "30s", **(endpoint or {})}]
    meta = {"name": "qwen", **({"namespace": "models"} if kind == "PodMonitoring" else {})}
    return {"kind": kind, "metadata": meta, "spec": {"selector": {}, "endpoints": endpoints, **spec}}


def secret(namespace: str, name: str, key: str) -> str:
    return f"{namespace}/{name}/{key}"


def job(of: dict[str, Any], **how: Any) -> dict[str, Any]:
    [one] = collection.jobs(of, PLACE, secret, **how)
    return one


def relabelled(of: dict[str, Any], **labels: str) -> dict[str, str] | None:
    """The labels of a target, or nothing if it is none: Prometheus' rules, as far as they are used here."""
    found = {**LABELS, **labels}
    for rule in job(of)["relabel_configs"]:
        joined = ";".join(found.get(source, "") for source in rule.get("source_labels", []))
        matched = re.fullmatch(rule.get("regex", "(.*)"), joined)
        action = rule.get("action", "replace")
        if action == "replace" and matched:
            value = re.sub(r"\$(\d)", lambda group, matched=matched: matched[int(group[1])], rule["replacement"])
            found[rule["target_label"]] = value
        elif action == "labeldrop":
            found = {label: value for label, value in found.items() if not re.fullmatch(rule["regex"], label)}
        elif (action == "keep" and not matched) or (action == "drop" and matched):
            return None
    return {label: value for label, value in found.items() if label == "__address__" or not label.startswith("__")}


OF_CLUSTER = {"project_id": "p", "location": "europe-west4", "cluster": "c"}


def test_a_target_by_its_ports_number_has_the_labels_that_google_sets_and_no_container() -> None:
    default = {"metadata": ["container", "pod", "top_level_controller_name", "top_level_controller_type"]}
    assert relabelled(monitoring(targetLabels=default)) == {
        **OF_CLUSTER,
        "namespace": "models",
        "job": "qwen",
        "instance": "qwen-7d9f-x2:8000",
        "__address__": "10.4.1.9:8000",
        "pod": "qwen-7d9f-x2",
        "top_level_controller_name": "qwen",
        "top_level_controller_type": "Deployment",
    }


def test_a_port_that_no_container_declares_is_a_target_by_its_number() -> None:
    found = relabelled(monitoring(endpoint={"port": 9090}))
    assert found == {
        **OF_CLUSTER,
        "namespace": "models",
        "job": "qwen",
        "instance": "qwen-7d9f-x2:9090",
        "__address__": "10.4.1.9:9090",
    }


def test_a_target_by_its_ports_name_is_that_port_and_tells_its_container() -> None:
    named = monitoring(endpoint={"port": "metrics"}, targetLabels={"metadata": ["container", "node"]})
    found = relabelled(named)
    assert found is not None
    assert (found["instance"], found["container"], found["node"]) == ("qwen-7d9f-x2:metrics", "main", "node-1")
    assert found["__address__"] == "10.4.1.9:8000"
    assert relabelled(named, **{f"{META}pod_container_port_name": "http"}) is None


@pytest.mark.parametrize(
    ("kind", "name", "top", "top_type"),
    [
        ("StatefulSet", "db", "db", "StatefulSet"),
        ("Job", "copy", "copy", "Job"),
        ("Job", "nightly-29012345", "nightly", "CronJob"),
    ],
)
def test_a_target_tells_what_made_it(kind: str, name: str, top: str, top_type: str) -> None:
    labels = {"metadata": ["top_level_controller_name", "top_level_controller_type"]}
    controller = {f"{META}pod_controller_kind": kind, f"{META}pod_controller_name": name}
    found = relabelled(monitoring(targetLabels=labels), **controller)
    assert found is not None
    assert (found["top_level_controller_name"], found["top_level_controller_type"]) == (top, top_type)


def test_a_pod_of_a_daemon_set_is_known_by_its_node() -> None:
    found = relabelled(monitoring(), **{f"{META}pod_controller_kind": "DaemonSet"})
    assert found is not None
    assert found["instance"] == "node-1:8000"


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"app": "vllm", "kserve.io/component": "workload"}},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["sglang", "vllm"]}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["vll", "xvllm"]}]},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "other", "operator": "DoesNotExist"}]},
    ],
)
def test_a_selected_pod_is_a_target(selector: dict[str, Any]) -> None:
    assert relabelled(monitoring(selector=selector)) is not None


@pytest.mark.parametrize(
    ("labels", "spec"),
    [
        ({}, {"selector": {"matchLabels": {"app": "vl.m"}}}),
        ({}, {"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]}}),
        ({}, {"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["vllm"]}]}}),
        ({}, {"selector": {"matchExpressions": [{"key": "other", "operator": "Exists"}]}}),
        ({}, {"selector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}),
        ({f"{META}namespace": "others"}, {}),
        ({f"{META}pod_phase": "Succeeded"}, {}),
        ({f"{META}pod_phase": "Failed"}, {}),
    ],
)
def test_another_pod_is_none(labels: dict[str, str], spec: dict[str, Any]) -> None:
    assert relabelled(monitoring(**spec), **labels) is None


def test_a_pod_that_has_ended_is_a_target_if_somebody_wants_it() -> None:
    assert relabelled(monitoring(filterRunning=False), **{f"{META}pod_phase": "Failed"}) is not None


@pytest.mark.parametrize("labels", [{}, {"metadata": ["namespace", "pod"]}])
def test_a_cluster_wide_one_finds_pods_of_every_namespace(labels: dict[str, Any]) -> None:
    found = relabelled(monitoring("ClusterPodMonitoring", targetLabels=labels), **{f"{META}namespace": "others"})
    assert found is not None
    assert (found["namespace"], found["job"]) == ("others", "qwen")


def test_a_cluster_wide_one_may_go_without_the_namespace() -> None:
    found = relabelled(monitoring("ClusterPodMonitoring", targetLabels={"metadata": []}))
    assert found is not None
    assert "namespace" not in found


def test_labels_of_the_pod_become_labels_of_the_target() -> None:
    mapped = [{"from": "kserve.io/component", "to": "component"}, {"from": "app"}]
    found = relabelled(monitoring(targetLabels={"fromPod": mapped}))
    assert found is not None
    assert (found["component"], found["app"]) == ("workload", "vllm")


def test_the_endpoint_is_asked_as_it_says() -> None:
    said = {
        "path": "/stats/prometheus",
        "scheme": "https",
        "params": {"filter": ["a"]},
        "interval": "1m30s",
        "timeout": "20s",
        "tls": {"insecureSkipVerify": True, "serverName": "s", "ca": {"secret": {"name": "ca", "key": "ca.crt"}}},
        "authorization": {"credentials": {"secret": {"name": "reader", "key": "token"}}},
    }
    found = job(monitoring(endpoint=said, limits={"samples": 5, "labels": 6}))
    assert {key: found[key] for key in found if "relabel" not in key} == {
        "job_name": "PodMonitoring/models/qwen/8000",
        "scrape_interval": "90000ms",
        "scrape_timeout": "20000ms",
        "metrics_path": "/stats/prometheus",
        "scheme": "https",
        "params": {"filter": ["a"]},
        "tls_config": {"insecure_skip_verify": True, "server_name": "s", "ca": "models/ca/ca.crt"},
        "authorization": {"type": "Bearer", "credentials": "models/reader/token"},
        "sample_limit": 5,
        "label_limit": 6,
        "label_name_length_limit": 0,
        "label_value_length_limit": 0,
    }


def test_without_more_said_it_is_metrics_by_http_as_often_as_it_may_take() -> None:
    found = job(monitoring())
    assert (found["metrics_path"], found["scheme"], found["scrape_timeout"]) == ("/metrics", "http", "30000ms")
    assert "authorization" not in found
    assert "tls_config" not in found


def test_time_may_pass_faster_but_never_below_a_second() -> None:
    found = job(monitoring(endpoint={"timeout": "5s"}), speed=10)
    assert (found["scrape_interval"], found["scrape_timeout"]) == ("3000ms", "1000ms")


@pytest.mark.parametrize(("named", "namespace"), [({}, "default"), ({"namespace": "keys"}, "keys")])
def test_a_secret_of_a_cluster_wide_one_is_where_it_says(named: dict[str, str], namespace: str) -> None:
    credentials = {"secret": {"name": "s", "key": "k", **named}}
    found = job(monitoring("ClusterPodMonitoring", endpoint={"authorization": {"credentials": credentials}}))
    assert found["authorization"]["credentials"] == f"{namespace}/s/k"


def test_metrics_are_relabelled_in_prometheus_words() -> None:
    rules = [
        {"action": "keep", "sourceLabels": ["__name__"], "regex": "vllm:.*"},
        {"sourceLabels": ["a"], "targetLabel": "b", "separator": "/", "replacement": "$1", "modulus": 2},
        {"action": "labeldrop", "regex": "tmp_.*"},
    ]
    assert job(monitoring(endpoint={"metricRelabeling": rules}))["metric_relabel_configs"] == [
        {"action": "keep", "source_labels": ["__name__"], "regex": "vllm:.*"},
        {
            "action": "replace",
            "source_labels": ["a"],
            "target_label": "b",
            "separator": "/",
            "replacement": "$1",
            "modulus": 2,
        },
        {"action": "labeldrop", "regex": "tmp_.*"},
    ]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"targetLabel": "namespace"}, "cannot relabel with action 'replace' onto protected label 'namespace'"),
        ({"action": "labeldrop", "regex": "job|x"}, "regex job|x would drop at least one of the protected labels"),
        ({"action": "labelkeep", "regex": "job"}, "regex job would drop at least one of the protected labels"),
        ({"action": "labelmap", "regex": "a"}, "unknown relabeling action 'labelmap'"),
        ({"action": "keep", "regex": "("}, "invalid regex '('"),
    ],
)
def test_a_rule_that_takes_what_google_sets_is_refused(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(CollectionError) as refused:
        job(monitoring(endpoint={"metricRelabeling": [rule]}))
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ({"interval": "soon"}, "not a valid duration string: 'soon'"),
        ({"timeout": "31s"}, "scrape timeout 31 must not be greater than scrape interval 30"),
    ],
)
def test_what_no_duration_can_be_is_refused(endpoint: dict[str, Any], problem: str) -> None:
    with pytest.raises(CollectionError, match=problem):
        job(monitoring(endpoint=endpoint))


def test_an_operator_that_does_not_exist_is_refused() -> None:
    with pytest.raises(CollectionError, match="unsupported operator: 'Like'"):
        job(monitoring(selector={"matchExpressions": [{"key": "app", "operator": "Like"}]}))


def test_two_endpoints_of_one_port_are_refused() -> None:
    twice = monitoring()
    twice["spec"]["endpoints"] *= 2
    with pytest.raises(CollectionError, match="duplicated job name PodMonitoring/models/qwen/8000"):
        collection.jobs(twice, PLACE, secret)


@pytest.mark.parametrize(("text", "length"), [("30s", 30), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("1d", 86400)])
def test_durations_are_prometheus(text: str, length: float) -> None:
    assert collection.seconds(text) == length


def test_a_secret_is_decoded() -> None:
    assert collection.decoded("dG9rZW4=") == "token"
