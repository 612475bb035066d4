"""One container of a Pod: its program, which is started, probed, restarted and ended as a kubelet does."""

import math
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

from sandbox.api_client import Json, now
from sandbox.programs import catalogue
from sandbox.programs.image import ExecError, PullError

from . import container_rules
from .environment import environment, expand
from .pod import MissingError, Pod
from .probes import SPEED, Probe
from .termination import LEAST_SECONDS, pre_stop, wait
from .volumes import binds


class Container:
    """One container of a Pod, from waiting to its end."""

    def __init__(self, pod: Pod, spec: Json, policy: str) -> None:
        self.pod, self.spec, self.policy = pod, spec, policy
        self.log = f"{pod.namespace}_{pod.name}_{spec['name']}"
        waits_for = "PodInitializing" if pod.spec.get("initContainers") else "ContainerCreating"
        self.state: Json = {"waiting": {"reason": waits_for}}
        self.last: Json = {}
        self.restarts = 0
        self.ready = self.started = False
        self._process: subprocess.Popen[bytes] | None = None
        self._before_end: Sequence[str] = ()
        self._not_before = 0.0
        self._log_start, self._started_at = 0, now()

    @property
    def finished(self) -> bool:
        """Whether it has ended for good."""
        return self._not_before == math.inf

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well, for good."""
        return self.finished and not self.state["terminated"]["exitCode"]

    def status(self) -> Json:
        """As in the Pod's status."""
        facts = {"name": self.spec["name"], "image": self.spec["image"], "imageID": ""}
        counts = {"restartCount": self.restarts, "ready": self.ready, "started": self.started}
        return {**facts, **counts, "state": self.state, "lastState": self.last}

    def step(self) -> None:
        """Do what is due."""
        if self._process is None:
            if time.monotonic() >= self._not_before:
                self._start()
        elif (code := self._process.poll()) is not None:
            self._ended(code)
        elif container_rules.resident(self._process.pid) > container_rules.memory_limit(self.spec):
            self._process.kill()
            self._process.wait()
            self._ended(137, "OOMKilled")
        elif failed := self._ask():
            message = f"Container {self.spec['name']} failed {failed.kind} probe, will be restarted"
            self.pod.event("Killing", message, once=False)
            self.stop()
            self._ended(self._process.returncode)

    def stop(self, *, hook: bool = True) -> None:
        """End the program within the Pod's grace period, its `preStop` hook first."""
        if not self._process or self._process.poll() is not None:
            return
        end = time.monotonic() + self.pod.grace
        if hook and (action := self.spec.get("lifecycle", {}).get("preStop")):
            try:
                problem = pre_stop(
                    action, self.pod.grace, lambda argv: self._run(environment(self.pod, self.spec), argv)
                )
            except Exception as error:  # what it needs is gone, or it is none: the program ends all the same
                problem = repr(error)
            if problem:
                self.pod.event("FailedPreStopHook", f"PreStopHook failed: {problem}")
        if hook and self._before_end:
            wait(self._run(environment(self.pod, self.spec), [*self._before_end]), end - time.monotonic())
        self.pod.plane.processes.stop(self._process, max(end - time.monotonic(), LEAST_SECONDS))

    def end(self) -> None:
        """Take note of the end of a container that was stopped with its Pod; it is not started again."""
        self.policy = "Never"
        if self._process:
            code = self._process.poll()
            self._ended(137 if code is None else code)
        elif not self.finished:
            # pkg/kubelet/status/status_manager.go: one that never ran, or is between two starts
            self._ended(137, "ContainerStatusUnknown", "The container could not be located when the pod was terminated")

    def _run(self, env: dict[str, str], command: list[str]) -> "subprocess.Popen[bytes]":
        pod = self.pod
        command = ["/bin/sh", "-c", f'{"".join(binds(pod, self.spec))}exec "$@"', "sh", *command]
        return pod.plane.processes.start(self.log, command, env=env, netns=pod.netns, cwd=pod.folder)

    def _wait(self, reason: str, message: str, seconds: float) -> None:
        self.state = {"waiting": {"reason": reason, "message": message}}
        self._not_before = time.monotonic() + seconds
        self.pod.event("BackOff" if "BackOff" in reason else "Failed", message)

    def _start(self) -> None:
        pod, spec = self.pod, self.spec
        file = pod.plane.processes.log(self.log)
        self._log_start = file.stat().st_size if file.exists() else 0
        self._started_at = now()
        try:
            image = pod.pull(spec)
            self._before_end = image.end
            env = environment(pod, spec)
            argv = [expand(part, env) for part in [*(spec.get("command") or image.entrypoint), *spec.get("args", [])]]
            needs = catalogue.needs(image, argv)
            if problem := container_rules.config_error(needs, pod.manifest, spec):
                raise MissingError(problem)
            command = catalogue.command(image, pod, argv, env)
            failure = container_rules.failure(needs, pod.manifest, spec, env, pod.node)
        except PullError as error:
            pulled_before = self.state.get("waiting", {}).get("reason") in ("ErrImagePull", "ImagePullBackOff")
            message = (
                f'Back-off pulling image "{spec["image"]}": ErrImagePull: {error}' if pulled_before else str(error)
            )
            self._wait("ImagePullBackOff" if pulled_before else "ErrImagePull", message, 10 / SPEED)
        except MissingError as error:
            self._wait("CreateContainerConfigError", str(error), 10 / SPEED)
        except ExecError as error:
            self._ended(128, "StartError", str(error))
        else:
            if failure:
                with file.open("a") as log:
                    log.write(f"{failure.message}\n")
                self._ended(*failure)
                return
            self._process = self._run(env, command)
            self.state = {"running": {"startedAt": self._started_at}}
            self._probes = (self._probe("startup"), self._probe("readiness"), self._probe("liveness"))

    def _probe(self, kind: str) -> Probe:
        return Probe(
            kind,
            self.spec.get(f"{kind}Probe"),
            address=self.pod.address,
            ports={p["name"]: p["containerPort"] for p in self.spec.get("ports", []) if "name" in p},
            tell=lambda problem: self.pod.event("Unhealthy", problem),
        )

    def _ask(self) -> Probe | None:
        """The probe by which it has to be restarted."""
        startup, readiness, liveness = self._probes
        if not self.started:
            result = startup.poll()
            if not result:
                return startup if result is False else None
            self.started = True
        if liveness.poll() is False:
            return liveness
        result = readiness.poll()
        self.ready = self.ready if result is None else result
        return None

    def _ended(self, code: int, reason: str = "", message: str = "") -> None:
        code = 128 - code if code < 0 else code  # by a signal
        with suppress(FileNotFoundError), self.pod.plane.processes.log(self.log).open("rb") as log:
            log.seek(self._log_start)
            message = message or log.read()[-2048:].decode(errors="replace")
        ended: Json = {"exitCode": code, "reason": reason or ("Error" if code else "Completed")}
        ended |= {"startedAt": self._started_at, "finishedAt": now(), "message": message if code else ""}
        self._process, self.ready, self.started = None, False, False
        self.state = {"terminated": ended}
        if self.policy == "Never" or (self.policy == "OnFailure" and not code):
            self._not_before = math.inf
            return
        self.last = self.state
        seconds = min(10 * 2 ** (self.restarts - 1), 300) if self.restarts else 0  # the first time at once
        if seconds:
            what = f"container={self.spec['name']} pod={self.pod.name}_{self.pod.namespace}({self.pod.uid})"
            self._wait("CrashLoopBackOff", f"back-off {seconds}s restarting failed {what}", seconds / SPEED)
        self.restarts += 1
