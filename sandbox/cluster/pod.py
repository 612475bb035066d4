"""The machines' part of the cluster: runs the programs of every Pod that the scheduler has bound to a node.

As a kubelet does, it gives a Pod an address and a network of its own, lays out its volumes, resolves its environment,
runs its init containers and containers with their own command and arguments, probes them as the Pod says, restarts what
ends, and reports. A program reaches the API server as its Pod's service account or not at all. `images` says which
program runs for which image.

It leaves out what takes a container: a program sees the machine's files. Volumes below /run, credentials among them,
are where the Pod mounts them; all are in the Pod's folder, `<home>/pods/<namespace>_<name>/<mountPath>`, which is the
working directory. What a container may do and how much it gets is in `container_rules`: what would be refused, or would
end for lack of something, is refused or ends here; how containers end is in `ending`. It also runs no probes by command
and no sidecars among init containers, and a volume stays as it was when the Pod started. Time passes faster: see
`probe.SPEED`.
"""

import base64
import json
import math
import re
import shlex
import shutil
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv4Address

from kubernetes.utils import parse_quantity

from sandbox.api_client import STRATEGIC, UNREACHABLE, Api, ApiException, Json, now
from sandbox.clouds import nat
from sandbox.engine.stack import REPO
from sandbox.programs import catalogue
from sandbox.programs.image import ExecError, Image, PullError

from . import container_rules
from .control_plane import ControlPlane
from .isolation import API_SERVER, BRIDGE, GATEWAY
from .probes import SPEED, Probe
from .termination import LEAST_SECONDS, pre_stop

POLL_SECONDS = 0.3


class MissingError(Exception):
    """Something that a container or volume needs is not there; the message is the kubelet's."""


class Container:
    """One container of a Pod, from waiting to its end."""

    def __init__(self, pod: "Pod", spec: Json, policy: str) -> None:
        self.pod, self.spec, self.policy = pod, spec, policy
        self.log = f"{pod.namespace}_{pod.name}_{spec['name']}"
        self.state: Json = {"waiting": {"reason": "PodInitializing" if pod.inits else "ContainerCreating"}}
        self.last: Json = {}
        self.restarts = 0
        self.ready = self.started = False
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

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
                    action, self.pod.grace, lambda argv: self._run(self.pod.environment(self.spec), argv)
                )
            except Exception as error:  # what it needs is gone, or it is none: the program ends all the same
                problem = repr(error)
            if problem:
                self.pod.event("FailedPreStopHook", f"PreStopHook failed: {problem}")
        self.pod.plane.processes.stop(self._process, max(end - time.monotonic(), LEAST_SECONDS))

    def _run(self, env: dict[str, str], command: list[str]) -> "subprocess.Popen[bytes]":
        pod = self.pod
        command = ["/bin/sh", "-c", f'{"".join(pod.binds(self.spec))}exec "$@"', "sh", *command]
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
            env = pod.environment(spec)
            argv = [expand(part, env) for part in [*(spec.get("command") or image.entrypoint), *spec.get("args", [])]]
            if problem := container_rules.config_error(image.needs, pod.manifest, spec):
                raise MissingError(problem)
            command = catalogue.command(image, pod, argv, env)
            failure = container_rules.failure(image.needs, pod.manifest, spec, env, pod.node)
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


