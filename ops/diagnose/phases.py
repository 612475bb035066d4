"""How far a model is on its way to Ready."""

from datetime import datetime
from typing import NamedTuple

from . import vllm_log
from .objects import Container, Pod, Thing
from .observed import Observed

INITIALIZER, VLLM = "storage-initializer", "main"
"""KServe's names of the container that downloads weights, and of vLLM's."""
PULLING = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
"""The kubelet's reasons why a container waits for its image and does not get it."""

STOP, AWAITED = "serving.kserve.io/stop", "pulumi.com/waitFor"
"""Annotations of a model: what stops it, and what Pulumi waits for."""
PLATFORM, READY, PAUSED, ASLEEP, UNREAD = "platform", "ready", "paused", "asleep", "unknown"
DONE = (READY, PAUSED, ASLEEP)
"""Phases in which a model is as its stack file wants it."""
PHASES = (PLATFORM, "node", "image", "weights", "load", "compilation", "route", READY)
"""In their order: the platform is installed; a node comes; the image is pulled, the storage initializer's first and
vLLM's behind the weights; weights are downloaded; vLLM puts them on the chips; it compiles; gateway and picker learn of
the Pod."""


class Phase(NamedTuple):
    """Where a model is, how far within that, and since when as far as the cluster says. `UNREAD` is where it may be
    anywhere, as a list that tells it was not read to its end."""

    name: str
    detail: str = ""
    since: datetime | None = None


def is_paused(model: Thing) -> bool:
    """Whether the stack file has paused a model: then Pulumi waits for its end. Who stops it by hand leaves that."""
    told = model.metadata.annotations
    return told.get(STOP) == "true" and told.get(AWAITED) == "condition=Ready=False"


def is_asleep(seen: Observed, model: Thing) -> bool:
    """Whether a model has no Pods because nobody asks for it: KServe is told no replicas, so they are KEDA's to say,
    and its Deployment is to have none. KServe calls that Ready."""
    found = seen.deployment(model.place)
    return model.ready and model.spec.replicas is None and found is not None and found.spec.replicas == 0


def _named(pod: Pod, name: str) -> Container | None:
    return next((container for container in pod.containers if container.name == name), None)


def _scheduled(pod: Pod) -> datetime | None:
    found = pod.condition("PodScheduled")
    return found.last_transition_time if found else None


def _of_vllm(seen: Observed, pod: Pod, since: datetime | None) -> Phase:
    """vLLM runs: what its log says it does."""
    step, detail = vllm_log.progress(seen.log(pod, VLLM))
    if step in (vllm_log.COMPILING, vllm_log.STARTED):
        return Phase("compilation", detail or step, None)
    return Phase("load", detail, since)


def of_pod(seen: Observed, pod: Pod) -> Phase:
    """Where one Pod is."""
    if pod.ready:
        ready = pod.condition("Ready")
        return Phase("route", since=ready.last_transition_time if ready else None)
    if not pod.spec.node_name:
        last = next(iter(seen.events_of(pod, "FailedScaleUp", "NotTriggerScaleUp", "TriggeredScaleUp")), None)
        return Phase("node", last.message if last else "", pod.metadata.creation_timestamp)
    weights, vllm = _named(pod, INITIALIZER), _named(pod, VLLM)
    if weights and weights.state.running:
        return Phase("weights", vllm_log.fetched(seen.log(pod, INITIALIZER)), weights.state.running.started_at)
    if vllm and vllm.state.running:
        return _of_vllm(seen, pod, vllm.state.running.started_at)
    waiting = next((c for c in pod.containers if c.state.waiting and c.state.waiting.reason in PULLING), None)
    if (weights and weights.failed) or (vllm and vllm.failed):
        at = weights if weights and weights.failed else vllm
        return Phase("weights" if at is weights else "load", f"restarted {at.restart_count} times" if at else "")
    return Phase("image", waiting.image if waiting else "", _scheduled(pod))


def _done(seen: Observed, model: Thing) -> Phase | None:
    """The phase of a model that is as its stack file wants it."""
    if is_paused(model):
        return Phase(PAUSED)
    if is_asleep(seen, model):
        return Phase(ASLEEP)
    if model.ready and any(pod.ready for pod in seen.pods_of(model.place)):
        ready = model.condition("Ready")
        return Phase(READY, since=ready.last_transition_time if ready else None)
    return None


def _unread(seen: Observed, model: Thing) -> str:
    """Of what not all was read that tells where a model is: of a Ready one without a Pod, its Deployment tells whether
    it is asleep."""
    if not seen.whole("pods"):
        return "Pods"
    may_sleep = model.ready and model.spec.replicas is None and not seen.pods_of(model.place)
    unknown = not seen.deployment(model.place) and not seen.whole("deployments")
    return "Deployments" if may_sleep and unknown else ""


def phase(seen: Observed, model: str) -> Phase:
    """Where a model is: that of its Pod which is least far, if it is to have any."""
    found = seen.model(model)
    if not found:
        return Phase(PLATFORM) if seen.whole("models") else Phase(UNREAD, "not all models were read")
    if done := _done(seen, found):
        return done
    if unread := _unread(seen, found):
        return Phase(UNREAD, f"not all {unread} were read")
    if not (pods := seen.pods_of(model)):
        return Phase("node", "KServe has made no Pod yet", found.metadata.creation_timestamp)
    return min((of_pod(seen, pod) for pod in pods), key=lambda one: PHASES.index(one.name))
