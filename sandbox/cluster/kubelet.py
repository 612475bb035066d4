"""Runs the Pods of a control plane."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address

from sandbox.api_client import UNREACHABLE, Api, Json

from .control_plane import ControlPlane
from .pod import POLL_SECONDS, Pod
from .probes import SPEED

FIRST_ADDRESS = IPv4Address("10.4.1.0")


class Kubelet:
    """Runs the Pods of a control plane. A context manager; in the end no program of a Pod is left."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._api = Api(plane.kubeconfig)
        self._pods: dict[str, Pod] = {}
        self._stopping = threading.Event()
        self._addresses: Iterator[str] = (str(FIRST_ADDRESS + i) for i in itertools.count())
        self._thread = threading.Thread(target=self._watch, name="kubelet", daemon=True)

    def __enter__(self) -> "Kubelet":
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop every Pod."""
        self._stopping.set()
        self._thread.join()
        for pod in self._pods.values():
            pod.stopping.set()
        for pod in self._pods.values():
            pod.thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            with suppress(*UNREACHABLE):
                listed = self._api.items("/api/v1/pods")
                self._follow({pod["metadata"]["uid"]: pod for pod in listed if pod["spec"].get("nodeName")})

    def _follow(self, bound: dict[str, Json]) -> None:
        for uid, manifest in bound.items():
            if uid not in self._pods:
                self._pods[uid] = Pod(self._plane, self._api, manifest, next(self._addresses))
                self._pods[uid].thread.start()
            if "deletionTimestamp" in manifest["metadata"]:
                self._pods[uid].deleted = True
                self._pods[uid].grace = manifest["metadata"].get("deletionGracePeriodSeconds", 30) / SPEED
                self._pods[uid].stopping.set()
        for uid in self._pods.keys() - bound.keys():
            self._pods[uid].stopping.set()
            if not self._pods[uid].thread.is_alive():
                del self._pods[uid]
