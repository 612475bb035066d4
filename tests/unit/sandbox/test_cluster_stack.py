"""The Kubernetes plugin of a stack on a real control plane: which one it is."""

from importlib.metadata import version
from pathlib import Path

import pytest

from sandbox.cluster.stack import official_plugin


def test_the_official_plugin_of_the_sdks_version_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert official_plugin() is None
    older, right = (tmp_path / "plugins" / f"resource-kubernetes-v{v}" for v in ("4.0.0", version("pulumi_kubernetes")))
    for folder in (older, right):
        folder.mkdir(parents=True)
    (older / "pulumi-resource-kubernetes").touch()
    assert official_plugin() is None
    (right / "pulumi-resource-kubernetes").touch()
    assert official_plugin() == right / "pulumi-resource-kubernetes"