class Pod:
    """One Pod: a thread that makes what it needs, keeps it going, and takes it down when told to stop."""

    def __init__(self, plane: ControlPlane, api: Api, manifest: Json, address: str) -> None:
        meta, self.spec = manifest["metadata"], manifest["spec"]
        self.name, self.namespace, self.uid = meta["name"], meta["namespace"], meta["uid"]
        self.thread = threading.Thread(target=self._run, name=f"pod {self.namespace}/{self.name}", daemon=True)
        self.plane, self.api, self.manifest, self.address = plane, api, manifest, address
        self.stopping, self.deleted = threading.Event(), False
        self.netns, self._link = f"pod-{address}", f"veth{int(IPv4Address(address)):x}"
        self.folder = plane.home / "pods" / f"{self.namespace}_{self.name}"
        self.grace = self.spec.get("terminationGracePeriodSeconds", 30) / SPEED
        policy = self.spec["restartPolicy"]
        self.inits: list[Container] = []
        for spec in self.spec.get("initContainers", []):
            self.inits.append(Container(self, spec, "Never" if policy == "Never" else "OnFailure"))
        self.containers = [Container(self, spec, policy) for spec in self.spec["containers"]]
        self._path = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"
        self._node: Json = {}
        self._mounted = False
        self._start_time = now()
        self._reported: Json = {}
        self._conditions: dict[str, Json] = {}
        self._said: set[str] = set()

    @property
    def node(self) -> Json:
        """The node that it is bound to, as it was when the Pod started."""
        return self._node

    def _run(self) -> None:
        try:
            self._plug_in()
            while not self.stopping.is_set():
                try:
                    self._step()
                    self._report()
                except UNREACHABLE:
                    pass  # the Pod is gone, or the API server is: `stopping` tells
                self.stopping.wait(POLL_SECONDS)
        except Exception:  # a bug of the sandbox: the Pod stands still, and says so
            with self.plane.processes.log("kubelet").open("a") as log:
                log.write(f"{self.name}: {traceback.format_exc()}")
            self.event("FailedSync", f"the sandbox failed, see {log.name}")
            self.stopping.wait()
        with ThreadPoolExecutor() as each:  # a machine that goes away runs no hooks
            list(each.map(lambda container: container.stop(hook=self.deleted), self.inits + self.containers))
        _ip(f"link delete {self._link}", f"netns delete {self.netns}")
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.deleted:
            with suppress(*UNREACHABLE):
                self.api("DELETE", self._path, {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}})

    def _plug_in(self) -> None:
        _ip(
            f"netns add {self.netns}",
            f"link add {self._link} type veth peer name eth0 netns {self.netns}",
            f"link set {self._link} master {BRIDGE} up",
        )
        up = ("link set lo up", f"address add {self.address}/14 dev eth0", "link set eth0 up")
        _ip(*up, f"route add default via {GATEWAY}", netns=self.netns)

    def event(self, reason: str, message: str, *, once: bool = True) -> None:
        """Tell of a problem, and of the same one only once."""
        if not once or message not in self._said:
            self._said.add(message)
            self.api.event(self.manifest, "Pod", reason, message, source="kubelet")

    def _step(self) -> None:
        if not self._mounted:
            try:
                self._mount()
            except MissingError as error:
                self.event("FailedMount", str(error))
                return
        for container in self.inits:
            if not container.finished:
                container.step()
            if not container.succeeded:
                return
        for container in self.containers:
            if not container.finished:
                container.step()

    def pull(self, spec: Json) -> Image:
        """A container's image, from its registry unless the node has it, or a `PullError`."""
        node, name = self.spec["nodeName"], spec["image"]
        held = self.plane.pulled.setdefault(node, set())
        if (name not in held or spec.get("imagePullPolicy") == "Always") and not self.reaches(nat.registry(name)):
            raise PullError(nat.timed_out(name))
        image = catalogue.find(name)
        held.add(name)
        return image

    def reaches(self, host: str) -> bool:
        """Whether what runs here gets to a host outside of the VPC."""
        return self.plane.reaches(self.spec["nodeName"], host)

    # What the Pod's containers find.

    def _mount(self) -> None:
        """Lay the volumes out, and link them to where the containers mount them."""
        self._node = self.api("GET", f"/api/v1/nodes/{self.spec['nodeName']}")
        volumes = self.folder / "volumes"
        for volume in self.spec.get("volumes", []):
            [(kind, source)] = [(k, v) for k, v in volume.items() if k != "name"]
            try:
                files = self._files(kind, source or {})
            except MissingError as error:
                raise MissingError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from None
            (volumes / volume["name"]).mkdir(parents=True, exist_ok=True)
            for path, content in files.items():
                file = volumes / volume["name"] / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        for container in self.inits + self.containers:
            for mount in container.spec.get("volumeMounts", []):
                place = self.folder / mount["mountPath"].strip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                if not place.exists():
                    place.symlink_to(volumes / mount["name"] / mount.get("subPath", ""))
        self._mounted = True

    def binds(self, spec: Json) -> Iterator[str]:
        """Shell commands that put a container's volumes below /run in place; the program alone sees it.

        Its name server is one that does not exist, and so refuses at once: no names are looked up in the sandbox.
        """
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {GATEWAY}\n")
        yield f"if [ -e /etc/resolv.conf ]; then mount --bind {shlex.quote(str(resolver))} /etc/resolv.conf; fi && "
        for mount in spec.get("volumeMounts", []):
            if mount["mountPath"].startswith(("/run/", "/var/run/")):
                place = shlex.quote(mount["mountPath"])
                source = shlex.quote(str(self.folder / mount["mountPath"].strip("/")))
                yield f"mkdir -p {place} && mount --bind {source} {place} && "

    def _files(self, kind: str, source: Json) -> dict[str, bytes]:
        """The files of a volume, or of a part of a projected one."""
        if kind == "emptyDir":
            return {}
        if kind == "projected":
            parts = [part for entry in source["sources"] for part in entry.items()]
            return {path: content for part in parts for path, content in self._files(*part).items()}
        if kind == "downwardAPI":
            return {i["path"]: self._field(i["fieldRef"]["fieldPath"]).encode() for i in source["items"]}
        if kind == "serviceAccountToken":
            account = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.spec['serviceAccountName']}/token"
            bound = {"apiVersion": "v1", "kind": "Pod", "name": self.name, "uid": self.uid}
            audiences = [source["audience"]] if source.get("audience") else []
            asked = {"audiences": audiences, "boundObjectRef": bound, "expirationSeconds": source["expirationSeconds"]}
            return {source["path"]: self.api("POST", account, {"spec": asked})["status"]["token"].encode()}
        if kind in ("secret", "configMap"):
            data = self._data(kind, source.get("secretName") or source["name"], source.get("optional", False))
            items = source.get("items", [{"key": key, "path": key} for key in data])
            missing = [item["key"] for item in items if item["key"] not in data]
            if missing and not source.get("optional"):
                raise MissingError(f"references non-existent {kind.lower()} key: {missing[0]}")
            return {item["path"]: data[item["key"]] for item in items if item["key"] in data}
        raise MissingError(f"the sandbox has no volumes of the kind {kind}")

    def _data(self, kind: str, name: str, optional: bool) -> dict[str, bytes]:
        """What is in a Secret or ConfigMap."""
        try:
            found = self.api("GET", f"/api/v1/namespaces/{self.namespace}/{kind.lower()}s/{name}")
        except ApiException as error:
            if error.status != 404:
                raise
            if optional:
                return {}
            raise MissingError(f'{kind.lower()} "{name}" not found') from None
        data = found.get("data", {})
        if kind == "secret":
            return {key: base64.b64decode(value) for key, value in data.items()}
        return {key: value.encode() for key, value in data.items()}

    def environment(self, spec: Json) -> dict[str, str]:
        """A container's environment: its own, and the little that stands in for its file system."""
        env: dict[str, str] = {}
        for source in spec.get("envFrom", []):
            [(kind, ref)] = [(k.removesuffix("Ref"), v) for k, v in source.items() if k != "prefix"]
            for key, value in self._data(kind, ref["name"], ref.get("optional", False)).items():
                env[source.get("prefix", "") + key] = value.decode()
        for entry in spec.get("env", []):
            if "valueFrom" not in entry:
                env[entry["name"]] = expand(entry.get("value", ""), env)
            elif (value := self._value(spec, entry["valueFrom"])) is not None:
                env[entry["name"]] = value
        server = {"KUBERNETES_SERVICE_HOST": API_SERVER, "KUBERNETES_SERVICE_PORT": "443"}
        tools = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(REPO), "SANDBOX_SPEED": str(SPEED)}
        place = {"HOSTNAME": self.name, "HOME": str(self.folder), "TMPDIR": str(self.folder / "tmp")}
        return {**server, **tools, **place, **env}

    def _value(self, spec: Json, source: Json) -> str | None:
        [(kind, ref)] = source.items()
        if kind == "fieldRef":
            return self._field(ref["fieldPath"])
        if kind == "resourceFieldRef":
            which, resource = ref["resource"].split(".")
            most = self._node["status"]["allocatable"][resource]
            amount = parse_quantity(spec.get("resources", {}).get(which, {}).get(resource, most))
            return str(math.ceil(amount / (parse_quantity(ref.get("divisor", "1")) or 1)))
        title = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}[kind]
        found = self._data(kind.removesuffix("KeyRef"), ref["name"], ref.get("optional", False)).get(ref["key"])
        if found is None and not ref.get("optional"):
            raise MissingError(f"couldn't find key {ref['key']} in {title} {self.namespace}/{ref['name']}")
        return None if found is None else found.decode()

    def _field(self, path: str) -> str:
        """A field of the Pod, as the downward API has it."""
        keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.*)'\]", path)
        meta = self.manifest["metadata"]
        if keyed:
            return meta.get(keyed[1], {}).get(keyed[2], "")
        if path in ("metadata.labels", "metadata.annotations"):
            found = meta.get(path.split(".")[1], {})
            return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(found.items()))
        status = {"podIP": self.address, "podIPs": self.address, "hostIP": self._host(), "hostIPs": self._host()}
        part, field = path.split(".")
        return {"metadata": meta, "spec": self.spec, "status": status}[part][field]

    def _host(self) -> str:
        return self._node["status"]["addresses"][0]["address"]

    # What the Pod's status says.

    def _phase(self) -> str:
        if any(c.finished and not c.succeeded for c in self.inits):
            return "Failed"
        if all(c.finished for c in self.containers):
            return "Succeeded" if all(c.succeeded for c in self.containers) else "Failed"
        return "Running" if all("waiting" not in c.state or c.last for c in self.containers) else "Pending"

    def _condition(self, kind: str, value: bool, reason: str = "") -> Json:
        status = "True" if value else "False"
        old = self._conditions.get(kind, {})
        if old.get("status") != status:
            self._conditions[kind] = {"type": kind, "status": status, "lastTransitionTime": now()}
        return self._conditions[kind] | ({"reason": reason} if reason and not value else {"reason": None})

    def _report(self) -> None:
        phase = self._phase()
        ready, done = all(c.ready for c in self.containers), all(c.succeeded for c in self.inits)
        reason = "PodCompleted" if phase == "Succeeded" else "ContainersNotReady"
        status: Json = {
            "phase": phase,
            "startTime": self._start_time,
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "conditions": [
                self._condition("PodReadyToStartContainers", self._mounted),
                self._condition("Initialized", self._mounted and done, "ContainersNotInitialized"),
                self._condition("ContainersReady", ready, reason),
                self._condition("Ready", ready, reason),
            ],
            "initContainerStatuses": [c.status() for c in self.inits],
            "containerStatuses": [c.status() for c in self.containers],
        }
        if self._node:
            status |= {"hostIP": self._host(), "hostIPs": [{"ip": self._host()}]}
        if status != self._reported:
            self.api("PATCH", f"{self._path}/status", {"status": status}, content=STRATEGIC)
            self._reported = json.loads(json.dumps(status))


def expand(text: str, env: dict[str, str]) -> str:
    """`$(NAME)` replaced by a variable that is known, `$$` by a dollar."""
    return re.sub(r"\$(?:\$|\(([^)]+)\))", lambda m: "$" if m[0] == "$$" else env.get(m[1], m[0]), text)


def _ip(*commands: str, netns: str = "") -> None:
    place = ["-netns", netns] if netns else []
    subprocess.run(["ip", *place, "-batch", "-"], input="\n".join(commands), text=True, check=True)  # noqa: S603, S607
