"""GKE's controllers in the sandbox: what goes on while one of them takes its time."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sandbox.cluster import gke_controllers
from sandbox.cluster.gke_controllers import GkeControllers

SECONDS = 5


@pytest.fixture
def controllers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GkeControllers:
    """Those of a cluster of nothing, which look every now and then."""
    monkeypatch.setattr(gke_controllers, "POLL_SECONDS", 0.01)
    processes = SimpleNamespace(log=lambda name: tmp_path / name)
    plane: Any = SimpleNamespace(api=SimpleNamespace(items=lambda _: []), processes=processes, home=tmp_path)
    found = GkeControllers(plane, cast(Any, SimpleNamespace(lock=threading.RLock(), find=lambda *_: [])))
    found._policies = cast(Any, SimpleNamespace(follow=lambda *_: None))
    return found


def test_load_balancers_are_looked_after_while_all_else_takes_its_time_but_not_before_it_is_known_who_may_open_what(
    controllers: GkeControllers,
) -> None:
    looks, busy, nodes = threading.Semaphore(0), threading.Event(), threading.Event()
    controllers._services = cast(Any, SimpleNamespace(follow=looks.release))
    controllers._nodes = cast(Any, SimpleNamespace(follow=lambda: nodes.wait(SECONDS)))
    controllers._filter = cast(Any, lambda _: busy.wait(SECONDS))
    for thread in controllers._threads:
        thread.start()
    try:
        assert not looks.acquire(timeout=0.2)
        nodes.set()
        assert all(looks.acquire(timeout=SECONDS) for _ in range(3))
        assert not busy.is_set()
    finally:
        controllers._stopping.set()
        busy.set()
        for thread in controllers._threads:
            thread.join()
