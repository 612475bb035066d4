"""The model of a start: which durations resources have, what goes on in the cluster, and what that adds up to."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.releases.pins import STORAGE_INITIALIZER_IMAGE, VLLM_TPU_IMAGE
from ops.timeline.tasks import critical
from ops.tokens import REPOSITORY
from sandbox.clouds.kubernetes_kinds import JOB
from sandbox.timeline import graph, model
from sandbox.timeline.durations import Bounds, Durations, UnknownError, durations
from sandbox.timeline.graph import MODEL, NoModelError

PREFIX = "urn:pulumi:dev::project::"


def resource(kind: str, name: str, *dependencies: str, **inputs: Any) -> dict[str, Any]:
    urns = [f"{PREFIX}{dependency}" for dependency in dependencies]
    return {"urn": f"{PREFIX}{kind}::{name}", "type": kind, "custom": True, "dependencies": urns, "inputs": inputs}


def job(name: str, image: str, *, holds: bool = False, awaited: bool = False, **options: Any) -> dict[str, Any]:
    resources = {"requests": {"google.com/tpu": "4"}} if holds else {}
    annotations = {} if awaited else {"pulumi.com/skipAwait": "true"}  # the engine waits for Jobs by itself
    return resource(
        JOB,
        name,
        "gcp:container/nodePool:NodePool::tpu",
        metadata={
            "name": name,
            "namespace": options.get("namespace", "tpu-warm-up"),
            "annotations": annotations,
        },
        spec={"template": {"spec": {"containers": [{"image": image, "resources": resources, **options}]}}},
    )


POOL = resource("gcp:container/nodePool:NodePool", "tpu")
CHART = resource("kubernetes:helm.sh/v3:Release", "istiod")
HOLDER = job("holder", STORAGE_INITIALIZER_IMAGE, holds=True)
ARRIVAL = job("arrival", STORAGE_INITIALIZER_IMAGE, awaited=True)
IMAGE = job("image", VLLM_TPU_IMAGE)
LLM = resource(
    MODEL,
    "llm",
    f"{JOB}::arrival",
    "kubernetes:helm.sh/v3:Release::istiod",
    metadata={"namespace": "demo", "name": "qwen"},
    spec={
        "model": {"uri": "hf://Qwen/Qwen2.5-3B-Instruct"},
        "template": {"containers": [{"name": "main", "image": VLLM_TPU_IMAGE}]},
    },
)
CACHED = "europe-west4-docker.pkg.dev/project/tpu-inference-dev-docker-io/vllm/vllm-tpu:v1"
OWN = resource(REPOSITORY, "docker-io", repositoryId="tpu-inference-dev-docker-io")
COPY = job(
    "qwen-1-copy",
    STORAGE_INITIALIZER_IMAGE,
    awaited=True,
    namespace="demo",
    command=["sh", "-c", "copy", "hf://Qwen/Qwen2.5-3B-Instruct:aa8e", "/weights"],
)


def llm(*needs: str, uri: str = "", image: str = VLLM_TPU_IMAGE, volumes: list[str] | None = None) -> dict[str, Any]:
    """`LLM`, which waits for more, with other weights, another image, and volumes of these names."""
    template = {
        "containers": [{"name": "main", "image": image}],
        "volumes": [{"name": name} for name in volumes or []],
    }
    spec = {"model": {"uri": uri or LLM["inputs"]["spec"]["model"]["uri"]}, "template": template}
    dependencies = [*LLM["dependencies"], *needs]
    return {**LLM, "dependencies": dependencies, "inputs": {**LLM["inputs"], "spec": spec}}


def bounds(seconds: float) -> Bounds:
    return Bounds(low=seconds, high=2 * seconds, why="a test", source="none")


ROWS = Durations.model_validate(
    {
        "resources": [
            {"type": "gcp:container/nodePool:NodePool", "low": 30, "high": 60, "why": "", "source": ""},
            {"type": "kubernetes:helm.sh/v3:Release", "low": 20, "high": 40, "why": "", "source": ""},
            {"type": "gcp:*", "low": 3, "high": 6, "why": "", "source": ""},
            {"type": "kubernetes:*", "low": 1, "high": 2, "why": "", "source": ""},
        ],
        "cluster": {
            "node": bounds(100),
            "pull initializer": bounds(10),
            "pull vllm": bounds(60),
            "first pull vllm": bounds(70),
            "stream vllm": bounds(5),
            "pod": bounds(2),
            "preemption": bounds(3),
            "weights": bounds(30),
            "mounted weights": bounds(4),
            "start": bounds(130),
            "compilation": bounds(200),
            "ready": bounds(5),
        },
    }
)


def cold(*resources: dict[str, Any], of: dict[str, Any] = LLM) -> float:
    return model.length(model.tasks(graph.cold([POOL, CHART, of, *resources], ROWS), "low"))


def path(*resources: dict[str, Any]) -> list[str]:
    return [task.name for task in critical(model.tasks(graph.cold([POOL, CHART, LLM, *resources], ROWS), "low"))]


ASKED = 30 + 1 + 100
"""Until there is a node: pool, Job, node."""
MADE = 1 + 2
"""The model and its Pod."""
VLLM = 130 + 200 + 5
"""From the start of vLLM to the first token."""


def test_image_that_a_pod_without_chips_pulls_comes_beside_the_weights() -> None:
    beside = 10 + MADE + 3 + 30
    assert cold(HOLDER, ARRIVAL, IMAGE) == ASKED + max(60, beside) + VLLM
    assert "weights" not in path(HOLDER, ARRIVAL, IMAGE)


def test_image_that_the_holder_pulls_keeps_the_chips_until_it_is_there() -> None:
    assert cold(job("holder", VLLM_TPU_IMAGE, holds=True), ARRIVAL) == ASKED + 60 + 3 + 30 + VLLM


def test_image_that_nobody_has_asked_for_is_pulled_after_the_weights() -> None:
    assert cold(HOLDER, ARRIVAL) == ASKED + 10 + MADE + 3 + 30 + 60 + VLLM


def test_without_a_warm_up_the_model_itself_asks_for_its_node() -> None:
    alone = {**LLM, "dependencies": [CHART["urn"], POOL["urn"]]}
    found = model.tasks(graph.cold([POOL, CHART, alone], ROWS), "low")
    assert model.length(found) == 30 + MADE + 100 + 10 + 30 + 60 + VLLM


def test_engine_waits_for_the_arrival_and_the_model_for_its_first_token() -> None:
    found = {
        task.key: task for task in model.tasks(graph.cold([POOL, CHART, LLM, HOLDER, ARRIVAL, IMAGE], ROWS), "low")
    }
    assert found[ARRIVAL["urn"]].end == ASKED + 10
    assert found[graph.asked(LLM["urn"])].begin == ASKED + 10
    assert found[LLM["urn"]].end == found["ready"].end == cold(HOLDER, ARRIVAL, IMAGE)


def test_job_elsewhere_that_nobody_waits_for_is_no_part_of_the_warm_up() -> None:
    other = job("other", VLLM_TPU_IMAGE, namespace="team-b")
    assert cold(HOLDER, ARRIVAL, other) == cold(HOLDER, ARRIVAL)


@pytest.mark.parametrize(
    ("image", "resources", "seconds"),
    [
        (VLLM_TPU_IMAGE, [OWN], 60),
        (CACHED, [OWN], 70),
        (CACHED, [], 5),
        ("registry.example.com/vllm/vllm-tpu:v1", [], 60),
    ],
)
def test_first_pull_is_by_where_the_image_is(image: str, resources: list[dict[str, Any]], seconds: float) -> None:
    parts = graph.cold([POOL, CHART, llm(image=image), HOLDER, ARRIVAL, *resources], ROWS)
    assert parts["pull vllm"].takes.low == seconds


def test_weights_that_are_copied_first_are_mounted_afterwards() -> None:
    copied = llm(COPY["urn"], uri="pvc://qwen-1")
    parts = {
        task.key: task for task in model.tasks(graph.cold([POOL, CHART, copied, HOLDER, ARRIVAL, COPY], ROWS), "low")
    }
    assert parts[graph.asked(COPY["urn"])].end == 30 + 1
    assert parts[COPY["urn"]].end == 30 + 1 + 30
    assert parts["weights"].seconds == 4


def test_model_waits_for_the_copy_of_its_weights() -> None:
    row = ROWS.cluster["weights"].model_copy(update={"low": 1000, "high": 1000})
    slow = ROWS.model_copy(update={"cluster": {**ROWS.cluster, "weights": row}})
    copied = llm(COPY["urn"], uri="pvc://qwen-1")
    found = model.tasks(graph.cold([POOL, CHART, copied, HOLDER, ARRIVAL, IMAGE, COPY], slow), "low")
    assert model.length(found) == 30 + 1 + 1000 + MADE + 3 + 4 + VLLM
    assert "Job qwen-1-copy, awaited" in [task.name for task in critical(found)]


def test_mounted_weights_are_read_when_the_image_is_there() -> None:
    mounted = llm(uri="pvc://qwen-1")
    assert cold(HOLDER, ARRIVAL, of=mounted) == ASKED + 10 + MADE + 60 + 4 + VLLM


@pytest.mark.parametrize(
    ("node", "mounted", "compiled", "seconds"),
    [
        (False, False, False, 2 + 30 + VLLM),
        (False, True, False, 2 + 4 + VLLM),
        (False, True, True, 2 + 4 + 130 + 5),
        (True, False, False, 2 + 100 + 10 + 30 + 60 + VLLM),
        (True, False, True, 2 + 100 + 10 + 30 + 60 + 130 + 5),
        (True, True, True, 2 + 100 + 60 + 4 + 130 + 5),
    ],
)
def test_model_starts_again(node: bool, mounted: bool, compiled: bool, seconds: float) -> None:
    whole, streamed = (
        model.length(
            model.tasks(graph.again(ROWS, node=node, streams=streams, mounted=mounted, compiled=compiled), "low")
        )
        for streams in (False, True)
    )
    assert whole == seconds
    assert whole - streamed == (55 if node else 0)


@pytest.mark.parametrize(
    ("of", "plain", "caches"),
    [
        (LLM, 2 + 100 + 10 + 30 + 60 + VLLM, 2 + 100 + 60 + 4 + 130 + 5),
        (llm(image=CACHED), 2 + 100 + 10 + 30 + 5 + VLLM, 2 + 100 + 5 + 4 + 130 + 5),
        (llm(uri="pvc://qwen-1"), 2 + 100 + 60 + 4 + VLLM, 2 + 100 + 60 + 4 + 130 + 5),
        (llm(volumes=["compile-cache"]), 2 + 100 + 10 + 30 + 60 + 130 + 5, 2 + 100 + 60 + 4 + 130 + 5),
    ],
)
def test_restart_is_as_the_stack_is_and_with_both_caches(of: dict[str, Any], plain: float, caches: float) -> None:
    found = {start.name: model.length(start.low) for start in model.starts([POOL, CHART, of, HOLDER, ARRIVAL], ROWS)}
    assert found["restart on a new node"] == plain
    assert found["restart on a new node, with caches"] == caches


def paused(of: dict[str, Any]) -> dict[str, Any]:
    metadata = {**of["inputs"]["metadata"], "annotations": {"serving.kserve.io/stop": "true"}}
    return {**of, "urn": f"{of['urn']}-paused", "inputs": {**of["inputs"], "metadata": metadata}}


def test_first_model_that_is_not_paused_is_reckoned_for() -> None:
    assert graph.served([POOL, paused(LLM), LLM]).urn == LLM["urn"]


@pytest.mark.parametrize("resources", [[POOL], [POOL, paused(LLM)]])
def test_stack_without_a_model_that_runs_is_refused(resources: list[dict[str, Any]]) -> None:
    with pytest.raises(NoModelError, match="no model of the stack has a Pod, so there is no first token"):
        model.starts(resources, ROWS)


def test_most_is_reckoned_with_the_most_of_everything() -> None:
    [start, *_] = model.starts([POOL, CHART, LLM, HOLDER, ARRIVAL, IMAGE], ROWS)
    assert model.length(start.high) == 2 * model.length(start.low)


# Durations


@pytest.mark.parametrize(
    ("kind", "name", "low"),
    [
        ("gcp:container/nodePool:NodePool", "system", 60),
        ("gcp:container/nodePool:NodePool", "tpu", 30),
        ("gcp:container/nodePool:NodePool", "tpu-v6e-8-spot", 30),
        ("gcp:kms/keyRing:KeyRing", "any", 3),
        ("kubernetes:helm.sh/v3:Release", "cert-manager", 20),
        ("kubernetes:helm.sh/v3:Release", "istio-base", 3),
        ("kubernetes:core/v1:ConfigMap", "any", 1),
        ("pulumi:providers:gcp", "google", 0),
    ],
)
def test_row_of_a_name_is_before_that_of_its_type_and_that_before_a_pattern(kind: str, name: str, low: float) -> None:
    assert durations().of(resource(kind, name)).low == low


def test_row_of_a_type_is_before_a_pattern_wherever_it_stands() -> None:
    [of_type, *_] = [row for row in ROWS.resources if row.type.endswith("Release")]
    rows = ROWS.model_copy(update={"resources": (*reversed(ROWS.resources), of_type)})
    assert rows.of(CHART) == of_type


def test_resource_without_a_row_is_refused() -> None:
    with pytest.raises(UnknownError, match=r"aws:new/thing:Thing x has no row in durations\.yaml: add how long"):
        durations().of(resource("aws:new/thing:Thing", "x"))


def test_every_duration_says_why_and_where_it_is_from() -> None:
    rows = [*durations().resources, *durations().cluster.values()]
    assert len(rows) > 30
    assert all(row.why and row.source for row in rows)


def test_no_source_is_a_search() -> None:
    rows = [*durations().resources, *durations().cluster.values()]
    assert [row.source for row in rows if "search" in row.source] == []


@pytest.mark.parametrize(("low", "high"), [(2, 1), (-1, 1)])
def test_bounds_that_are_none_are_refused(low: float, high: float) -> None:
    with pytest.raises(ValidationError, match="they are no bounds"):
        Bounds(low=low, high=high, why="", source="")
