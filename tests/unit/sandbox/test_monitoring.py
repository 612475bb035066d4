"""Who reads the metrics of a simulated project: tokens of the metadata server, roles, and the query API in front."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sandbox.clouds import monitoring
from sandbox.clouds.google_kinds import CLUSTER, MEMBER, POOL
from sandbox.clouds.inventory import Inventory, Item
from sandbox.clouds.monitoring import Account, Place
from sandbox.cluster import metadata_server, monitoring_api
from sandbox.cluster.metadata_server import LIFETIME_SECONDS, MetadataServer, Tokens
from sandbox.cluster.monitoring_api import MonitoringApi

KEDA = Account("keda", "keda-operator")
SERVICE_ACCOUNT = "serviceAccount:p.svc.id.goog[keda/keda-operator]"
POOL_PATH = "projects/123/locations/global/workloadIdentityPools/p.svc.id.goog"
PRINCIPAL = f"principal://iam.googleapis.com/{POOL_PATH}/subject/ns/keda/sa/keda-operator"
READ = "/v1/projects/p/location/global/prometheus/api/v1/query?query=up"


def put(inventory: Inventory, kind: str, name: str, **inputs: Any) -> None:
    inventory.record("create", Item("gcp", kind, "projects/p", name, f"projects/p/{name}", inputs, {"project": "p"}))


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """A project `p` with a cluster."""
    made = Inventory(tmp_path / "inventory.json")
    put(made, CLUSTER, "c", location="europe-west4")
    return made


def grant(inventory: Inventory, member: str, role: str = "roles/monitoring.viewer", project: str = "p") -> None:
    put(inventory, MEMBER, member, project=project, member=member, role=role)


@pytest.mark.parametrize("member", [SERVICE_ACCOUNT, PRINCIPAL])
def test_account_with_a_role_reads_the_metrics_of_its_project(inventory: Inventory, member: str) -> None:
    grant(inventory, member)
    assert monitoring.refusal(inventory, "p", KEDA) is None


@pytest.mark.parametrize(
    ("account", "role", "granted_on", "project"),
    [
        (KEDA, "roles/monitoring.metricWriter", "p", "p"),
        (KEDA, "roles/monitoring.viewer", "p", "q"),
        (KEDA, "roles/monitoring.viewer", "q", "p"),
        (KEDA, "roles/monitoring.viewer", "q", "q"),
        (Account("keda", "default"), "roles/monitoring.viewer", "p", "p"),
        (Account("models", "keda-operator"), "roles/monitoring.viewer", "p", "p"),
    ],
)
def test_others_are_refused_in_googles_words(
    inventory: Inventory, account: Account, role: str, granted_on: str, project: str
) -> None:
    grant(inventory, SERVICE_ACCOUNT, role, granted_on)
    refusal = monitoring.refusal(inventory, project, account)
    assert refusal is not None
    assert (refusal.code, refusal.status) == (403, "PERMISSION_DENIED")
    assert refusal.message.startswith("Permission monitoring.timeSeries.list denied on resource (or it may not exist).")


def test_who_granted_the_nodes_their_account_has_granted_this_as_well(inventory: Inventory) -> None:
    put(inventory, POOL, "pool", nodeConfig={"serviceAccount": "nodes@p.iam.gserviceaccount.com"})
    assert monitoring.refusal(inventory, "p", KEDA) is not None
    inventory.outside.add("nodes@p.iam.gserviceaccount.com")
    assert monitoring.refusal(inventory, "p", KEDA) is None
    assert monitoring.refusal(inventory, "q", KEDA) is not None


def test_managed_collection_is_on_unless_somebody_turns_it_off(inventory: Inventory) -> None:
    assert monitoring.place(inventory) == Place("p", "europe-west4", "c")
    put(inventory, CLUSTER, "d", location="us-east5", monitoringConfig={"managedPrometheus": {"enabled": False}})
    assert monitoring.place(inventory) is None


def test_without_a_cluster_nothing_is_collected(tmp_path: Path) -> None:
    assert monitoring.place(Inventory(tmp_path / "inventory.json")) is None


POD = {
    "metadata": {"name": "keda-operator-1", "namespace": "keda"},
    "spec": {"serviceAccountName": "keda-operator"},
    "status": {"podIP": "10.4.1.9"},
}
TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def metadata(tokens: Tokens) -> MetadataServer:
    server = MetadataServer(lambda: [POD], tokens)
    server.place = Place("p", "europe-west4", "c")
    return server


def test_pod_gets_a_token_of_its_service_account(metadata: MetadataServer, tokens: Tokens) -> None:
    status, body = metadata.answer(TOKEN, "Google", "10.4.1.9")
    token = json.loads(body)
    assert (status, token["token_type"], token["expires_in"]) == (200, "Bearer", LIFETIME_SECONDS - 1)
    assert tokens.account(f"Bearer {token['access_token']}") == KEDA


@pytest.mark.parametrize(
    ("path", "flavor", "client", "status"),
    [
        (TOKEN, "", "10.4.1.9", 403),
        (TOKEN, "Google", "10.4.1.10", 404),
        ("/computeMetadata/v1/instance/service-accounts/other/token", "Google", "10.4.1.9", 404),
        ("/computeMetadata/v1beta1/instance/service-accounts/default/token", "Google", "10.4.1.9", 404),
    ],
)
def test_metadata_server_gives_nothing_else(
    metadata: MetadataServer, path: str, flavor: str, client: str, status: int
) -> None:
    assert metadata.answer(path, flavor, client)[0] == status


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/", "computeMetadata/\n"),
        ("/computeMetadata/v1/project/project-id", "p"),
        ("/computeMetadata/v1/instance/attributes/cluster-name", "c"),
        ("/computeMetadata/v1/instance/attributes/cluster-location", "europe-west4"),
        ("/computeMetadata/v1/instance/service-accounts/default/email", "p.svc.id.goog"),
    ],
)
def test_metadata_server_says_where_a_pod_is(metadata: MetadataServer, path: str, value: str) -> None:
    assert metadata.answer(path, "Google", "10.4.1.9") == (200, value)


def test_without_a_cluster_there_is_nobody_to_give_a_token_to(metadata: MetadataServer) -> None:
    metadata.place = None
    assert metadata.answer(TOKEN, "Google", "10.4.1.9")[0] == 404


def test_token_ends_after_an_hour(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.give(KEDA)
    later = metadata_server.time.monotonic() + LIFETIME_SECONDS
    monkeypatch.setattr(metadata_server.time, "monotonic", lambda: later)
    assert tokens.account(f"Bearer {token}") is None


def test_only_a_bearer_of_a_token_that_was_given_is_known(tokens: Tokens) -> None:
    token = tokens.give(KEDA)
    assert tokens.account(f"bearer {token}") == KEDA
    for wrong in ("", token, f"Basic {token}", "Bearer ya29.c.made-up"):
        assert tokens.account(wrong) is None


class Collecting:
    """In place of the collectors."""

    problem = ""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What Prometheus is asked; it answers 200."""
    found: list[tuple[Any, ...]] = []

    def request(method: str, url: str, **how: Any) -> httpx2.Response:
        found.append((method, url, how["content"]))
        return httpx2.Response(200, content=b'{"status":"success"}')

    monkeypatch.setattr(monitoring_api.httpx2, "request", request)
    return found


Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(inventory: Inventory, tokens: Tokens) -> Ask:
    """Asks the API, with a good token unless something else is said."""
    collecting: Any = Collecting()
    api = MonitoringApi(inventory, tokens, collecting)
    grant(inventory, SERVICE_ACCOUNT)
    good = f"Bearer {tokens.give(KEDA)}"

    def answer(path: str = READ, authorization: str = good, body: bytes | None = None) -> tuple[int, Any]:
        status, said = api.answer(path, authorization, body)
        return status, json.loads(said)

    return answer


