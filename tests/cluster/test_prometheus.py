"""Metrics of the dev stack as Managed Service for Prometheus has them: collected by the real Prometheus, and asked for
where Google's query API answers, by who may and by nobody else."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from infra.platform.names import VLLM, kserve_labels
from sandbox.cluster.control_plane import ClusterError, ControlPlane
from sandbox.cluster.isolation import AUTHORITY
from sandbox.engine.stack import SandboxStack
from tests.support.metrics import API, PROJECT, Reader, eventually, pod_monitoring, readers
from tests.support.project import stack_file

Json = dict[str, Any]
MODEL: Json = stack_file("dev")["models"][0]
NAMESPACE, NAME = MODEL["namespace"], MODEL["name"]
OF_MODEL = {**kserve_labels(VLLM), "app.kubernetes.io/name": NAME}


@pytest.fixture(scope="module")
def asking(deployed: SandboxStack, plane: ControlPlane) -> Iterator[tuple[Reader, Reader]]:
    """A Pod that was granted the role, and one that was not."""
    with readers(plane, deployed) as found:
        yield found


@pytest.fixture(scope="module")
def reader(asking: tuple[Reader, Reader]) -> Reader:
    """The one that was granted it."""
    return asking[0]


@pytest.fixture(scope="module")
def collected(reader: Reader, plane: ControlPlane) -> Iterator[None]:
    """The model's Pods are scraped, by the number of their port, and questions are answered."""
    monitoring = pod_monitoring("of-a-test", NAMESPACE, OF_MODEL, port=8000)
    plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(monitoring))
    eventually(reader, "vector(1)", "Prometheus answers nothing")
    yield
    plane.kubectl("delete", "podmonitoring", "of-a-test", f"--namespace={NAMESPACE}")


@pytest.mark.usefixtures("collected")
def test_what_vllm_counts_is_there_with_the_labels_of_google(deployed: SandboxStack, reader: Reader) -> None:
    eventually(reader, 'up{job="of-a-test"} == 1', "the model's Pod is no target that is up")
    client = openai.OpenAI(base_url=deployed.outputs()["baseUrl"] + "/v1", api_key="none")
    client.completions.create(model=deployed.outputs()["model"], prompt="One two three", max_tokens=4)
    [sample] = eventually(
        reader, 'vllm:generation_tokens_total{job="of-a-test"} >= 4', "the tokens of an answer are not counted"
    )
    labels = sample["metric"]
    assert (labels["project_id"], labels["namespace"]) == (PROJECT, NAMESPACE)
    assert labels["instance"] == f"{labels['pod']}:8000"
    assert labels["top_level_controller_type"] == "Deployment"
    assert {"location", "cluster", "engine", "model_name"} <= labels.keys()
    assert "container" not in labels


@pytest.mark.usefixtures("collected")
def test_object_says_that_it_is_collected(plane: ControlPlane) -> None:
    condition = "--for=condition=ConfigurationCreateSuccess"
    plane.kubectl("wait", condition, "podmonitoring", "of-a-test", f"--namespace={NAMESPACE}", "--timeout=30s")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"port": 0}, "Port is required"),
        ({"interval": None}, "spec.endpoints[0].interval: Required value"),
        ({"timeout": "40s"}, "scrape timeout (40s) must not be greater than scrape interval (30s)"),
        ({"metricRelabeling": [{"targetLabel": "cluster"}]}, 'cannot relabel onto protected label "cluster"'),
        (
            {"metricRelabeling": [{"action": "keep", "sourceLabels": ["model_name"], "regex": "|mine"}]},
            'Relabeling rule regex would match protected label: "project_id"',
        ),
        ({"metricRelabeling": [{"action": "labelmap"}]}, 'Unsupported value: "labelmap"'),
        ({"tls": {"cert": {"secret": {"name": "a", "key": "b"}}}}, "client cert and client key must be provided"),
        ({"authorization": {"type": "Basic"}}, 'authorization type cannot be set to "basic"'),
        ({"scrapeInterval": "30s"}, ".spec.endpoints[0].scrapeInterval: field not declared in schema"),
    ],
)
def test_api_server_refuses_what_gke_refuses(plane: ControlPlane, change: Json, words: str) -> None:
    wrong = pod_monitoring("wrong", "default", {}, port=8000)
    endpoint = {**wrong["spec"]["endpoints"][0], **change}
    wrong["spec"]["endpoints"] = [{key: value for key, value in endpoint.items() if value is not None}]
    with pytest.raises(ClusterError) as refused:
        plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(wrong))
    assert words in str(refused.value)


def test_a_cluster_wide_object_may_name_the_namespace_of_its_secret(plane: ControlPlane) -> None:
    selector = {"secret": {"name": "a", "key": "b", "namespace": "c"}}
    said = pod_monitoring("everywhere", "", {}, port="metrics", authorization={"credentials": selector})
    said["kind"] = "ClusterPodMonitoring"
    plane.kubectl("apply", "--server-side", "--dry-run=server", "--filename=-", stdin=json.dumps(said))
    said["kind"], said["metadata"]["namespace"] = "PodMonitoring", "default"
    with pytest.raises(ClusterError, match="namespace: field not declared in schema"):
        plane.kubectl("apply", "--server-side", "--dry-run=server", "--filename=-", stdin=json.dumps(said))


@pytest.mark.usefixtures("collected")
def test_nobody_and_no_other_account_reads_the_metrics(asking: tuple[Reader, Reader]) -> None:
    reader, stranger = asking
    status, body = reader.curl("--cacert", str(AUTHORITY), f"{API.format(PROJECT)}?query=up")
    assert (status, json.loads(body)["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert stranger.ask("up")[0] == 403
    assert reader.ask("up", "another-project")[0] == 403
    assert reader.ask("vector(1)")[0] == 200


@pytest.mark.usefixtures("collected")
def test_query_that_is_wrong_is_refused_by_prometheus_itself(reader: Reader) -> None:
    status, body = reader.ask("sum(")
    assert (status, body["errorType"]) == (400, "bad_data")
