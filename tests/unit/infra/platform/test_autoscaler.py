"""KEDA: when it is there, what it may do, and what it asks Google as."""

from typing import Any

import pytest

from infra.platform import autoscaler
from tests.support.dependencies import needs
from tests.support.program import Declared, Run
from tests.support.stacks import MODEL, autoscaled

TRUST = "kubernetes:keda.sh/v1alpha1:ClusterTriggerAuthentication"


def test_stack_whose_replicas_are_numbers_has_none_of_it(dev: Declared) -> None:
    assert [r for r in dev if "keda" in f"{r.name} {r.type}".lower() or r.type.endswith(":Autoscaler")] == []


def test_keda_is_released_from_its_publishers_repository_into_a_namespace_of_its_own(run: Run) -> None:
    release = run(**autoscaled()).one(":Release", "keda").inputs

    assert release["chart"] == "keda"
    assert release["version"] == "2.21.0"
    assert release["repositoryOpts"] == {"repo": "https://kedacore.github.io/charts"}
    assert (release["name"], release["namespace"]) == ("keda", "keda")


def test_keda_stays_while_the_model_is_paused(run: Run) -> None:
    paused = {**autoscaled()["models"][0], "paused": True}

    assert run(models=[paused], tpuMaxNodes=3).one(":Release", "keda")


def test_keda_reads_no_secret_of_others_scales_no_kinds_of_others_and_runs_as_the_stacks_reader() -> None:
    assert autoscaler.values("dev") == {
        "permissions": {
            "operator": {"restrict": {"secret": True}},
            "metricServer": {"restrict": {"secret": True}},
        },
        "rbac": {"enabledCustomScaledRefKinds": False},
        "serviceAccount": {"operator": {"name": "keda-operator-dev"}},
    }


def test_keda_asks_google_as_its_own_account(run: Run) -> None:
    declared = run(**autoscaled())
    trust = declared.one(TRUST)

    assert trust.inputs["metadata"] == {"name": "google-monitoring"}
    assert trust.inputs["spec"] == {"podIdentity": {"provider": "gcp"}}
    assert "Release keda" in needs(declared, trust)


def test_every_model_waits_for_keda(run: Run) -> None:
    declared = run(**autoscaled())

    assert {"Release keda", "ClusterTriggerAuthentication google-monitoring"} <= needs(
        declared, declared.one(":LLMInferenceService")
    )


def test_another_cluster_has_another_keda(run: Run) -> None:
    declared = run(**autoscaled())

    for made in (declared.one(":Release", "keda"), declared.one(TRUST), declared.one(":Namespace", "keda")):
        assert made.request.HasField("replacement_trigger"), made.name


@pytest.mark.parametrize("isolation", [False, True])
def test_keda_is_closed_in_when_the_stack_is(run: Run, isolation: bool) -> None:
    declared = run(**autoscaled(), isolation=isolation)
    policies = {r.name for r in declared.all(":NetworkPolicy") if r.name.startswith("keda.")}
    closed = {"keda.operator", "keda.metrics", "keda.webhooks", "keda.default-deny"}

    assert policies == (closed if isolation else set())
    labels: Any = declared.one(":Namespace", "keda").inputs["metadata"].get("labels", {})
    assert labels.get("pod-security.kubernetes.io/enforce") == ("restricted" if isolation else None)
    if isolation:
        assert {f"NetworkPolicy {name}" for name in closed} <= needs(declared, declared.one(":Release", "keda"))


def test_namespace_of_keda_is_none_of_a_models(run: Run) -> None:
    with pytest.raises(Exception, match="belongs to the platform"):
        run(models=[{**MODEL, "namespace": "keda"}])
