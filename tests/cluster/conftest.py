"""Stacks on a real control plane. One cluster serves all tests of a run, with one stack in it at a time."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.cluster import isolation
from sandbox.cluster.control_plane import ControlPlane
from sandbox.cluster.kubelet import Kubelet
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.stack import SandboxStack

TOKEN = "huggingFaceToken"  # noqa: S105 - the setting's name


def settings(module: Any) -> dict[str, Any]:
    """What a module changes of the dev stack, in its `STACK`."""
    return getattr(module, "STACK", {})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse at once what could only fail later, and put modules of the same stack together, after those of none.

    With EACH=type in the environment, of each test that is marked `family` only the first case is run, and none that is
    marked `slow`.
    """
    if any("tests/cluster" in str(item.path) for item in items) and not isolation.isolated():
        raise pytest.UsageError("tests/cluster needs namespaces of its own: run `make conformance`")
    if os.environ.get("EACH") == "type":
        firsts = {str(item.parent) + getattr(item, "originalname", item.name): item for item in reversed(items)}
        others = [i for i in items if i.get_closest_marker("family") and i not in firsts.values()]
        left_out = [*others, *(i for i in items if i.get_closest_marker("slow") and i not in others)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    share = {item.path for item in items if isinstance(item, pytest.Function) and "deployed" in item.fixturenames}

    def place(item: pytest.Item) -> tuple[bool, str]:
        if not isinstance(item, pytest.Function) or item.path not in share:
            return False, ""
        return True, json.dumps(settings(item.module), sort_keys=True)

    items.sort(key=place)


class Shared:
    """The stack that tests share, until one with other settings is asked for. At the end it is destroyed."""

    def __init__(self, plane: ControlPlane, home: Callable[[], Path]) -> None:
        self._plane = plane
        self._home = home
        self._up = ExitStack()
        self._settings: dict[str, Any] | None = None

    def up(self, settings: dict[str, Any]) -> SandboxStack:
        """The dev stack with these settings, up, and as the stack file was when it first was, whatever became of it."""
        if settings != self._settings:
            self.end()
            self._stack = self._up.enter_context(
                on_control_plane(home=self._home(), plane=self._plane, config=settings, patience=120)
            )
            self._up.callback(self._stack.destroy)
            if TOKEN not in settings:
                self._stack.set_config(TOKEN, "hf_of_a_test", secret=True)
            self._file, self._settings = self._stack.stack_file.read_text(), settings
        self._stack.stack_file.write_text(self._file)
        self._stack.up()
        return self._stack

    def end(self) -> None:
        """Destroy it."""
        self._settings = None
        self._up.close()


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """The control plane, with something that runs Pods."""
    with ControlPlane() as plane, Kubelet(plane):
        yield plane


@pytest.fixture(scope="session")
def shared(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """What is up for the tests of several modules."""
    shared = Shared(plane, lambda: tmp_path_factory.mktemp("deployed"))
    yield shared
    shared.end()


@pytest.fixture(scope="module")
def deployed(request: pytest.FixtureRequest, shared: Shared) -> SandboxStack:
    """The dev stack, with a token and what `STACK` of the module says, up for all tests of the module."""
    return shared.up(settings(request.module))


@pytest.fixture
def get(plane: ControlPlane) -> Callable[..., list[dict[str, Any]]]:
    """The items of `kubectl get`."""
    return lambda *what: json.loads(plane.kubectl("get", *what, "--output=json"))["items"]
