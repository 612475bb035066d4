"""Where a model is on its way to Ready."""

import pytest

from infra.models import pause
from ops.diagnose.observed import Observed
from ops.diagnose.phases import AWAITED, PHASES, STOP, phase
from tests.support.observations import (
    INITIALIZING,
    PLACE,
    RUNNING,
    UNSCHEDULED,
    condition,
    ended,
    event,
    model,
    pod,
    seen,
    thing,
    waiting,
    well,
)

LOG, DOWNLOAD = "llm-d/qwen-kserve-1/main", "llm-d/qwen-kserve-1/storage-initializer"
FETCHING = (
    "Fetching 12 files:   0%|          | 0/12 [00:00<?, ?it/s]\nFetching 12 files:  25%|##5  | 3/12 [00:10<00:30]"
)


@pytest.mark.parametrize(
    ("observed", "name", "detail"),
    [
        (seen(models=[], expected=[]), "platform", ""),
        (seen(), "node", "KServe has made no Pod yet"),
        (seen(UNSCHEDULED, events=[event("TriggeredScaleUp", "0->1")]), "node", "0->1"),
        (seen(pod(weights=waiting("PodInitializing"), vllm=INITIALIZING)), "image", ""),
        (seen(pod(weights=RUNNING, vllm=INITIALIZING), logs={DOWNLOAD: FETCHING}), "weights", "25 %, 3/12 files"),
        (seen(pod(vllm=waiting("PodInitializing"))), "image", ""),
        (seen(pod()), "load", ""),
        (seen(pod(), logs={LOG: "INFO Init mesh | mesh=Mesh()"}), "load", ""),
        (seen(pod(), logs={LOG: "Loading weights from /mnt/models/a.safetensors"}), "load", "a.safetensors"),
        (seen(pod(), logs={LOG: "INFO Init model | hbm=[(1.4, 31.2)]GiB"}), "compilation", "weights are on the chips"),
        (seen(pod(), logs={LOG: "Precompile all the subgraphs"}), "compilation", "compiling"),
        (seen(pod(vllm=ended("x"))), "load", "restarted 2 times"),
        (seen(pod(weights=ended("x"), vllm=INITIALIZING)), "weights", "restarted 2 times"),
        (seen(pod(ready=True)), "route", ""),
        (well(), "ready", ""),
    ],
)
def test_phase_of_a_model(observed: Observed, name: str, detail: str) -> None:
    found = phase(observed, PLACE)
    assert (found.name, found.detail) == (name, detail)
    assert name in PHASES


def test_pod_that_is_least_far_counts() -> None:
    assert phase(seen(pod(ready=True), UNSCHEDULED), PLACE).name == "node"


def test_ready_model_whose_second_pod_has_no_node_serves() -> None:
    assert phase(seen(pod(ready=True), UNSCHEDULED, models=[model()]), PLACE).name == "ready"


def test_model_that_kserve_calls_ready_without_a_pod_is_not() -> None:
    assert phase(seen(models=[model()]), PLACE).name == "node"


@pytest.mark.parametrize(
    ("asked", "wanted", "ready", "name"),
    [
        (None, 0, "True", "asleep"),
        (None, 1, "True", "node"),  # it wakes
        (None, 0, "False", "node"),
        (1, 0, "True", "node"),  # somebody else has scaled it
    ],
)
def test_model_that_sleeps_is_told_from_one_that_has_lost_its_pods(
    asked: int | None, wanted: int, ready: str, name: str
) -> None:
    of_keda = model(condition("Ready", ready), spec={"replicas": asked})
    deployment = thing(f"{PLACE}-kserve", spec={"replicas": wanted})
    assert phase(seen(models=[of_keda], deployments=[deployment]), PLACE).name == name
    assert phase(seen(models=[of_keda]), PLACE).name == "node"


@pytest.mark.parametrize(("annotations", "name"), [(pause.STOPPED, "paused"), (pause.RUNNING | {STOP: "true"}, "node")])
def test_model_that_its_file_pauses_is_told_from_one_that_is_stopped_by_hand(
    annotations: dict[str, str], name: str
) -> None:
    assert phase(seen(models=[model(annotations=annotations)]), PLACE).name == name
    assert set(pause.STOPPED) == {STOP, AWAITED}


SLEEPER = model(spec={"replicas": None})


@pytest.mark.parametrize(
    ("observed", "detail"),
    [
        (seen(models=[], incomplete=["models"]), "not all models were read"),
        (seen(models=[], expected=[], incomplete=["models"]), "not all models were read"),
        (seen(models=[model()], pods=[], incomplete=["pods"]), "not all Pods were read"),
        (seen(UNSCHEDULED, incomplete=["pods"]), "not all Pods were read"),
        (
            seen(models=[SLEEPER], deployments=[], incomplete=["deployments"]),
            "not all Deployments were read",
        ),
    ],
)
def test_model_may_be_anywhere_if_what_tells_it_was_not_read(observed: Observed, detail: str) -> None:
    assert phase(observed, PLACE)[:2] == ("unknown", detail)


@pytest.mark.parametrize(
    ("observed", "name"),
    [
        (well().model_copy(update={"incomplete": ["models", "pods", "deployments"]}), "ready"),
        (seen(models=[model(annotations=pause.STOPPED)], incomplete=["pods"]), "paused"),
        (seen(models=[model(spec={"replicas": 1})], deployments=[], incomplete=["deployments"]), "node"),
        (seen(deployments=[], incomplete=["deployments"]), "node"),
    ],
)
def test_what_was_read_of_a_list_tells_its_phase(observed: Observed, name: str) -> None:
    assert phase(observed, PLACE).name == name


def test_time_of_a_phase_is_the_clusters() -> None:
    loading = pod()
    assert phase(seen(loading), PLACE).since == loading.status.container_statuses[0].state.running.started_at  # pyright: ignore[reportOptionalMemberAccess]
