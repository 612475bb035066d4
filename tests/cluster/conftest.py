"""A stack on a real control plane. One cluster serves all tests of a run; what a test makes it removes."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.cluster import isolation
from sandbox.cluster.control_plane import ControlPlane
from sandbox.cluster.kubelet import Kubelet
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.stack import SandboxStack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse at once what could only fail later."""
    if any("tests/cluster" in str(item.path) for item in items) and not isolation.isolated():
        raise pytest.UsageError("tests/cluster needs namespaces of its own: run `make conformance`")


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """The control plane, with something that runs Pods."""
    with ControlPlane() as plane, Kubelet(plane):
        yield plane


@pytest.fixture(scope="module")
def deployed(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStack]:
    """The dev stack, with a token, up for all tests of a module."""
    with on_control_plane(home=tmp_path_factory.mktemp("deployed"), plane=plane, patience=120) as sandbox:
        sandbox.set_config("huggingFaceToken", "hf_of_a_test", secret=True)
        try:
            sandbox.up()
            yield sandbox
        finally:
            sandbox.destroy()


@pytest.fixture
def get(plane: ControlPlane) -> Callable[..., list[dict[str, Any]]]:
    """The items of `kubectl get`."""
    return lambda *what: json.loads(plane.kubectl("get", *what, "--output=json"))["items"]
