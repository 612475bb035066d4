"""What the stand-in for GKE's managed collection makes of the objects in a cluster."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sandbox.clouds.monitoring import Place
from sandbox.cluster import collectors
from sandbox.cluster.collectors import Collectors

QWEN = {
    "metadata": {"name": "qwen", "namespace": "models", "generation": 1},
    "spec": {
        "selector": {},
        "endpoints": [
            {
                "port": 8000,
                "interval": "30s",
                "authorization": {"credentials": {"secret": {"name": "reader", "key": "token"}}},
            }
        ],
    },
}


class Api:
    """An API server with one PodMonitoring; who may read Secrets, `may` says."""

    def __init__(self) -> None:
        self.monitorings: list[dict[str, Any]] = [QWEN]
        self.may, self.patched = True, list[tuple[str, Any]]()

    def items(self, path: str) -> list[dict[str, Any]]:
        return self.monitorings if path.endswith("/podmonitorings") else []

    def __call__(self, method: str, path: str, body: Any = None, **_: Any) -> dict[str, Any]:
        if method == "PATCH":
            self.patched.append((path, body["status"]))
        if path.endswith("subjectaccessreviews"):
            assert body["spec"]["user"] == "system:serviceaccount:gmp-system:collector"
            return {"status": {"allowed": self.may}}
        return {"data": {"token": "dG9rZW4="}}


class Plane:
    """A control plane whose Prometheus only pretends."""

    def __init__(self, home: Path) -> None:
        self.home, self.kubeconfig, self.api = home, home / "kubeconfig", Api()
        self.processes, self.started = self, list[Any]()

    def start(self, *command: Any, **how: Any) -> str:
        self.started.append((command, how))
        return "process"

    def stop(self, process: str) -> None:
        self.started.append(process)


class Unplugged:
    """A Pod without a network."""

    netns = "pod-10.4.0.3"

    def __init__(self, *_: Any) -> None: ...

    def plug_in(self) -> None: ...

    def unplug(self) -> None: ...


@pytest.fixture
def plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plane:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "prometheus").touch()
    monkeypatch.setattr(collectors.places, "BIN", tmp_path / "bin")
    monkeypatch.setattr(collectors, "Pod", Unplugged)
    monkeypatch.setattr(collectors.httpx2, "post", lambda *_, **__: httpx2.Response(200))
    return Plane(tmp_path)


HERE = Place("p", "europe-west4", "c")


def written(plane: Plane) -> dict[str, Any]:
    return json.loads((plane.home / "prometheus" / "prometheus.yaml").read_text())


def following(plane: Any) -> Collectors:
    return Collectors(plane)


def test_prometheus_starts_with_the_first_object_and_finds_pods_by_the_api_server(plane: Plane) -> None:
    plane.api.monitorings = []
    it = following(plane)
    it.follow(HERE)
    assert (plane.started, it.pods) == ([], [])
    plane.api.monitorings = [QWEN]
    it.follow(HERE)
    it.follow(HERE)
    [((name, command), how)] = plane.started
    assert (name, how) == ("prometheus", {"netns": "pod-10.4.0.3"})
    assert "--web.listen-address=10.4.0.3:9090" in command
    [one] = written(plane)["scrape_configs"]
    assert one["job_name"] == "PodMonitoring/models/qwen/8000"
    assert one["scrape_interval"] == "3000ms"
    assert one["kubernetes_sd_configs"] == [{"role": "pod", "kubeconfig_file": str(plane.kubeconfig)}]
    assert [pod["metadata"]["namespace"] for pod in it.pods] == ["gmp-system"]
    it.close()
    assert plane.started[-1] == "process"
    assert it.pods == []


def test_nothing_starts_where_managed_collection_is_off(plane: Plane) -> None:
    following(plane).follow(None)
    assert plane.started == []


def test_without_prometheus_it_says_how_to_build_it(plane: Plane, tmp_path: Path) -> None:
    (tmp_path / "bin" / "prometheus").unlink()
    it = following(plane)
    it.follow(HERE)
    assert plane.started == []
    assert it.problem == "the sandbox has no Prometheus: run `python -m sandbox.build prometheus`"


@pytest.mark.parametrize(("may", "token"), [(True, "token"), (False, "")])
def test_a_secret_is_read_if_the_collectors_may_read_it(plane: Plane, may: bool, token: str) -> None:
    plane.api.may = may
    following(plane).follow(HERE)
    assert written(plane)["scrape_configs"][0]["authorization"] == {"type": "Bearer", "credentials": token}


def test_object_says_that_it_became_a_configuration_and_says_it_once(plane: Plane) -> None:
    it = following(plane)
    it.follow(HERE)
    [(path, status)] = plane.api.patched
    assert path == "/apis/monitoring.googleapis.com/v1/namespaces/models/podmonitorings/qwen/status"
    assert status["observedGeneration"] == 1
    assert [(c["type"], c["status"]) for c in status["conditions"]] == [("ConfigurationCreateSuccess", "True")]
    plane.api.monitorings = [{**QWEN, "status": status}]
    it.follow(HERE)
    assert len(plane.api.patched) == 1


def test_object_that_is_wrong_says_why_and_the_others_are_collected(plane: Plane) -> None:
    wrong = {**QWEN, "spec": {"selector": {}, "endpoints": [{"port": 1, "interval": "soon"}]}}
    plane.api.monitorings = [wrong, QWEN]
    following(plane).follow(HERE)
    condition = plane.api.patched[0][1]["conditions"][0]
    assert (condition["status"], condition["reason"]) == ("False", "ScrapeConfigError")
    assert condition["message"] == "not a valid duration string: 'soon'"
    assert [job["job_name"] for job in written(plane)["scrape_configs"]] == ["PodMonitoring/models/qwen/8000"]


def test_a_configuration_that_prometheus_refuses_is_told(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collectors.httpx2, "post", lambda *_, **__: httpx2.Response(500, text="invalid regexp"))
    it = following(plane)
    it.follow(HERE)
    assert it.problem == "invalid regexp"
