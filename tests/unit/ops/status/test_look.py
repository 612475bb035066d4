"""What is asked of a stack, of whom, and what becomes of what does not answer."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from google.auth.exceptions import DefaultCredentialsError

from infra.platform import sleep as asleep
from ops.cli import CliError
from ops.diagnose import state
from ops.diagnose.observe import LISTS
from ops.diagnose.observed import Observed, Pool
from ops.status import look as module
from ops.status.known import Endpoint, Health, NoCluster, Node, Traffic, Unknown
from ops.status.look import asked, endpoints, look, measured, node, outputs, trust
from tests.support.api_server import ApiServer, api_server
from tests.support.observations import NOW, PLACE, before, model
from tests.support.statuses import LABELS, POOL, URL, node_of

STACK = """config:
  gcp:project: my-project
  gke-tpu-inference:models:
    - {name: qwen, namespace: llm-d, uri: "hf://Qwen/Qwen2.5-3B-Instruct"}
"""
UPDATE = {"kind": "update", "result": "succeeded", "endTime": "2026-11-30T10:30:00.000Z", "message": "Add it"}
NODES = "/api/v1/nodes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = Path(module.__file__).parents[2]
    (tmp_path / "Pulumi.yaml").write_text((root / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.dev.yaml").write_text(STACK)
    return tmp_path


@pytest.fixture
def server() -> Iterator[ApiServer]:
    lists = {LISTS["models"]: [model().model_dump(mode="json", by_alias=True)], NODES: [node_of("tpu-1", LABELS)]}
    with api_server(lists) as served:
        yield served


def deployment(kubeconfig: Any, **told: Any) -> dict[str, Any]:
    """A stack's state: its outputs, its cluster and a node pool."""
    meta = dict(zip(("namespace", "name"), PLACE.split("/"), strict=True))
    pool = {"name": POOL, "nodeConfig": {"machineType": "ct6e-standard-4t", "spot": True}, "nodeLocations": ["z"]}
    return {
        "resources": [
            {"type": "pulumi:pulumi:Stack", "outputs": {"models": {PLACE: {"baseUrl": URL}}, **told}},
            {"type": state.PROVIDER, "inputs": {"kubeconfig": json.dumps(kubeconfig)}},
            {"type": "gcp:container/nodePool:NodePool", "inputs": pool},
            {"type": "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService", "inputs": {"metadata": meta}},
        ]
    }


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the CLI say what a test wants; no model and no API of Google's is asked."""

    def says(export: Any, history: Any = (UPDATE,)) -> None:
        def cli(*_: Any) -> Any:
            def run(*command: str) -> str:
                said = {"export": {"deployment": export}, "history": history}[command[1]]
                if isinstance(export, CliError):
                    raise export
                return json.dumps(said)

            return run

        monkeypatch.setattr(state, "Cli", cli)
        monkeypatch.setattr(module, "Cli", cli)

    def no_credentials(_: str) -> Any:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr(module, "credentials", no_credentials)
    monkeypatch.setattr(module, "asked", lambda *_: Health(status=200))
    return says


def test_everything_is_asked_once(pulumi: Callable[..., None], server: ApiServer, folder: Path) -> None:
    pulumi(deployment(server.kubeconfig()))
    found = look("dev", folder)
    assert found.stack == "dev"
    assert found.endpoints == {PLACE: Endpoint(url=URL)}
    assert found.health == {PLACE: Health(status=200)}
    assert found.pools == [Pool(name=POOL, topology="2x2", zones=["z"], capacity="spot")]
    assert found.nodes == [node(node_of("tpu-1", LABELS))]
    assert isinstance(found.cluster, Observed)
    assert found.cluster.places() == [PLACE]
    assert not isinstance(found.deployed, Unknown)
    assert found.deployed.message == "Add it"
    assert not isinstance(found.settings, Unknown)
    assert found.settings.project == "my-project"
    no_credentials = Unknown(because="no credentials that work: gcloud auth application-default login")
    assert found.traffic == found.alerts == no_credentials


