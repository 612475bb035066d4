"""`make timeline` on the real engine: its graph is the program's own, and the page shows what it prints."""

import pytest
from pulumi.automation import EngineEvent

from docs.generate import page
from ops.timeline.events import collect
from ops.timeline.state import needs
from ops.timeline.tasks import Task
from sandbox.engine.stack import SandboxStack
from sandbox.timeline import graph
from sandbox.timeline.__main__ import text
from sandbox.timeline.durations import durations
from sandbox.timeline.model import length, starts
from tests.support.project import ROOT
from tests.support.stacks import MODEL, Make

PAGE = ROOT / "docs/start.md"


def cold(stack: SandboxStack) -> dict[str, Task]:
    """The parts of a cold start by their names, at the least."""
    return {task.name: task for task in starts(stack.resources(), durations())[0].low}


def test_page_shows_what_make_timeline_prints(up: Make) -> None:
    found = starts(up().resources(), durations())
    shown = PAGE.read_text()
    assert page(shown, {"timeline": text(found)}, by="make timeline") == shown, (
        "docs/start.md is stale: run `make timeline PAGE=docs/start.md`"
    )


@pytest.mark.parametrize("path", ["README.md", "docs/deploy.md", "docs/architecture.md", "docs/unproven.md"])
def test_pages_tell_the_same_minutes(up: Make, path: str) -> None:
    [found, _, cached, *_] = starts(up().resources(), durations())
    minutes = [f"{round(length(way.low) / 60)} to {round(length(way.high) / 60)}" for way in (found, cached)]
    text = (ROOT / path).read_text()
    assert minutes[0] in text
    assert path != "README.md" or f"a restart with caches at {minutes[1]}" in text


def test_graph_is_that_of_the_engine(up: Make) -> None:
    tasks = cold(up())
    assert tasks["Cluster tpu-inference"].begin == tasks["Subnetwork tpu-inference"].end
    assert tasks["Release istiod"].begin == tasks["Release istio-base"].end
    assert tasks["a TPU node comes"].begin == tasks["Job v6e-4-holder"].end
    assert tasks["Job v6e-4-holder"].begin < tasks["Release istiod"].begin


def test_events_of_the_engine_have_every_resource_and_begin_after_what_it_waited_for(sandbox: Make) -> None:
    stack, heard = sandbox(), list[EngineEvent]()
    stack.up(on_event=heard.append)
    resources = stack.resources()
    run = collect(heard, needs(resources))
    tasks = {task.key: task for task in run.tasks}
    assert tasks.keys() == {resource["urn"] for resource in resources if resource.get("custom")}
    assert not run.failed
    for task in run.tasks:
        assert all(tasks[need].end <= task.begin for need in task.needs or ()), task.name
    assert any(task.needs for task in run.tasks)


def test_weights_come_while_the_image_is_pulled(up: Make) -> None:
    tasks = cold(up())
    assert tasks["weights"].begin < tasks["pull of vLLM's image"].end == tasks["vLLM starts"].begin


def test_image_of_the_stack_is_fetched_once_and_streamed_afterwards(up: Make) -> None:
    resources = up().resources()
    image = graph.served(resources).image
    assert graph.first_pull(image, resources) == "first pull vllm"
    assert graph.streamed(image)


def test_copy_of_weights_takes_as_long_as_they_do_and_the_model_mounts_them(sandbox: Make) -> None:
    uri = "hf://Qwen/Qwen2.5-3B-Instruct:aa8e72537993ba99e69dfaafa59ed015b17504d1"
    stack = sandbox(weightsCache="true", compileCache="own", models=[{**MODEL, "uri": uri}])
    stack.up()
    rows, tasks, resources = durations().cluster, cold(stack), stack.resources()
    [copy] = [task for name, task in tasks.items() if name.endswith("-copy, awaited")]
    assert copy.seconds == rows["weights"].low
    assert copy.end <= tasks["the model's Pod is made"].begin
    assert tasks["weights"].seconds == rows["mounted weights"].low
    model = graph.served(resources)
    assert (model.repository, model.mounted, model.compiled) == ("Qwen/Qwen2.5-3B-Instruct", True, True)
