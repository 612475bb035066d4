"""The Kubernetes plugin of a stack on a real control plane: which one it is, and how long it waits."""

from importlib.metadata import version
from pathlib import Path

import pulumi
import pytest

from sandbox.cluster.stack import official_plugin, shortened


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


@pytest.mark.parametrize(
    ("own", "patience", "expected"),
    [
        ("90m", 300, "300s"),
        ("1h30m", 5399, "5399s"),
        ("1h30m", 5401, "5400s"),
        ("20s", 300, "20s"),
        (None, 300, "300s"),
        (None, 6000, "600s"),
    ],
)
def test_a_timeout_is_shortened_and_never_prolonged(own: str | None, patience: float, expected: str) -> None:
    short = shortened(pulumi.CustomTimeouts(create=own, update=own, delete=own), patience)
    assert (short.create, short.update, short.delete) == (expected, expected, expected)


def test_what_has_no_timeouts_gets_some() -> None:
    assert shortened(None, 15).delete == "15s"
