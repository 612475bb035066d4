"""How long a stack takes to its first token: the graph, scheduled once with the least and once with the most."""

from typing import Any, Literal, NamedTuple

from ops.timeline.tasks import Task, schedule

from . import graph
from .durations import Bounds, Durations
from .graph import Graph

End = Literal["low", "high"]


class Start(NamedTuple):
    """One way to a first token, with its tasks at the least and at the most."""

    name: str
    low: list[Task]
    high: list[Task]


def tasks(parts: Graph, end: End) -> list[Task]:
    """The graph as it comes about if each part takes as little, or as long, as it may."""
    return schedule(
        {key: getattr(part.takes, end) for key, part in parts.items()},
        {key: part.needs for key, part in parts.items()},
        {key: part.name for key, part in parts.items()},
    )


def length(of: list[Task]) -> float:
    """Seconds from the beginning to the end of all."""
    return max(task.end for task in of)


def starts(resources: list[dict[str, Any]], durations: Durations) -> list[Start]:
    """Each way to a first token: from nothing, and again, as the stack is and with both caches of docs/storage.md.
    Raises `graph.NoModelError`."""
    model = graph.served(resources)
    ways = {"cold, from an empty project": graph.cold(resources, durations)}
    for place, node in (("the same node", False), ("a new node", True)):
        for caches, both in (("", False), (", with caches", True)):
            ways[f"restart on {place}{caches}"] = graph.again(
                durations,
                node=node,
                streams=graph.streamed(model.image),
                mounted=both or model.mounted,
                compiled=both or model.compiled,
            )
    return [Start(name, tasks(parts, "low"), tasks(parts, "high")) for name, parts in ways.items()]


def compiled_in(durations: Durations, seconds: float) -> Durations:
    """The same with the compilation that the TPU compiler took here, at the least; it is no more than it was at the
    most."""
    row = durations.cluster[graph.COMPILATION]
    low = min(seconds, row.high)
    found = Bounds(low=low, high=row.high, why="as `make tpu-check` has estimated it", source="make tpu-check")
    return durations.model_copy(update={"cluster": {**durations.cluster, graph.COMPILATION: found}})
