"""What went on in the cluster while the engine waited for a model: the times that its Pods carry themselves."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from ops.diagnose.objects import Container, Pod
from ops.diagnose.observed import Observed
from ops.diagnose.phases import INITIALIZER, VLLM

from .tasks import Task


def _began(container: Container | None) -> datetime | None:
    """When a container was started, whether it runs or has ended well."""
    state = container.state if container else None
    at = (state.running or state.terminated) if state else None
    return at.started_at if at else None


def _times(pod: Pod) -> Iterator[tuple[str, datetime | None]]:
    """What a Pod had reached, and when: each is the end of what is named."""
    by_name = {container.name: container for container in pod.containers}
    weights, vllm = by_name.get(INITIALIZER), by_name.get(VLLM)
    scheduled, ready = pod.condition("PodScheduled"), pod.condition("Ready")
    ended = weights.state.terminated if weights else None
    yield "a node for it", scheduled.last_transition_time if scheduled else None
    yield "the initializer's image", _began(weights)
    yield "weights", ended.finished_at if ended else None
    yield "vLLM's image", _began(vllm)
    yield "vLLM's start", ready.last_transition_time if ready and pod.ready else None


def of_pod(pod: Pod, began: datetime, needs: tuple[str, ...] | None) -> list[Task]:
    """The tasks of a Pod, one after the other, in seconds since `began`; those whose end is not known are left out, as
    is what ended before the engine began."""
    found: list[Task] = []
    at = pod.metadata.creation_timestamp
    for what, end in _times(pod):
        if at and end and end >= at >= began:
            key = f"{pod.place}: {what}"
            before = (found[-1].key,) if found else needs
            begin, until = ((moment - began).total_seconds() for moment in (at, end))
            found.append(Task(key, f"{what} ({pod.metadata.name})", begin, until, before))
        at = end or at
    return found


def _slowest(found: Iterable[list[Task]], end: float) -> list[Task]:
    """The tasks of the Pod that took longest, of those that are not younger than the run: nobody waited for a Pod that
    was made, or made anew, after the engine had ended with its model `end` seconds into it."""
    return max((one for one in found if one and one[-1].end <= end), key=lambda one: one[-1].end, default=[])


def refined(tasks: list[Task], seen: Observed, began: datetime, models: dict[str, str]) -> list[Task]:
    """The engine's tasks and those of the models' Pods within them. `models` are the keys of the models' tasks by
    `namespace/name`; each then waited for the end of its slowest Pod, and that for what the model waited for. A Pod
    that was Ready later than the model, by the log's whole seconds, is none that the run waited for."""
    by_key = {task.key: task for task in tasks}
    for place, key in models.items():
        if key not in by_key:
            continue
        model = by_key[key]
        found = (of_pod(pod, began, model.needs) for pod in seen.pods_of(place))
        if slowest := _slowest(found, model.end):
            by_key[key] = model._replace(needs=(*(model.needs or ()), slowest[-1].key))
            by_key |= {task.key: task for task in slowest}
    return list(by_key.values())
