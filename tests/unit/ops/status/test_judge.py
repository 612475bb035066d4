"""What is told of a stack: which models serve, which are paused or asleep, which are down, and what else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.settings.load import parse
from ops.status.judge import Replicas, Window, status
from ops.status.known import Endpoint, Health, NoCluster, Unknown
from tests.support.observations import (
    DEPLOYMENTS,
    NOT_READY,
    NOW,
    PLACE,
    RUNNING,
    UNSCHEDULED,
    condition,
    deployment,
    ended,
    model,
    pod,
    seen,
    thing,
)
from tests.support.stack_settings import stack
from tests.support.statuses import HEALTHY, SERVED, SYSTEM, TPU, URL, known

NO_WAY = Unknown(because="the cluster does not answer")
AWAY = {PLACE: Health(status=503)}
PAUSED = {"serving.kserve.io/stop": "true", "pulumi.com/waitFor": "condition=Ready=False"}
FIXED = model(condition("Ready", "False"), spec={"replicas": 1})
"""A model whose number of Pods is the stack file's."""
WEEKEND = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU"}


UNREAD = seen(models=[model()], pods=[], incomplete=["pods"])


def cluster(*pods: Any, replicas: int = 1, **other: Any) -> Any:
    of = deployment(f"{PLACE}-kserve").model_copy(
        update={"spec": SERVED.spec.model_copy(update={"replicas": replicas})}
    )
    return seen(*pods, deployments=[*DEPLOYMENTS, of], **other)


def told(**other: Any) -> tuple[str, str, bool | None]:
    """State and detail of the only model, and whether the stack serves."""
    found = status(known(**other))
    [only] = found.models
    return only.state, only.detail, found.serving


def test_model_that_answers_serves_since_it_is_ready() -> None:
    found = status(known())
    [only] = found.models
    assert (found.stack, found.at, found.serving, found.since) == ("dev", NOW, True, NOW - timedelta(minutes=10))
    assert (only.name, only.state, only.detail, only.url) == (PLACE, "serving", "", URL)
    assert only.since == NOW - timedelta(minutes=10)
    assert only.replicas == Replicas(ready=1, wanted=1)
    assert only.traffic == known().traffic[PLACE]  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"cluster": NO_WAY},
            ("serving", "", True),
        ),
        (
            {"cluster": NO_WAY, "health": AWAY},
            ("down", "its health answers 503", False),
        ),
        (
            {"cluster": NO_WAY, "health": {PLACE: Health(status=None, said="timed out")}},
            ("unknown", "no answer: timed out", None),
        ),
        (
            {"cluster": NO_WAY, "health": {PLACE: Health(status=503, code="model_asleep")}},
            ("asleep", "the gateway says so; it may be waking", False),
        ),
        (
            {"health": {PLACE: Health(status=503, code="model_asleep")}, "cluster": cluster(UNSCHEDULED)},
            ("starting", "node", False),
        ),
        (
            {"health": AWAY},
            ("down", "Ready in the cluster, but its health answers 503", False),
        ),
        (
            {"endpoints": {PLACE: Endpoint(url=URL, paused=True)}, "health": AWAY, "cluster": NO_WAY},
            ("paused", "by the stack file", False),
        ),
        (
            {"health": AWAY, "cluster": cluster(models=[model(condition("Ready", "False"), annotations=PAUSED)])},
            ("paused", "by the stack file", False),
        ),
        (
            {"health": AWAY, "cluster": cluster(models=[model()], replicas=0)},
            ("asleep", "nobody asks, so it has no Pod", False),
        ),
        (
            {"health": AWAY, "cluster": cluster(models=[NOT_READY], replicas=0)},
            ("down", "unknown", False),
        ),
        (
            {"health": AWAY, "cluster": cluster(models=[FIXED], replicas=0)},
            ("down", "unknown", False),
        ),
        (
            {"health": AWAY, "cluster": cluster(UNSCHEDULED)},
            ("starting", "node", False),
        ),
        (
            {"health": AWAY, "cluster": cluster(pod(vllm=RUNNING))},
            ("starting", "load", False),
        ),
        (
            {"health": AWAY, "cluster": cluster(pod(vllm=ended("Killed", 137, "OOMKilled")))},
            ("down", "out of memory in the container", False),
        ),
        (
            {"health": AWAY, "cluster": seen(models=[], expected=[])},
            ("down", "it is in the stack's outputs alone", False),
        ),
        (
            {"health": AWAY, "cluster": UNREAD},
            ("down", "its health answers 503", False),
        ),
        (
            {"health": {PLACE: Health(status=None, said="timed out")}, "cluster": UNREAD},
            ("unknown", "no answer: timed out", None),
        ),
        (
            {"cluster": UNREAD},
            ("serving", "", True),
        ),
        (
            {"health": {}, "endpoints": {}},
            ("unknown", "Ready in the cluster, but its URL is not known", None),
        ),
        (
            {"health": {}, "endpoints": {PLACE: Endpoint(url=URL)}, "cluster": NO_WAY},
            ("unknown", "its URL is not known", None),
        ),
    ],
)
def test_state_of_a_model(change: dict[str, Any], expected: tuple[str, str, bool | None]) -> None:
    assert told(**change) == expected


