"""What is read of a cluster, what is left out, and that no secret is in it."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.diagnose import observe as module
from ops.diagnose.cluster import Cluster, ClusterError
from ops.diagnose.observe import LISTS, observe
from ops.diagnose.observed import Observed
from ops.diagnose.report import report
from tests.support.api_server import ApiServer, api_server
from tests.support.observations import INITIALIZING, NOT_READY, PLACE, RUNNING, ended, pod, seen, well

SECRET = "hf_" + "x" * 34
LOG = "/api/v1/namespaces/llm-d/pods/qwen-kserve-1/log"
LOADING = pod(weights=RUNNING, vllm=INITIALIZING)


def json_of(thing: Any) -> Any:
    return thing.model_dump(mode="json", by_alias=True)


def lists(*pods: Any) -> dict[str, list[Any]]:
    return {LISTS["models"]: [json_of(NOT_READY)], LISTS["pods"]: [json_of(one) for one in pods]}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server(lists(LOADING), {LOG: f"GET ?token={SECRET}\rAuthorization: Bearer {SECRET}\n"}) as served:
        yield served


def look(served: ApiServer) -> Observed:
    return observe(Cluster(served.kubeconfig()), [], [])


def test_no_secret_is_asked_for(server: ApiServer) -> None:
    look(server)
    assert not [path for path in server.asked if "secret" in path]
    assert {path for path in server.asked if path != LOG} == set(LISTS.values())


def test_log_of_what_does_not_get_ready_is_read_without_tokens(server: ApiServer) -> None:
    log = look(server).logs[f"{PLACE.split('/')[0]}/qwen-kserve-1/storage-initializer"]
    assert log.startswith("GET ")
    assert "Authorization" in log
    assert SECRET not in log


def test_token_in_the_words_of_an_object_is_not_kept() -> None:
    with api_server(lists(pod(vllm={**RUNNING, "lastState": {}}))) as served:
        served.lists[LISTS["pods"]][0]["status"]["containerStatuses"] = [
            {"name": "main", **ended(f"HF_TOKEN={SECRET}")}
        ]
        assert SECRET not in look(served).model_dump_json()


def test_what_may_not_be_read_is_left_out_and_told() -> None:
    with api_server(lists(LOADING), {LOG: "x"}, forbidden=(LOG, LISTS["events"])) as served:
        assert look(served).left_out == [
            "events: 403, no right to",
            "the log of llm-d/qwen-kserve-1/storage-initializer: 403, no right to",
        ]


def test_apis_that_are_not_installed_are_empty(server: ApiServer) -> None:
    assert (look(server).certificates, look(server).left_out) == ([], [])
    assert look(server).incomplete == []


def test_list_that_was_refused_or_cut_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    with api_server(lists(LOADING, pod(ready=True)), {LOG: "x"}, forbidden=(LISTS["services"],)) as served:
        found = look(served)
    assert found.incomplete == ["pods", "services"]
    assert [name for name in LISTS if not found.whole(name)] == ["pods", "services"]
    assert found.left_out == ["pods: only the first 1 were read", "services: 403, no right to"]


def test_who_may_read_nothing_is_told_what_it_takes(server: ApiServer) -> None:
    with pytest.raises(ClusterError, match=r"tells nothing: models: 401, not signed in;.*roles/container\.viewer"):
        observe(Cluster(server.kubeconfig(token="another")), [], [])  # noqa: S106


def test_cluster_that_does_not_answer_is_told(server: ApiServer) -> None:
    server.port = 9
    with pytest.raises(
        ClusterError, match=r"^http://127\.0\.0\.1:9 does not answer: .*refused.*gke-gcloud-auth-plugin"
    ):
        look(server)


def test_kubeconfig_that_makes_no_sense_is_told() -> None:
    with pytest.raises(ClusterError, match="the kubeconfig cannot be used"):
        Cluster({"a": 1})


def test_kubeconfig_with_a_value_that_is_not_base64_is_told(server: ApiServer) -> None:
    wrong = server.kubeconfig()
    wrong["clusters"][0]["cluster"] = {"server": "https://127.0.0.1:9", "certificate-authority-data": "abc"}
    with pytest.raises(ClusterError, match="the kubeconfig cannot be used: one of its values is not base64"):
        Cluster(wrong)


def test_file_that_is_not_text_is_no_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xff")
    with pytest.raises(ClusterError, match=r"^the kubeconfig cannot be used: it is not text$"):
        Cluster(tmp_path / "binary")


def printed(observed: Observed) -> tuple[bool | None, str]:
    to = Console(width=120, record=True, file=StringIO())
    return report(observed, to), to.export_text()


def test_report_names_cause_words_and_next_command() -> None:
    ready, text = printed(seen(pod(vllm=ended("Bus error", 135))))
    assert not ready
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == f"{PLACE}: not Ready, phase load"
    assert lines[1] == "it ends again and again"
    assert "says  exit code 135: Bus error" in lines
    assert "next  kubectl logs -n llm-d deploy/qwen-kserve -c main --previous" in lines


def test_report_of_what_is_well() -> None:
    ready, text = printed(well())
    assert ready
    assert text.startswith(f"{PLACE}: Ready\nall is well")


def test_report_where_there_is_no_model_yet() -> None:
    ready, text = printed(seen(models=[], expected=[], pods=[]))
    assert not ready
    assert text.startswith("no model yet: not Ready, phase platform")
