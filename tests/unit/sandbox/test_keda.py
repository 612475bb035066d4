"""What the simulated cluster refuses of a ScaledObject, and when it lets one go."""

from collections.abc import Callable
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest

from infra.models import scaling
from infra.settings.autoscaling import Autoscaling
from infra.settings.model import Model
from sandbox.clouds import keda
from sandbox.clouds.inventory import CloudError, Item
from sandbox.clouds.kubernetes_cluster import CRD_CHARTS
from sandbox.clouds.kubernetes_kinds import CLUSTER_SCOPED, LLM, RELEASE, SCALED_OBJECT, TRIGGER_AUTHENTICATION

WINDOW = {"start": "0 8 * * *", "end": "0 18 * * *", "timezone": "UTC", "replicas": 1}
MODEL = Model.model_construct(
    name="m", namespace="apps", replicas=Autoscaling.model_validate({"min": 0, "max": 2, "schedule": [WINDOW]})
)


def item(kind: str, name: str, spec: dict[str, Any], namespace: str = "apps") -> Item:
    metadata = {"name": name, "namespace": namespace}
    return Item("kubernetes", kind, namespace, name, f"{namespace}/{name}", {"metadata": metadata, "spec": spec})


def cluster(*others: Item, chart: str = "keda") -> Any:
    """A cluster with a model, what KEDA asks Google by, and the objects that are given."""
    found = [item(LLM, "m", {}), item(TRIGGER_AUTHENTICATION, "google-monitoring", {}, ""), *others]

    def find(kind: str, namespace: str | None = None, name: str | None = None) -> list[Item]:
        return [i for i in found if i.kind == kind and namespace in (None, i.scope) and name in (None, i.name)]

    return SimpleNamespace(find=find, release=lambda name: name == chart or None)


def scaled(change: Callable[[dict[str, Any]], object] = lambda _: None, name: str = "m") -> Item:
    """The ScaledObject of the program for a model that sleeps, changed."""
    assert MODEL.autoscaling
    spec = deepcopy(scaling.scaled_object(MODEL, MODEL.autoscaling, project="p", cluster="c"))
    change(spec)
    return item(SCALED_OBJECT, name, spec)


def test_scaled_object_of_the_program_is_taken_and_ready() -> None:
    made = scaled()
    keda.settle(cluster(), made)
    assert made.computed["status"] == {"conditions": [{"type": "Ready", "status": "True"}]}


BAD: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "upside down": (
        lambda s: s.update(minReplicaCount=3),
        "minReplicaCount must be less than or equal to maxReplicaCount",
    ),
    "above what is meant without a most": (
        lambda s: (s.update(minReplicaCount=101), s.pop("maxReplicaCount")),
        "minReplicaCount must be less than or equal to maxReplicaCount",
    ),
    "idle with what is there anyway": (
        lambda s: s.update(idleReplicaCount=0),
        "IdleReplicaCount=0 must be less than MinReplicaCount=0",
    ),
    "of nothing": (lambda s: s.pop("scaleTargetRef"), "spec.scaleTargetRef.name: Required value"),
    "of a model that is not there": (lambda s: s["scaleTargetRef"].update(name="o-kserve"), '"o-kserve" not found'),
    "of no Deployment of KServe's": (lambda s: s["scaleTargetRef"].update(name="m"), 'deployments.apps "m" not found'),
    "without triggers": (lambda s: s.update(triggers=[]), "spec.triggers in body should have at least 1 items"),
    "by an unknown trigger": (lambda s: s["triggers"][0].update(type="prom"), "no scaler found for type: prom"),
    "without a query": (
        lambda s: s["triggers"][0]["metadata"].pop("query"),
        'error parsing prometheus metadata: missing required parameter "query" in [triggerMetadata]',
    ),
    "by a number that is one": (
        lambda s: s["triggers"][0]["metadata"].update(threshold=3),
        "spec.triggers.metadata.threshold: Invalid value: must be of type string",
    ),
    "by a number that is none": (
        lambda s: s["triggers"][0]["metadata"].update(threshold="three"),
        'unable to set param "threshold" value "three"',
    ),
    "from when to when it is the same": (
        lambda s: s["triggers"][-1]["metadata"].update(end="0 8 * * *"),
        "start and end can not have exactly same time input",
    ),
    "as nobody": (
        lambda s: s["triggers"][0]["authenticationRef"].update(name="nobody"),
        'clustertriggerauthentications.keda.sh "nobody" not found',
    ),
}


@pytest.mark.parametrize(("change", "said"), BAD.values(), ids=BAD)
def test_scaled_object_that_is_wrong_is_refused(change: Callable[[dict[str, Any]], object], said: str) -> None:
    with pytest.raises(CloudError) as refused:
        keda.settle(cluster(), scaled(change))
    assert said in str(refused.value)


def test_second_scaled_object_of_a_model_is_refused() -> None:
    with pytest.raises(CloudError, match="is already managed by the ScaledObject 'other'"):
        keda.settle(cluster(scaled(name="other")), scaled())
    keda.settle(cluster(scaled()), scaled())


def test_scaled_object_goes_only_while_keda_is_there() -> None:
    assert keda.stuck(cluster(), scaled()) is None
    assert "its controller is gone" in str(keda.stuck(cluster(chart="none"), scaled()))


@pytest.mark.parametrize(("chart", "held"), [("keda", True), ("istiod", False)])
def test_keda_goes_only_when_nothing_is_scaled(chart: str, held: bool) -> None:
    release = Item("kubernetes", RELEASE, "keda", chart, chart, {"chart": chart})
    assert bool(keda.stuck(cluster(scaled()), release)) is held
    assert keda.stuck(cluster(), release) is None


def test_api_server_knows_kedas_kinds_only_with_its_chart() -> None:
    assert CRD_CHARTS["keda.sh"] == keda.CHART
    assert "ClusterTriggerAuthentication" in CLUSTER_SCOPED
