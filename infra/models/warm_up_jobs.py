"""The three Jobs that ask for a TPU node before there is a model, tell when it is there, and have vLLM's image on it.

**The holder** asks for what the first model will ask for, all chips of a slice, so the cluster's autoscaler decides the
same for both. It sleeps until the model's Pod preempts it, and never comes back. Its image is the small one: a Pod that
is deleted while its image is pulled ends only after the pull (https://github.com/kubernetes/kubernetes/issues/125050),
so with vLLM's the model would get its chips, and begin with its weights, minutes later. What keeps it from costing
anything, each tried on a real scheduler:

- its priority is below every Pod's, which is 0, and it preempts nothing;
- -10 is the last priority for which the autoscaler adds a node: `--expendable-pods-priority-cutoff` in
  https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md;
- it stays away from every node of its slice, in whatever pool, once a model's Pod runs on one. Else it would take a
  second node if the model came first. The autoscaler sees the same of nodes that do not exist yet;
- a Pod that is deleted is a failure, and `backoffLimit: 0` allows none. A `podFailurePolicy` is not needed for it;
- a Job that is removed when it has ended (`ttlSecondsAfterFinished`) would be made again by the next `pulumi up`.

**The arrival** runs `true` on a node of the slice, and asks for no chips: a node that the holder has brought does, and
so does one on which a model runs. Hence a stack whose models run does not wait, nor one whose holder has ended. It may
not be the holder itself: Pulumi would call a Job that was preempted a failed one in every refresh. Its image is the
smaller of the two that a model's Pod has, so that it waits for the node alone: GKE's kubelet pulls two images at a time
or more (`maxParallelImagePulls` in https://docs.cloud.google.com/kubernetes-engine/docs/how-to/node-system-config). It
has no deadline, as it is what still asks when the holder's has passed.

**The image** runs `true` in vLLM's image, and asks for no chips either, so that the model's Pod has no reason to
preempt it: the image is pulled while the holder gives way and the weights come. Nothing waits for it. It is given up
when the holder is.

None needs a token, a network or a user of its own, so all pass the standard `restricted`.
"""

from typing import Any

from infra.google.slices import TOPOLOGY_LABEL, Slice
from infra.google.tpu_pools import compute_class
from infra.platform import pod_security
from infra.platform.names import VLLM, kserve_labels
from infra.releases import pins
from infra.settings.schema import Settings

from .placement import placement
from .pod import chips

PRIORITY = -10
PRIORITY_CLASS = "tpu-warm-up"

GRACE = 2
"""Seconds until the holder's chips are free. With 0 the scheduler would think them free before the node does."""

PLATFORM = 1800
"""Seconds that the holder keeps a node beyond the wait for it: for Istio, KServe and the gateway, an estimate with much
to spare. What fails in between does not keep a TPU node for longer."""

NOBODY = 65534


def priority_class() -> dict[str, Any]:
    """The PriorityClass of all, but for its name."""
    return {
        "value": PRIORITY,
        "preemption_policy": "Never",
        "description": "Asks for a TPU node before there is a model, and gives way to it.",
    }


def _pod(tpu_slice: Slice, settings: Settings, container: dict[str, Any], **rest: Any) -> dict[str, Any]:
    rights = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        **placement(tpu_slice, compute_class(tpu_slice, settings)),
        "priorityClassName": PRIORITY_CLASS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {**pod_security.SECCOMP, "runAsNonRoot": True, "runAsUser": NOBODY},
        "containers": [{"name": "main", "securityContext": rights, **container}],
        **rest,
    }


def _away_from_models() -> dict[str, Any]:
    term = {
        "labelSelector": {"matchLabels": kserve_labels(VLLM)},
        "namespaceSelector": {},  # those of all namespaces
        "topologyKey": TOPOLOGY_LABEL,
    }
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def holder(tpu_slice: Slice, settings: Settings) -> dict[str, Any]:
    """The spec of the Job that brings a node of a slice, and keeps it for the model."""
    pod = _pod(
        tpu_slice,
        settings,
        {
            "image": settings.image(pins.STORAGE_INITIALIZER_IMAGE),
            "command": ["sleep", "infinity"],
            "resources": chips(tpu_slice),
        },
        affinity=_away_from_models(),
        restartPolicy="Never",
        terminationGracePeriodSeconds=GRACE,
    )
    return {"backoffLimit": 0, "activeDeadlineSeconds": _deadline(settings), "template": {"spec": pod}}


def _deadline(settings: Settings) -> int:
    return settings.tpu_capacity_wait * 60 + PLATFORM


def image(tpu_slice: Slice, settings: Settings) -> dict[str, Any]:
    """The spec of the Job that has vLLM's image pulled to a node of a slice."""
    container = {"image": settings.image(pins.VLLM_TPU_IMAGE), "command": ["true"]}
    pod = _pod(tpu_slice, settings, container, restartPolicy="OnFailure")
    return {"activeDeadlineSeconds": _deadline(settings), "template": {"spec": pod}}


def arrival(tpu_slice: Slice, settings: Settings) -> dict[str, Any]:
    """The spec of the Job that is complete once there is a node of a slice."""
    container = {"image": settings.image(pins.STORAGE_INITIALIZER_IMAGE), "command": ["true"]}
    return {"template": {"spec": _pod(tpu_slice, settings, container, restartPolicy="OnFailure")}}
