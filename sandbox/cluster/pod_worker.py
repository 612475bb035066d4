"""The life of one Pod: what is due is done, one container after the other, and the Pod's status says how it stands."""

import json
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from sandbox.api_client import STRATEGIC, UNREACHABLE, Json, now

from .container import Container
from .pod import MissingError, Pod
from .volumes import REFRESH_SECONDS, mount, refresh

POLL_SECONDS = 0.3


class PodWorker:
    """A thread that makes what a Pod needs, keeps it going, and takes it down when told to stop."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.thread = threading.Thread(target=self._run, name=f"pod {pod.namespace}/{pod.name}", daemon=True)
        self.stopping, self.deleted = threading.Event(), False
        policy = pod.spec["restartPolicy"]
        of_inits = "Never" if policy == "Never" else "OnFailure"
        self._inits = [Container(pod, spec, of_inits) for spec in pod.spec.get("initContainers", [])]
        self._containers = [Container(pod, spec, policy) for spec in pod.spec["containers"]]
        self._mounted, self._refreshed = False, 0.0
        self._start_time = now()
        self._reported: Json = {}
        self._conditions: dict[str, Json] = {}

    def _run(self) -> None:
        try:
            self.pod.plug_in()
            while not self.stopping.is_set():
                try:
                    self._step()
                    self._report()
                except UNREACHABLE:
                    pass  # the Pod is gone, or the API server is: `stopping` tells
                self.stopping.wait(POLL_SECONDS)
        except Exception:  # a bug of the sandbox: the Pod stands still, and says so
            with self.pod.plane.processes.log("kubelet").open("a") as log:
                log.write(f"{self.pod.name}: {traceback.format_exc()}")
            self.pod.event("FailedSync", f"the sandbox failed, see {log.name}")
            self.stopping.wait()
        with ThreadPoolExecutor() as each:  # a machine that goes away runs no hooks
            list(each.map(lambda container: container.stop(hook=self.deleted), self._inits + self._containers))
        self.pod.unplug()
        if self.deleted:
            with suppress(*UNREACHABLE):
                self._report_end()
            with suppress(*UNREACHABLE):
                self.pod.api("DELETE", self.pod.path, {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod.uid}})

    def _step(self) -> None:
        if not self._mounted:
            if not self.pod.plane.filtered(self.pod.address):
                return  # its address is reported first
            try:
                self.pod.node = self.pod.api("GET", f"/api/v1/nodes/{self.pod.spec['nodeName']}")
                mount(self.pod)
                self._mounted, self._refreshed = True, time.monotonic()
            except MissingError as error:
                self.pod.event("FailedMount", str(error))
                return
        if time.monotonic() > self._refreshed + REFRESH_SECONDS:
            refresh(self.pod)
            self._refreshed = time.monotonic()
        for container in self._inits:
            if not container.finished:
                container.step()
            if not container.succeeded:
                return
        for container in self._containers:
            if not container.finished:
                container.step()

    def _report_end(self) -> None:
        """Say how the containers ended, and with them the Pod: who watches it, as a Job does, counts it by its phase.

        A Pod that always restarts has no end of its own; one that is deleted has (`generateAPIPodStatus` in Kubernetes'
        pkg/kubelet/kubelet_pods.go, since 1.27).
        """
        for container in self._inits + self._containers:
            container.end()
        self._report()

    # What the Pod's status says.

    def _phase(self) -> str:
        if any(c.finished and not c.succeeded for c in self._inits):
            return "Failed"
        if all(c.finished for c in self._containers):
            return "Succeeded" if all(c.succeeded for c in self._containers) else "Failed"
        return "Running" if all("waiting" not in c.state or c.last for c in self._containers) else "Pending"

    def _condition(self, kind: str, value: bool, reason: str = "") -> Json:
        status = "True" if value else "False"
        old = self._conditions.get(kind, {})
        if old.get("status") != status:
            self._conditions[kind] = {"type": kind, "status": status, "lastTransitionTime": now()}
        return self._conditions[kind] | ({"reason": reason} if reason and not value else {"reason": None})

    def _report(self) -> None:
        phase = self._phase()
        ready, done = all(c.ready for c in self._containers), all(c.succeeded for c in self._inits)
        reason = "PodCompleted" if phase == "Succeeded" else "ContainersNotReady"
        status: Json = {
            "phase": phase,
            "startTime": self._start_time,
            "podIP": self.pod.address,
            "podIPs": [{"ip": self.pod.address}],
            "conditions": [
                self._condition("PodReadyToStartContainers", self._mounted),
                self._condition("Initialized", self._mounted and done, "ContainersNotInitialized"),
                self._condition("ContainersReady", ready, reason),
                self._condition("Ready", ready, reason),
            ],
            "initContainerStatuses": [c.status() for c in self._inits],
            "containerStatuses": [c.status() for c in self._containers],
        }
        if self.pod.node:
            status |= {"hostIP": self.pod.host, "hostIPs": [{"ip": self.pod.host}]}
        if status != self._reported:
            self.pod.api("PATCH", f"{self.pod.path}/status", {"status": status}, content=STRATEGIC)
            self._reported = json.loads(json.dumps(status))
