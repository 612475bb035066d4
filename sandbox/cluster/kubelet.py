"""The machines' part of the cluster: runs the programs of every Pod that the scheduler has bound to a node.

As a kubelet does, it gives a Pod an address and a network of its own, lays out its volumes, resolves its environment,
runs its init containers and containers with their own command and arguments, probes them as the Pod says, restarts what
ends, and reports. A program reaches the API server as its Pod's service account or not at all. `programs.catalogue`
says which program runs for which image. Each Pod has a `PodWorker`.

It leaves out what takes a container: a program sees the machine's files. Volumes below /run, credentials among them,
are where the Pod mounts them; all are in the Pod's folder, `<home>/pods/<namespace>_<name>/<mountPath>`, which is the
working directory. What a container may do and how much it gets is in `container_rules`: what would be refused, or would
end for lack of something, is refused or ends here; how containers end is in `termination`. It also runs no probes by
command and no sidecars among init containers. Time passes faster: see `probes.SPEED`.
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address

from sandbox.api_client import UNREACHABLE, Json

from .control_plane import ControlPlane
from .pod import Pod
from .pod_worker import POLL_SECONDS, PodWorker
from .probes import SPEED

FIRST_ADDRESS = IPv4Address("10.4.1.0")


class Kubelet:
    """Runs the Pods of a control plane. A context manager; in the end no program of a Pod is left."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._workers: dict[str, PodWorker] = {}
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
        for worker in self._workers.values():
            worker.stopping.set()
        for worker in self._workers.values():
            worker.thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            with suppress(*UNREACHABLE):
                listed = self._plane.api.items("/api/v1/pods")
                self._follow({pod["metadata"]["uid"]: pod for pod in listed if pod["spec"].get("nodeName")})

    def _follow(self, bound: dict[str, Json]) -> None:
        for uid, manifest in bound.items():
            if uid not in self._workers:
                self._workers[uid] = PodWorker(Pod(self._plane, manifest, next(self._addresses)))
                self._workers[uid].thread.start()
            if "deletionTimestamp" in manifest["metadata"]:
                self._workers[uid].deleted = True
                self._workers[uid].pod.grace = manifest["metadata"].get("deletionGracePeriodSeconds", 30) / SPEED
                self._workers[uid].stopping.set()
        for uid in self._workers.keys() - bound.keys():
            self._workers[uid].stopping.set()
            if not self._workers[uid].thread.is_alive():
                del self._workers[uid]
