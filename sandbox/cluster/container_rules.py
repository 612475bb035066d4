"""What a machine and its container runtime hold a container to, and what its program does when it gets too little.

Decisions on the Pod as the API server has it and on what the program of an image needs; `kubelet` carries them out. A
container is refused (`config_error`) or its program ends at its start (`failure`), as both would in reality:

- `runAsNonRoot` against `runAsUser` and the user of the image, in the kubelet's words;
- a capability that the program needs and has not. A program that does not run as root has none, whatever is added,
  as Kubernetes sets no ambient ones;
- a memory limit below what the program needs: killed, exit code 137. What runs is measured as well (`resident`);
- a /dev/shm that is smaller than what the program writes there: a bus error, exit code 135, as a page of a full tmpfs
  cannot be had. Without a volume it has the 64 MiB that container runtimes give;
- chips, host bounds and chip bounds that are not those of the node, in libtpu's words.

libtpu's words are those of the PyPI package `libtpu` 0.0.44, of which the beginnings are known; JAX puts its own
before them. Left out: the program runs as the sandbox's own user, so nothing is refused to it by the files of an image;
limits of CPU; the sizes of volumes other than /dev/shm, as no program here fills one; seccomp and read-only roots.
"""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from kubernetes.utils import parse_quantity

from sandbox.api_client import Json
from sandbox.programs.image import Needs

CHIPS = "google.com/tpu"
TOPOLOGY = "cloud.google.com/gke-tpu-topology"
CHIPS_OF_A_SLICED_HOST = (2, 2, 1)
"""Where a v6e slice has more than one host: https://cloud.google.com/tpu/docs/v6e."""
RUNTIME_SHM = "64Mi"
DEFAULT_CAPABILITIES = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""containerd's: https://github.com/containerd/containerd/blob/main/pkg/oci/spec.go."""


class Failure(NamedTuple):
    """How a program ends that gets too little: as in the container's status."""

    code: int
    reason: str
    message: str


def _security(pod: Json, container: Json) -> Json:
    """A container's security context: its own, and from the Pod's what it does not say."""
    return {**pod["spec"].get("securityContext", {}), **container.get("securityContext", {})}


def _user(needs: Needs, security: Json) -> int:
    return security.get("runAsUser", needs.user)


def config_error(needs: Needs, pod: Json, container: Json) -> str | None:
    """Why the kubelet makes no container, as `verifyRunAsNonRoot` of Kubernetes 1.36 has it."""
    security = _security(pod, container)
    if not security.get("runAsNonRoot") or _user(needs, security):
        return None
    meta = pod["metadata"]
    which = f'(pod: "{meta["name"]}_{meta["namespace"]}({meta["uid"]})", container: {container["name"]})'
    if "runAsUser" in security:
        return f"container's runAsUser breaks non-root policy {which}"
    return f"container has runAsNonRoot and image will run as root {which}"


def capabilities(needs: Needs, pod: Json, container: Json) -> frozenset[str]:
    """Those that are in effect when the program starts, without their `CAP_`."""
    security = _security(pod, container)
    if _user(needs, security):
        return frozenset()
    asked = security.get("capabilities") or {}
    add, drop = ({c.removeprefix("CAP_") for c in asked.get(what) or []} for what in ("add", "drop"))
    if security.get("privileged") or "ALL" in add:
        return frozenset({*DEFAULT_CAPABILITIES, *needs.capabilities, *add} - drop)
    return frozenset((frozenset() if "ALL" in drop else DEFAULT_CAPABILITIES - drop) | add)


def _bytes(quantity: str) -> int:
    return int(parse_quantity(quantity))


def memory_limit(container: Json) -> float:
    """In bytes; infinite without one."""
    limit = container.get("resources", {}).get("limits", {}).get("memory")
    return _bytes(limit) if limit else math.inf


def resident(pid: int) -> int:
    """Bytes of memory that a running program holds, with those that it has started; 0 once it has ended. Linux only, as
    is what runs Pods."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if found := re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE):
            return int(found[1]) * 1024 + sum(resident(int(child)) for child in started)
    return 0


def shm(pod: Json, container: Json) -> float:
    """The size of /dev/shm in bytes; infinite where the machine's memory is the limit."""
    mounted = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
    if "/dev/shm" not in mounted:  # noqa: S108 - a name
        return _bytes(RUNTIME_SHM)
    [volume] = [v for v in pod["spec"]["volumes"] if v["name"] == mounted["/dev/shm"]]  # noqa: S108
    limit = (volume.get("emptyDir") or {}).get("sizeLimit")
    return _bytes(limit) if limit else math.inf


def _bounds(topology: str) -> tuple[int, ...]:
    sizes = [int(size) for size in topology.split("x")]
    return (*sizes, *[1] * (3 - len(sizes)))


def tpu_problem(container: Json, env: Mapping[str, str], node: Json) -> str | None:
    """What libtpu finds wrong with a container on a node; unset bounds are the node's own."""
    topology = node["metadata"]["labels"].get(TOPOLOGY)
    chips = int(container.get("resources", {}).get("limits", {}).get(CHIPS, 0))
    if not topology or not chips:
        return "No TPU devices found after filtering"
    here = int(node["status"]["capacity"][CHIPS])
    if chips != here:
        return f"Invalid chips per host: {chips} (the node has {here}, and a Pod takes all chips of its host)"
    whole = _bounds(topology)
    host = whole if math.prod(whole) == here else CHIPS_OF_A_SLICED_HOST
    hosts = tuple(size // chips for size, chips in zip(whole, host, strict=True))
    for name, bounds in (("CHIPS_PER_HOST_BOUNDS", host), ("HOST_BOUNDS", hosts)):
        expected = ",".join(map(str, bounds))
        given = env.get(f"TPU_{name}", expected)
        if given.replace(" ", "") != expected:
            return f"Topology {name} does not match VM metadata. Topology: {given}, VM metadata: {expected}"
    return None


def failure(needs: Needs, pod: Json, container: Json, env: Mapping[str, str], node: Json) -> Failure | None:
    """How the program ends for lack of something, the first that it would meet."""
    if memory_limit(container) < _bytes(needs.memory):
        return Failure(137, "OOMKilled", "")
    has = capabilities(needs, pod, container)
    for capability, words in needs.capabilities.items():
        if capability not in has:
            return Failure(1, "Error", words)
    if needs.tpu and (problem := tpu_problem(container, env, node)):
        return Failure(1, "Error", f"RuntimeError: Unable to initialize backend 'tpu': INVALID_ARGUMENT: {problem}")
    if shm(pod, container) < _bytes(needs.shm):
        return Failure(135, "Error", "Bus error (core dumped)")
    return None
