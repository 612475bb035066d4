"""The times that a model's Pod carries: node, images, weights, start."""

from datetime import timedelta
from typing import Any

import pytest

from ops.diagnose.objects import Pod
from ops.timeline.pods import of_pod, refined
from ops.timeline.tasks import Task, critical
from tests.support.observations import NOW, PLACE, before, condition, pod, seen

BEGAN = NOW - timedelta(minutes=40)
URN = "urn:pulumi:dev::project::kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService::qwen"


def started(**changes: Any) -> Pod:
    """Made 30 minutes ago, on its node 20, weights from 18 to 15, vLLM since 12, Ready since 2."""
    weights = {"state": {"terminated": {"exitCode": 0, "startedAt": before(18), "finishedAt": before(15)}}}
    vllm = {"state": {"running": {"startedAt": before(12)}}}
    return pod(**{"weights": weights, "vllm": vllm, "ready": True, **changes})


def minutes(tasks: list[Task]) -> list[tuple[str, float, float]]:
    return [(task.name.split(" (")[0], task.begin / 60, task.end / 60) for task in tasks]


def test_pod_is_divided_by_what_it_waited_for() -> None:
    assert minutes(of_pod(started(), BEGAN, None)) == [
        ("a node for it", 10, 20),
        ("the initializer's image", 20, 22),
        ("weights", 22, 25),
        ("vLLM's image", 25, 28),
        ("vLLM's start", 28, 38),
    ]


def test_pod_that_is_on_its_way_has_what_it_has_reached() -> None:
    assert minutes(of_pod(started(ready=False), BEGAN, None))[-1][0] == "vLLM's image"
    unscheduled = pod(node="", conditions=[], initContainerStatuses=[], containerStatuses=[])
    assert of_pod(unscheduled, BEGAN, None) == []


def test_pod_of_an_earlier_run_is_not_of_this_one() -> None:
    assert of_pod(started(), NOW, None) == []


def test_path_goes_through_the_pod_to_what_the_model_waited_for() -> None:
    tasks = [Task("pool", "pool", 0, 500, ()), Task(URN, "model", 590, 2300, ("pool",))]
    found = refined(tasks, seen(pods=[started()]), BEGAN, {PLACE: URN})
    names = [task.name.split(" (")[0] for task in critical(found)]
    assert names == [
        "pool",
        "a node for it",
        "the initializer's image",
        "weights",
        "vLLM's image",
        "vLLM's start",
        "model",
    ]


def test_slowest_pod_of_a_model_counts() -> None:
    late = started(conditions=[condition("PodScheduled", since=20), condition("Ready", since=1)])
    late = late.model_copy(update={"metadata": late.metadata.model_copy(update={"name": "late"})})
    found = refined([Task(URN, "model", 590, 2400, ())], seen(pods=[started(), late]), BEGAN, {PLACE: URN})
    assert "vLLM's start (late)" in [task.name for task in found]
    assert len(found) == 6


@pytest.mark.parametrize(("ended", "counts"), [(2280, True), (2279, False), (300, False)])
def test_pod_that_is_younger_than_the_run_is_left_out(ended: float, counts: bool) -> None:
    """Ready 38 minutes after the engine began, so in a run that had ended before nobody waited for it."""
    model = Task(URN, "model", 0, ended, ())
    found = refined([model], seen(pods=[started()]), BEGAN, {PLACE: URN})
    assert (found != [model]) == counts
    assert max(task.end for task in found) == ended


def test_pod_of_the_run_counts_beside_one_that_was_made_later() -> None:
    later = started(conditions=[condition("PodScheduled", since=20), condition("Ready", since=0)])
    later = later.model_copy(update={"metadata": later.metadata.model_copy(update={"name": "later"})})
    found = refined([Task(URN, "model", 590, 2300, ())], seen(pods=[later, started()]), BEGAN, {PLACE: URN})
    assert [task.end for task in found if task.name.startswith("vLLM's start")] == [2280]


def test_model_that_the_engine_did_not_touch_is_left_out() -> None:
    tasks = [Task("pool", "pool", 0, 500, ())]
    assert refined(tasks, seen(pods=[started()]), BEGAN, {PLACE: URN}) == tasks
    assert refined([Task(URN, "model", 0, 5, ())], seen(pods=[]), BEGAN, {PLACE: URN}) == [Task(URN, "model", 0, 5, ())]