def test_models_are_asked_side_by_side(
    pulumi: Callable[..., None], server: ApiServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {PLACE: {"baseUrl": "1"}, "llm-d/other": {"baseUrl": "2"}}
    pulumi(deployment(server.kubeconfig(), models=models))
    all_asked = Barrier(len(models), timeout=30)

    def wait(url: str, _: object) -> Health:
        all_asked.wait()
        return Health(status=int(url))

    monkeypatch.setattr(module, "asked", wait)
    assert look("dev", folder).health == {PLACE: Health(status=1), "llm-d/other": Health(status=2)}


def test_cluster_that_does_not_answer_is_left_out(pulumi: Callable[..., None], server: ApiServer, folder: Path) -> None:
    pulumi(deployment(server.kubeconfig(token="another")))  # noqa: S106
    found = look("dev", folder)
    assert isinstance(found.cluster, Unknown)
    assert found.nodes == found.cluster
    assert "It takes roles/container.viewer" in found.cluster.because
    assert found.endpoints == {PLACE: Endpoint(url=URL)}


def test_nodes_that_may_not_be_listed_are_left_out(pulumi: Callable[..., None], folder: Path) -> None:
    lists = {LISTS["models"]: [model().model_dump(mode="json", by_alias=True)]}
    with api_server(lists, forbidden=(NODES,)) as served:
        pulumi(deployment(served.kubeconfig()))
        found = look("dev", folder)
    assert found.nodes == Unknown(because="the cluster does not list its nodes: 403, no right to")
    assert isinstance(found.cluster, Observed)


def test_stack_without_a_cluster_has_no_model(pulumi: Callable[..., None], folder: Path) -> None:
    pulumi({}, history=None)
    found = look("dev", folder)
    assert found.endpoints == {}
    assert isinstance(found.cluster, NoCluster)
    assert found.nodes == found.cluster
    assert "its state has no cluster" in found.cluster.because
    assert isinstance(found.deployed, Unknown)


def test_state_that_cannot_be_read_leaves_what_the_file_says(pulumi: Callable[..., None], folder: Path) -> None:
    pulumi(CliError("error: no stack named 'dev' found"))
    found = look("dev", folder)
    nothing = Unknown(because="no stack named 'dev' found")
    assert found.endpoints == found.cluster == found.nodes == found.deployed == nothing
    assert not isinstance(found.settings, Unknown)


def test_without_a_stack_file_google_is_not_asked(pulumi: Callable[..., None], server: ApiServer, folder: Path) -> None:
    pulumi(deployment(server.kubeconfig()))
    (folder / "Pulumi.dev.yaml").unlink()
    found = look("dev", folder)
    assert isinstance(found.settings, Unknown)
    assert "there is no Pulumi.dev.yaml" in found.settings.because
    assert found.traffic == found.alerts == Unknown(because="the stack file has no gcp:project")


def test_node_is_of_a_pool_and_a_slice() -> None:
    found = node(node_of("tpu-1", LABELS, ready=False))
    assert found == Node(name="tpu-1", pool=POOL, topology="2x2", ready=False, came=before(240))  # pyright: ignore[reportArgumentType]
    assert (NOW - found.came).total_seconds() == 4 * 3600
    assert node(node_of("system-1")).topology == ""


def test_outputs_are_those_of_the_stack() -> None:
    told = outputs(deployment({}, clusterName="c"))
    assert told["clusterName"] == "c"
    assert outputs({}) == {}
    assert endpoints({}) == {}
    paused = {"models": {PLACE: {"baseUrl": URL, "paused": True}}}
    assert endpoints(paused) == {PLACE: Endpoint(url=URL, paused=True)}


@contextmanager
def answering(status: int, body: str = "") -> Iterator[tuple[str, list[str]]]:
    """A server that answers with a status and a body, and what it was asked."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{PLACE}", paths
        server.shutdown()


@pytest.mark.parametrize("status", [200, 503])
def test_model_is_asked_for_its_health_without_a_key(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-somebody")
    with answering(status) as (url, paths):
        assert asked(url, True) == Health(status=status)
    assert paths == [f"/{PLACE}/health None"]


def test_code_of_a_model_that_sleeps_is_kept() -> None:
    with answering(503, json.dumps({"error": {"message": asleep.MESSAGE, "code": asleep.CODE}})) as (url, _):
        assert asked(url, True) == Health(status=503, code="model_asleep")
    with answering(503, json.dumps({"error": {"code": 503}})) as (url, _):
        assert asked(url, True) == Health(status=503)


def test_model_that_is_not_there_gives_no_answer() -> None:
    with answering(200) as (url, _):
        gone = url
    found = asked(gone, True)
    assert found.status is None
    assert found.said


def test_only_the_authority_of_the_stack_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(module.ssl, "create_default_context", lambda **of: made.append(of) or "context")
    assert trust({"caCertificate": "-----BEGIN"}) == "context"
    assert made == [{"cadata": "-----BEGIN"}]
    assert trust({}) is True


class Api:
    """Answers what is measured, or refuses; alerts it has none."""

    ok, status_code, text = True, 200, ""

    def __init__(self, *, refuses: str = "") -> None:
        self._refuses = refuses

    def get(self, url: str, **_: Any) -> "Api":
        self.ok = not (self._refuses and self._refuses in url)
        self.status_code = 200 if self.ok else 403
        return self

    def json(self) -> Any:
        of = dict(zip(("namespace", "model"), PLACE.split("/"), strict=True))
        return {"data": {"result": [{"metric": of, "value": [0, "2"]}]}, "alerts": []}


def test_requests_and_alerts_are_unknown_each_by_itself() -> None:
    of_model = {PLACE: Traffic(requests=2, first_token=2)}
    assert measured(Api, "p", "c", [PLACE], scraped=True) == (of_model, [])
    traffic, alerts = measured(lambda: Api(refuses="prometheus"), "p", "c", [PLACE], scraped=True)
    assert isinstance(traffic, Unknown)
    assert alerts == []
    traffic, alerts = measured(lambda: Api(refuses="alerts"), "p", "c", [PLACE], scraped=True)
    assert traffic == of_model
    assert isinstance(alerts, Unknown)
    no_cluster = Unknown(because="the state has no cluster")
    assert measured(Api, "p", None, [PLACE], scraped=True) == (no_cluster, [])


@pytest.mark.parametrize("scraped", [True, False])
def test_what_is_said_of_silence_goes_by_the_stack_file(scraped: bool) -> None:
    told, _ = measured(Api, "p", "c", ["llm-d/other"], scraped=scraped)
    assert not isinstance(told, Unknown)
    silent = told["llm-d/other"].requests
    assert isinstance(silent, Unknown)
    assert ("as the stack measures nothing" in silent.because) is not scraped