def test_question_is_passed_on_and_so_is_the_answer(ask: Ask, asked: list[tuple[Any, ...]]) -> None:
    assert ask() == (200, {"status": "success"})
    assert ask(READ.partition("?")[0], body=b"query=up") == (200, {"status": "success"})
    assert asked == [
        ("GET", "http://10.4.0.3:9090/api/v1/query?query=up", None),
        ("POST", "http://10.4.0.3:9090/api/v1/query?", b"query=up"),
    ]


def test_who_has_no_token_is_refused_before_prometheus_is_asked(ask: Ask, asked: list[tuple[Any, ...]]) -> None:
    for wrong in ("", "Bearer made-up"):
        status, said = ask(authorization=wrong)
        assert (status, said["error"]["code"], said["error"]["status"]) == (401, 401, "UNAUTHENTICATED")
    assert asked == []


def test_another_project_is_refused(ask: Ask, asked: list[tuple[Any, ...]]) -> None:
    status, said = ask(READ.replace("/p/", "/q/"))
    assert (status, said["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/query?query=up",
        "/v1/projects/p/locations/global/prometheus/api/v1/query?query=up",
        "/v1/projects/p/location/global/prometheus/api/v1/admin/tsdb/delete_series",
        "/v1/projects/p/location/global/prometheus/-/reload",
        "/v3/projects/p/timeSeries",
    ],
)
def test_other_paths_are_not_found(ask: Ask, asked: list[tuple[Any, ...]], path: str) -> None:
    assert ask(path)[0] == 404
    assert asked == []


@pytest.mark.parametrize("problem", ["", "the sandbox has no Prometheus: run `python -m sandbox.build prometheus`"])
def test_without_prometheus_it_says_why(
    inventory: Inventory, tokens: Tokens, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise httpx2.ConnectError("refused")

    monkeypatch.setattr(monitoring_api.httpx2, "request", refuse)
    collecting: Any = Collecting()
    collecting.problem = problem
    grant(inventory, SERVICE_ACCOUNT)
    status, said = MonitoringApi(inventory, tokens, collecting).answer(READ, f"Bearer {tokens.give(KEDA)}", None)
    assert (status, json.loads(said)["error"]["message"]) == (503, problem or "nothing is collected: refused")


def test_prometheus_that_starts_is_not_there_yet(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    starting = httpx2.Response(503, text="Service Unavailable")
    monkeypatch.setattr(monitoring_api.httpx2, "request", lambda *_, **__: starting)
    status, said = ask()
    assert (status, said["error"]["message"]) == (503, "Prometheus says: Service Unavailable")