def test_what_is_wrong_around_a_model_that_serves_is_told() -> None:
    away = [deployment("kserve/llmisvc-controller-manager", ready=0), *DEPLOYMENTS[1:], SERVED]
    around = seen(pod(ready=True), models=[model()], deployments=away)
    assert told(cluster=around) == ("serving", "but webhook without an answer", True)


OTHER = "team-b/other"


@pytest.mark.parametrize(("paused", "answer", "serves"), [(True, 503, True), (False, 503, False), (False, 200, True)])
def test_stack_serves_if_each_model_does_or_is_paused(paused: bool, answer: int, serves: bool) -> None:
    found = status(
        known(
            endpoints={PLACE: Endpoint(url=URL), OTHER: Endpoint(url="http://other", paused=paused)},
            health={PLACE: Health(status=200), OTHER: Health(status=answer)},
            cluster=NO_WAY,
        )
    )
    assert found.serving is serves
    assert found.since is None


def test_since_when_is_not_told_if_it_is_not_known_of_each_model() -> None:
    both = {PLACE: Endpoint(url=URL), OTHER: Endpoint(url="http://other")}
    found = status(known(endpoints=both, health=dict.fromkeys(both, Health(status=200))))
    assert found.serving is True
    assert found.models[0].since
    assert found.since is None


def test_stack_without_models_does_not_serve_and_one_without_a_state_cannot_be_told() -> None:
    nothing: dict[str, Any] = {"health": {}, "cluster": NO_WAY}
    assert status(known(endpoints={}, **nothing)).serving is False
    assert status(known(endpoints=NO_WAY, **nothing)).serving is None
    assert status(known(endpoints=NO_WAY, **nothing)).models == []


def test_replicas_are_those_of_the_deployment_which_a_scaler_changes() -> None:
    two = cluster(pod(ready=True), replicas=2, models=[model(spec={"replicas": 1})])
    assert status(known(cluster=two)).models[0].replicas == Replicas(ready=1, wanted=2)
    without = seen(models=[thing(PLACE, condition("Ready"), spec={"replicas": 3})])
    assert status(known(cluster=without)).models[0].replicas == Replicas(ready=0, wanted=3)
    assert status(known(cluster=NO_WAY)).models[0].replicas == NO_WAY


@pytest.mark.parametrize("name", ["pods", "deployments"])
def test_replicas_that_were_not_read_are_not_counted(name: str) -> None:
    partly = seen(pod(ready=True), models=[model()], incomplete=[name])
    assert status(known(cluster=partly)).models[0].replicas == Unknown(because=f"not all {name} were read")


def test_nodes_are_counted_by_slice_and_class() -> None:
    broken = SYSTEM.model_copy(update={"name": "system-2", "ready": False})
    found = status(known(nodes=[SYSTEM, broken, TPU]))
    assert found.nodes == {"system": 2, "v6e-4 spot": 1}
    assert found.not_ready == ("system-2",)
    assert status(known(pools=[])).nodes == {"system": 1, "v6e-4": 1}
    assert status(known(nodes=NO_WAY)).nodes == NO_WAY


def test_traffic_that_is_not_known_is_so_for_each_model() -> None:
    assert status(known(traffic=NO_WAY)).models[0].traffic == NO_WAY
    assert status(known(traffic={})).models[0].traffic == Unknown(because="it is not in the stack's outputs")


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({}, "any time"),
        (WEEKEND, Window(begins=datetime(2026, 12, 5, 5, tzinfo=UTC), ends=datetime(2026, 12, 5, 13, tzinfo=UTC))),
    ],
)
def test_next_maintenance_window(window: dict[str, str], expected: Any) -> None:
    assert status(known(settings=parse(stack({"maintenanceWindow": window})))).maintenance == expected


def test_window_that_is_over_is_told() -> None:
    settings = parse(stack({"maintenanceWindow": WEEKEND}))
    assert settings.maintenance_window
    over = settings.maintenance_window.model_copy(update={"recurrence": "FREQ=DAILY;COUNT=9"})
    found = status(known(settings=settings.model_copy(update={"maintenance_window": over})))
    assert found.maintenance == Unknown(because="none begins within a year")


def test_without_a_stack_file_costs_and_window_are_unknown() -> None:
    found = status(known(settings=NO_WAY))
    assert found.cost_today == found.maintenance == NO_WAY


def test_stack_without_a_cluster_costs_nothing_that_is_known() -> None:
    none = NoCluster(because="its state has no cluster")
    found = status(known(endpoints={}, health={}, cluster=none, nodes=none))
    assert found.cost_today == Unknown(because="there is no cluster")
    assert found.nodes == none


def test_stack_whose_state_cannot_be_read_has_no_known_cost() -> None:
    none = Unknown(because="no stack named 'dev' found")
    assert status(known(endpoints=none, health={}, cluster=none, nodes=none)).cost_today == none


def test_what_the_cluster_did_not_tell_is_left_out() -> None:
    partly = HEALTHY.model_copy(update={"left_out": ["events: 403, no right to", "events: 403, no right to"]})
    assert status(known(cluster=partly)).left_out == ("events: 403, no right to",)
    assert status(known(cluster=NO_WAY)).left_out == ()
