"""What scales a model: by what, how far, how fast, and together with what."""

from typing import Any

import pytest

from infra.models import scaling
from infra.models.timing import grace_period
from infra.settings.autoscaling import Autoscaling
from infra.settings.model import Model
from tests.support.dependencies import needs
from tests.support.program import Declared, Resource, Run, spec
from tests.support.stacks import MODEL, autoscaled

NAME, SPACE = MODEL["name"], MODEL["namespace"]
CLUSTER = "tpu-inference-id"
"""What the last part of a cluster's id is in these tests; in the cloud it is its name."""
PLACE = "https://monitoring.googleapis.com/v1/projects/my-project/location/global/prometheus"


def scaled_object(declared: Declared) -> Resource:
    return declared.one("kubernetes:keda.sh/v1alpha1:ScaledObject")


def made(**fields: Any) -> dict[str, Any]:
    """The spec of a ScaledObject, in the cluster `c`."""
    model = Model.model_construct(name="m", namespace="apps", replicas=Autoscaling.model_validate(fields))
    assert model.autoscaling
    return scaling.scaled_object(model, model.autoscaling, project="my-project", cluster="c")


WAITING = 'sum(last_over_time(vllm:num_requests_waiting{cluster="c",namespace="apps",model="m"}[90s]))'
FULL = 'sum(last_over_time(vllm:kv_cache_usage_perc{cluster="c",namespace="apps",model="m"}[90s]))'
REQUESTS = (
    'istio_requests_total{cluster="c",namespace="istio-ingress",destination_service_name="m-inference-pool-ip-dccfb228",'
    'destination_service_namespace="apps",response_code!~"4.."}'
)
ASKED = f"clamp_max(sum(({REQUESTS} unless {REQUESTS} offset 3m) or increase({REQUESTS}[3m])), 1)"


def test_model_with_a_number_of_replicas_is_scaled_by_nobody(dev: Declared) -> None:
    assert dev.all(":ScaledObject") == []
    assert spec(dev)["replicas"] == 1


def test_kserve_is_told_no_replicas_of_a_model_that_keda_scales(run: Run) -> None:
    """It leaves the Deployment's alone then."""
    assert "replicas" not in spec(run(**autoscaled()))


def test_keda_scales_the_deployment_that_kserve_makes() -> None:
    spec = made(min=2, max=3)

    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "m-kserve"}
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 3)


def test_scaled_object_is_beside_its_model(run: Run) -> None:
    assert scaled_object(run(**autoscaled())).inputs["metadata"] == {"name": NAME, "namespace": SPACE}


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_keda_asks_for_the_models_pods_in_the_stacks_own_cluster(run: Run) -> None:
    declared = run(**autoscaled())
    [trigger, _] = scaled_object(declared).inputs["spec"]["triggers"]

    assert trigger["metadata"]["query"] == (
        f'sum(last_over_time(vllm:num_requests_waiting{{cluster="{CLUSTER}",namespace="{SPACE}",model="{NAME}"}}[90s]))'
    )
    assert trigger["metadata"]["serverAddress"] == PLACE


def test_scaling_begins_once_the_model_has_answered(run: Run) -> None:
    declared = run(**autoscaled())

    assert f"LLMInferenceService {SPACE}.{NAME}" in needs(declared, scaled_object(declared))


def test_scaling_ends_before_keda_also_when_the_model_stays(run: Run) -> None:
    """Nobody else takes away its finalizer."""
    needed = {urn.split("::", 2)[-1] for urn in scaled_object(run(**autoscaled())).request.dependencies}

    assert {name.rsplit("::", 1)[-1] for name in needed} >= {"keda", "google-monitoring", f"{SPACE}.{NAME}"}


def test_scaling_ends_before_a_service_that_is_replaced(run: Run) -> None:
    request = scaled_object(run(**autoscaled())).request

    assert [urn.rsplit("::", 1)[-1] for urn in request.replace_with] == [f"{SPACE}.{NAME}"]
    assert request.deleteBeforeReplace is True


