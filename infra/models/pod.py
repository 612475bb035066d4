"""The Pod that serves a model: vLLM's command line and the Pod template around it.

KServe v0.20 merges this template over its own preset by container and volume name, and the preset is made for GPUs: the
image, the user, the capabilities, the probes, the size of /dev/shm and the memory of the storage initializer below each
replace a default that a TPU Pod does not survive.
"""

from collections.abc import Sequence
from typing import Any

from infra.google import slices
from infra.platform import pod_security
from infra.releases import pins
from infra.settings.model import Model

from . import compile_cache, timing
from .placement import placement
from .routes import PORT

TPU_METRICS = {"name": "tpu-metrics", "containerPort": 8431, "protocol": "TCP"}
"""Where libtpu tells how busy the chips are and how full their memory. GKE reads it for its system metrics if a
container with chips names the port (https://cloud.google.com/kubernetes-engine/docs/how-to/tpus#metrics)."""


def args(model: Model, tpu_slice: slices.Slice) -> list[str]:
    """The flags of `vllm serve /mnt/models` for a model on a slice."""
    return [
        f"--port={PORT}",
        "--served-model-name",
        *model.names,
        f"--tensor-parallel-size={model.tensor_parallel_size or tpu_slice.chips}",
        f"--dtype={model.tpu_dtype}",
        *([f"--max-model-len={model.max_model_len}"] if model.max_model_len else []),
        *(["--trust-remote-code"] if model.trust_remote_code else []),
        f"--shutdown-timeout={timing.SHUTDOWN_TIMEOUT}",
        *model.extra_args,
    ]


def _probe(period_seconds: int, failure_threshold: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": "/health", "port": PORT, "scheme": "HTTP"},
        "periodSeconds": period_seconds,
        "timeoutSeconds": 5,
        "failureThreshold": failure_threshold,
    }


def dropped(model: Model, isolated: bool) -> list[str]:
    """The capabilities that vLLM gives up, of those that a container has by itself.

    Isolated, it gives up all. Weights from an image stay with the least, as vLLM reads them through `/proc/PID/root` of
    the container that holds them, and the kernel lets it only if it has every capability of that one
    (https://github.com/torvalds/linux/blob/v6.12/security/commoncap.c, `cap_ptrace_access_check`).
    """
    return ["ALL"] if isolated and not model.uri.startswith("oci://") else ["NET_RAW"]


def _vllm(
    model: Model, tpu_slice: slices.Slice, image: str, *, isolated: bool, measured: bool, cached: bool
) -> dict[str, Any]:
    return {
        "name": "main",
        "image": image,
        "command": ["vllm", "serve", "/mnt/models"],
        "args": args(model, tpu_slice),
        "env": [
            {"name": "TPU_CHIPS_PER_HOST_BOUNDS", "value": tpu_slice.chips_per_host_bounds},
            {"name": "TPU_HOST_BOUNDS", "value": "1,1,1"},
            # How long several API servers (`--api-server-count`) wait for the engine, by default ten minutes; a single
            # one waits as long as it takes (`vllm/v1/engine/core_client.py`). The probe decides.
            {"name": "VLLM_ENGINE_READY_TIMEOUT_S", "value": str(timing.START)},
            *([compile_cache.ENVIRONMENT] if cached else []),
        ],
        **({"volumeMounts": [compile_cache.MOUNT]} if cached else {}),
        **({"ports": [TPU_METRICS]} if measured else {}),
        "resources": chips(tpu_slice),
        # The image runs as root. libtpu locks memory, and an unprivileged container may only raise that limit with
        # SYS_RESOURCE. KServe's own `drop: [ALL]` gives way to a list, not to an empty one.
        "securityContext": {
            "runAsNonRoot": False,
            "runAsUser": 0,
            "capabilities": {"add": ["SYS_RESOURCE"], "drop": dropped(model, isolated)},
        },
        # Not `sleep`, which the API would take as well: KServe merges the preset's `exec` beside it, and a hook has
        # one action.
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sleep", str(timing.PRE_STOP)]}}},
        "startupProbe": _probe(period_seconds=10, failure_threshold=timing.START // 10),
        "readinessProbe": _probe(period_seconds=5, failure_threshold=3),
        "livenessProbe": _probe(period_seconds=10, failure_threshold=10),
    }


def _storage_initializer() -> dict[str, Any]:
    return {
        # KServe's 1 CPU and 1Gi is slow and runs out of memory on large files; the chart's `kserve.storage.resources`
        # does not reach this container.
        "name": "storage-initializer",
        "resources": {
            "limits": {"cpu": "4", "memory": "8Gi"},
            "requests": {"cpu": "1", "memory": "2Gi"},
        },
    }


def chips(tpu_slice: slices.Slice) -> dict[str, Any]:
    """The resources of a container that takes all chips of a node of a slice."""
    all_of_them = {"google.com/tpu": str(tpu_slice.chips)}
    return {"limits": all_of_them, "requests": all_of_them}


def pod_template(
    model: Model,
    tpu_slice: slices.Slice,
    image: str = pins.VLLM_TPU_IMAGE,
    *,
    isolated: bool = False,
    measured: bool = False,
    compute_class: str = "",
    volumes: Sequence[dict[str, Any]] = (),
    cached: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The Pod template of a model, without its service account. `image` is vLLM's, as the stack names it,
    `compute_class` what orders the slice's node pools, if there are several, `volumes` are more than KServe's own, and
    `cached` is that of compiled programs, if they are kept.

    Isolated, every container of the Pod has the runtime's own seccomp profile, and no token for the Kubernetes API, as
    none of them asks it anything. `measured`, GKE reads of libtpu how busy the chips are.

    Every quantity is a string, as the API server returns it: a number would show up as a change for ever. The flags are
    in `args` and the command is not a shell, because KServe's preset is a bash `eval` that parses every flag again.
    """
    return {
        **placement(tpu_slice, compute_class),
        "containers": [_vllm(model, tpu_slice, image, isolated=isolated, measured=measured, cached=cached is not None)],
        "initContainers": [_storage_initializer()],
        "terminationGracePeriodSeconds": timing.grace_period(),
        "volumes": [
            {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}},
            *volumes,
            *([cached] if cached else []),
        ],
        **({"automountServiceAccountToken": False, "securityContext": pod_security.SECCOMP} if isolated else {}),
    }
