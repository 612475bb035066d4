"""How Envoy is ended in the sandbox: as pilot-agent does it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sandbox.cluster import container as of_containers
from sandbox.cluster.container import Container
from sandbox.programs import catalogue, drain

STATS = """http.inbound.downstream_cx_active: 7
listener.0.0.0.0_80.downstream_cx_active: 2
listener.0.0.0.0_443.downstream_cx_active: 1
listener.0.0.0.0_80.worker_0.downstream_cx_active: 2
listener.0.0.0.0_15021.downstream_cx_active: 1
listener.admin.downstream_cx_active: 1
listener.admin.main_thread.downstream_cx_active: 1
"""


def test_clients_are_those_of_the_gateways_own_listeners() -> None:
    assert drain.connected(STATS) == 3
    assert drain.connected("") == 0


@pytest.mark.parametrize(("told", "looks"), [("true", 3), ("", 0)])
def test_envoy_is_drained_and_waited_for_if_it_shall_be(told: str, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(method: str, path: str) -> str:
        asked.append(f"{method} {path}")
        return f"listener.0.0.0.0_80.downstream_cx_active: {max(0, 4 - len(asked))}\n"

    monkeypatch.setenv("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", told)
    monkeypatch.setattr(drain, "ask", ask)
    monkeypatch.setattr(drain, "WHILE", 0)
    monkeypatch.setattr(drain, "PAUSE", 0)
    drain.main()
    assert asked == ["POST /drain_listeners?graceful", *["GET /stats?filter=downstream_cx_active"] * looks]


def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hook: bool) -> list[str]:
    """What is done to end a container of the proxy's image."""
    done: list[str] = []

    def start(_: str, command: list[str], **__: Any) -> Any:
        done.append(command[-1])
        return SimpleNamespace(wait=lambda _: 0)

    processes = SimpleNamespace(log=lambda name: tmp_path / name, start=start, stop=lambda *_: done.append("SIGTERM"))
    plane = SimpleNamespace(processes=processes)
    pod = SimpleNamespace(namespace="n", name="p", spec={}, plane=plane, grace=1.0, netns="x", folder=tmp_path)
    found = Container(cast(Any, pod), {"name": "main", "image": "i"}, "Always")
    found._process = cast(Any, SimpleNamespace(poll=lambda: None))
    found._before_end = catalogue.IMAGES["docker.io/istio/proxyv2"].end
    monkeypatch.setattr(of_containers, "environment", lambda *_: {})
    monkeypatch.setattr(of_containers, "binds", lambda *_: [])
    found.stop(hook=hook)
    return done


def test_proxy_is_drained_before_it_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(tmp_path, monkeypatch, hook=True) == ["sandbox.programs.drain", "SIGTERM"]


def test_machine_that_goes_away_drains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(tmp_path, monkeypatch, hook=False) == ["SIGTERM"]
