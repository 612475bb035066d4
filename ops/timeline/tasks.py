"""What took time, what it waited for, and which of it held up the end."""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import NamedTuple


class Task(NamedTuple):
    """Something that took time, in seconds since the start. `needs` are the keys of what it waited for, None if nobody
    has recorded it."""

    key: str
    name: str
    begin: float
    end: float
    needs: tuple[str, ...] | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


def _held_up_by(task: Task, tasks: Mapping[str, Task]) -> Task | None:
    """What a task began after: the last of what it needs, or if that is not recorded, the last that had ended."""
    if task.needs is None:
        before = [other for other in tasks.values() if other.end <= task.begin and other.key != task.key]
    else:
        before = [tasks[key] for key in task.needs if key in tasks]
    return max(before, key=lambda other: (other.end, other.begin, other.name), default=None)


def critical(tasks: Iterable[Task]) -> list[Task]:
    """The critical path: from the end back to the beginning, each time what held it up. What took no time is left out,
    and nothing is there twice, whatever the clocks have said."""
    by_key = {task.key: task for task in tasks}
    path: list[Task] = []
    at = max(by_key.values(), key=lambda task: task.end, default=None)
    while at and at not in path:
        path.append(at)
        at = _held_up_by(at, by_key)
    return [task for task in reversed(path) if task.seconds]


def slack(tasks: Iterable[Task]) -> dict[str, float]:
    """By key, how many seconds longer each could have taken without moving the end; of those alone whose needs are
    recorded, and as if nothing but their needs had held them up."""
    by_key = {task.key: task for task in tasks}
    needs = {key: [n for n in task.needs or () if n in by_key] for key, task in by_key.items()}
    end = max((task.end for task in by_key.values()), default=0.0)
    latest = dict.fromkeys(by_key, end)
    for key in reversed(list(TopologicalSorter(needs).static_order())):
        for need in needs[key]:
            latest[need] = min(latest[need], latest[key] - by_key[key].seconds)
    return {key: latest[key] - task.end for key, task in by_key.items() if task.needs is not None}


def schedule(seconds: Mapping[str, float], needs: Mapping[str, Iterable[str]], names: Mapping[str, str]) -> list[Task]:
    """Tasks that begin as soon as all that they need has ended, each as long as it takes, in the order of their begin;
    any number run at once. Raises `graphlib.CycleError`."""
    done: dict[str, Task] = {}
    for key in TopologicalSorter({key: [*needs[key]] for key in seconds}).static_order():
        begin = max((done[need].end for need in needs[key]), default=0.0)
        done[key] = Task(key, names[key], begin, begin + seconds[key], tuple(needs[key]))
    return sorted(done.values(), key=lambda task: (task.begin, task.end, task.name))
