"""What a Pod finds in its volumes, and how that follows the cluster."""

from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.cluster import volumes
from sandbox.cluster.pod import MissingError, Pod


class Mounting:
    """A Pod that mounts a Secret that may be missing, and a projected ConfigMap beside a token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: dict[str, dict[str, bytes]] = {"certs": {}, "settings": {"a": b"1"}}
        self.tokens = 0
        self.namespace, self.name, self.uid = "keda", "operator", "u"
        sources = [
            {"configMap": {"name": "settings"}},
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 9}},
        ]
        mounts = [{"name": "certificates", "mountPath": "/certs"}, {"name": "all", "mountPath": "/all"}]
        self.spec: dict[str, Any] = {
            "serviceAccountName": "keda",
            "volumes": [
                {"name": "certificates", "secret": {"secretName": "certs", "optional": True}},
                {"name": "all", "projected": {"sources": sources}},
            ],
            "containers": [{"volumeMounts": mounts}],
        }

    def data(self, _kind: str, name: str, _optional: bool) -> dict[str, bytes]:
        if name not in self.found:
            raise MissingError(name)
        return self.found[name]

    def api(self, *_: Any) -> dict[str, Any]:
        self.tokens += 1
        return {"status": {"token": f"token {self.tokens}"}}


@pytest.fixture
def pod(tmp_path: Path) -> Mounting:
    mounting = Mounting(tmp_path)
    volumes.mount(cast(Pod, mounting))
    return mounting


def refresh(pod: Mounting) -> None:
    volumes.refresh(cast(Pod, pod))


def test_secret_that_comes_later_is_there_as_soon_as_the_volumes_are_looked_at(pod: Mounting) -> None:
    assert list((pod.folder / "certs").iterdir()) == []
    pod.found["certs"] = {"tls.crt": b"one"}
    refresh(pod)
    assert (pod.folder / "certs" / "tls.crt").read_bytes() == b"one"
    pod.found["certs"] = {"tls.crt": b"two"}
    refresh(pod)
    assert [(file.name, file.read_bytes()) for file in (pod.folder / "certs").iterdir()] == [("tls.crt", b"two")]


def test_what_has_not_changed_is_not_written(pod: Mounting) -> None:
    before = (pod.folder / "all" / "a").stat().st_ino
    refresh(pod)
    assert (pod.folder / "all" / "a").stat().st_ino == before
    pod.found["settings"] = {"a": b"2"}
    refresh(pod)
    assert (pod.folder / "all" / "a").read_bytes() == b"2"


def test_token_stays_and_what_is_gone_from_the_cluster_stays_too(pod: Mounting) -> None:
    del pod.found["settings"]
    refresh(pod)
    assert (pod.folder / "all" / "a").read_bytes() == b"1"
    assert (pod.folder / "all" / "token").read_text() == "token 1"
    assert pod.tokens == 1