def test_paused_model_is_not_scaled(run: Run) -> None:
    model = {**autoscaled()["models"][0], "paused": True}

    assert run(models=[model], tpuMaxNodes=3).all(":ScaledObject") == []


def test_pods_are_added_for_requests_that_wait_and_for_caches_that_fill() -> None:
    asked = {"serverAddress": PLACE, "ignoreNullValues": "false", "timeout": "10000"}
    trust = {"kind": "ClusterTriggerAuthentication", "name": "google-monitoring"}

    assert made(min=1, max=3)["triggers"] == [
        {
            "type": "prometheus",
            "metricType": "AverageValue",
            "metadata": {**asked, "query": query, "threshold": threshold},
            "authenticationRef": trust,
        }
        for query, threshold in ((WAITING, "3"), (FULL, "0.8"))
    ]


def test_pods_come_fast_and_go_slowly() -> None:
    assert made(min=1, max=3)["pollingInterval"] == 30
    assert made(min=1, max=3)["advanced"] == {
        "horizontalPodAutoscalerConfig": {
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 60,
                    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": 1800,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}],
                },
            }
        }
    }


def test_next_pod_goes_only_when_the_one_before_has_ended() -> None:
    behavior: Any = scaling.BEHAVIOR
    [policy] = behavior["scaleDown"]["policies"]

    assert policy["periodSeconds"] > grace_period()


@pytest.mark.parametrize(("most", "budgets"), [(1, []), (2, [f"{SPACE}.{NAME}.vllm"])])
def test_model_that_may_have_two_pods_loses_one_at_a_time(run: Run, most: int, budgets: list[str]) -> None:
    declared = run(**autoscaled(min=0, max=most))

    assert [r.name for r in declared.all(":PodDisruptionBudget")] == budgets


# Asleep


def test_model_with_pods_at_all_times_is_never_put_to_sleep() -> None:
    assert not {"cooldownPeriod", "initialCooldownPeriod", "idleReplicaCount"} & made(min=1, max=3).keys()


@pytest.mark.parametrize(("fields", "seconds"), [({}, 3600), ({"idleMinutes": 45}, 2700)])
def test_model_sleeps_when_nobody_has_asked_for_so_long_also_after_its_first_start(
    fields: dict[str, Any], seconds: int
) -> None:
    spec = made(min=0, max=2, **fields)

    assert spec["minReplicaCount"] == 0
    assert (spec["cooldownPeriod"], spec["initialCooldownPeriod"]) == (seconds, seconds)


def test_model_that_sleeps_wakes_for_a_completion_and_has_no_numbers_of_its_own_meanwhile() -> None:
    found = [trigger["metadata"] for trigger in made(min=0, max=2)["triggers"]]

    assert [(asked["query"], asked["threshold"]) for asked in found] == [(WAITING, "3"), (FULL, "0.8"), (ASKED, "1")]
    assert not any("ignoreNullValues" in asked for asked in found)


@pytest.mark.parametrize(
    ("name", "service"),
    [("m", "m-inference-pool-ip-dccfb228"), ("m" * 38, f"{'m' * 38}-inference-po-ip-da3c7899")],
)
def test_istiod_has_a_service_for_each_pool_whose_name_it_shortens(name: str, service: str) -> None:
    model = Model.model_construct(name=name, namespace="apps")

    assert scaling._pool_service(model) == service
    assert len(service) <= 63


# By the clock


def test_schedule_asks_for_pods_at_its_times_beside_the_load() -> None:
    window = {"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "timezone": "Europe/Amsterdam", "replicas": 2}
    *_, load, clock = made(min=1, max=3, schedule=[window])["triggers"]

    assert load["type"] == "prometheus"
    assert clock == {
        "type": "cron",
        "metadata": {
            "start": "0 8 * * 1-5",
            "end": "0 18 * * 1-5",
            "timezone": "Europe/Amsterdam",
            "desiredReplicas": "2",
        },
    }
