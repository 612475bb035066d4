"""Why a model's Pod has no node.

The autoscaler's words are those of GKE's own source, `failed_scale_up_events.go` of its cluster autoscaler: "Node scale
up in zones ZONES associated with this pod failed: REASON, REASON. Pod is at risk of not being scheduled.", cut at 250
characters. The scheduler's and `NotTriggerScaleUp` are those of Kubernetes.
"""

import re
from collections.abc import Iterator

from infra.google.slices import TOPOLOGY_LABEL
from infra.google.tpu_pools import COMPUTE_CLASS

from .cause import Look, Sign
from .objects import Event, Pod
from .observed import Observed

FAILED, NOT_TRIGGERED, TRIGGERED = "FailedScaleUp", "NotTriggerScaleUp", "TriggeredScaleUp"
QUOTA = re.compile(r"quota", re.IGNORECASE)
CAPACITY = re.compile(
    r"out of resources|stockout|ZONE_RESOURCE_POOL_EXHAUSTED|failed to appear in time|Reservation", re.IGNORECASE
)
"""Of the reasons in GKE's source, those that say that there was no machine to be had."""
BACKOFF = re.compile(r"in backoff after failed scale-up")
"""The autoscaler rests after a failure, which says why; for itself it means that there was no machine."""
FULL = re.compile(r"max node group size reached|max total nodes in cluster reached", re.IGNORECASE)


def without_node(seen: Observed, model: str) -> Iterator[Pod]:
    """The model's Pods that no node has; as long as it has none, those that others have made to ask for its chips."""
    pods = seen.pods_of(model) or seen.pods_before(model)
    return (pod for pod in pods if not pod.spec.node_name and pod.status.phase in ("", "Pending"))


def tried(seen: Observed, pod: Pod) -> str:
    """Which classes of capacity were tried, and where, as far as the stack's state says it."""
    asked = pod.spec.node_selector
    pools = [pool for pool in seen.pools if pool.topology in ("", asked.get(TOPOLOGY_LABEL))]
    where = [f"{pool.capacity} in {', '.join(pool.zones) or 'the zones of the cluster'}" for pool in pools]
    compute_class = asked.get(COMPUTE_CLASS, "")
    told = f"tried: {'; '.join(where)}" if where else ""
    return "; ".join(filter(None, [told, f"by ComputeClass {compute_class}" if compute_class else ""]))


def _sign(seen: Observed, pod: Pod, said: str) -> Sign:
    scheduled = pod.condition("PodScheduled")
    since = (scheduled and scheduled.last_transition_time) or pod.metadata.creation_timestamp
    return Sign(f"Pod {pod.place}", said, since, tried(seen, pod))


def _refusals(seen: Observed, pod: Pod) -> list[Event]:
    """Why the Pod has no node, the last first; that the autoscaler rests only if it says nothing else.

    None if it has asked for a node since: of another class or zone, which may have one.
    """
    said = seen.events_of(pod, FAILED, NOT_TRIGGERED)
    asked = next(iter(seen.events_of(pod, TRIGGERED)), None)
    if said and asked and asked.when and said[0].when and asked.when > said[0].when:
        return []
    return [event for event in said if not BACKOFF.search(event.message)] or said


def _words(refusals: list[Event], words: re.Pattern[str]) -> str:
    """What was said in these words: each zone is told of once."""
    return " ".join(dict.fromkeys(event.message for event in refusals if words.search(event.message)))


def _last_told(reason: str, words: re.Pattern[str]) -> Look:
    """The last refusal has this reason, and these words."""

    def look(seen: Observed, model: str) -> Iterator[Sign]:
        for pod in without_node(seen, model):
            refusals = _refusals(seen, pod)
            if refusals and refusals[0].reason == reason and words.search(refusals[0].message):
                yield _sign(seen, pod, _words(refusals, words))

    return look


quota = _last_told(FAILED, QUOTA)
_failed, _rests = _last_told(FAILED, CAPACITY), _last_told(NOT_TRIGGERED, BACKOFF)
full = _last_told(NOT_TRIGGERED, FULL)


def capacity(seen: Observed, model: str) -> Iterator[Sign]:
    """GKE finds no machine in any zone and class that it may take, or rests after it has found none."""
    yield from _failed(seen, model)
    yield from _rests(seen, model)


def other_failure(seen: Observed, model: str) -> Iterator[Sign]:
    """The autoscaler failed for another reason: addresses, accounts, a topology that does not exist."""
    for pod in without_node(seen, model):
        last = next(iter(_refusals(seen, pod)), None)
        if last and last.reason == FAILED and not (QUOTA.search(last.message) or CAPACITY.search(last.message)):
            yield _sign(seen, pod, last.message)


def unfit(seen: Observed, model: str) -> Iterator[Sign]:
    """No node pool would take the Pod, whatever its size."""
    for pod in without_node(seen, model):
        last = next(iter(_refusals(seen, pod)), None)
        if last and last.reason == NOT_TRIGGERED and not (FULL.search(last.message) or BACKOFF.search(last.message)):
            yield _sign(seen, pod, last.message)


def coming(seen: Observed, model: str) -> Iterator[Sign]:
    """A node was asked for, or is about to be: normal for some minutes."""
    for pod in without_node(seen, model):
        last = next(iter(seen.events_of(pod, TRIGGERED, "FailedScheduling")), None)
        if not _refusals(seen, pod):
            silent = "the scheduler has not looked at it yet" if seen.whole("events") else "not all events were read"
            yield _sign(seen, pod, last.message if last else silent)
