"""What a change costs, and because of what, as a pull request is told."""

import pytest

from tests.support.engine_events import (
    ADDRESS,
    CLUSTER,
    KEY,
    MODEL,
    NAMESPACE,
    SUBNET,
    SYSTEM_POOL,
    TPU_POOL,
    line,
    replaced,
    report,
    step,
)


@pytest.mark.parametrize(
    ("op", "kind", "cost"),
    [
        ("replace", CLUSTER, "**replace** cluster `x`: replaced with everything in it"),
        ("delete", CLUSTER, "**delete** cluster `x`: deleted with everything in it"),
        ("replace", ADDRESS, "**replace** gateway address `x`: another address, so another base URL"),
        ("delete", ADDRESS, "**delete** gateway address `x`: the base URL is gone"),
        (
            "replace",
            TPU_POOL,
            "**replace** TPU node pool `x`: deleted and made anew: models on it are down for pool, node",
        ),
        ("replace", SYSTEM_POOL, "**replace** node pool `x`: what runs on it moves"),
        ("replace", MODEL, "**replace** model `x`: deleted, then made anew: down for its start time"),
        ("delete", MODEL, "**delete** model `x`: down for good"),
        ("delete", KEY, "**delete** KMS key `x`: what it encrypted cannot be read any more 30 days later"),
        ("replace", KEY, "**replace** KMS key `x`: what the old one encrypted cannot be read any more"),
        ("delete", NAMESPACE, "**delete** namespace `x`: deleted with everything in it"),
    ],
)
def test_loss_of_state_and_downtime_is_called_out_before_the_counts(op: str, kind: str, cost: str) -> None:
    steps = replaced(kind, "x") if op == "replace" else [step(op, kind, "x")]
    text = report(*steps)
    assert cost in text
    assert "**Holds state or costs downtime:**" in text.split("**1 to ")[0]


@pytest.mark.parametrize("op", ["create", "update", "same"])
@pytest.mark.parametrize("kind", [CLUSTER, ADDRESS, TPU_POOL, MODEL])
def test_what_goes_on_as_it_is_is_not_called_out(op: str, kind: str) -> None:
    assert "downtime" not in report(step(op, kind, "x", diff={"labels": "update"}))


def test_cause_of_a_replacement_is_the_property_that_forces_it() -> None:
    diff = {"nodeConfig.machineType": "update-replace", "autoscaling.totalMaxNodeCount": "update"}
    called_out = line(report(*replaced(TPU_POOL, "tpu", diff=diff)), "**replace**")
    assert called_out.endswith("Because of `nodeConfig.machineType`.")


def test_cause_is_the_replacement_key_where_there_is_no_diff() -> None:
    called_out = line(report(*replaced(CLUSTER, "c", keys=["subnetwork"])), "**replace**")
    assert called_out.endswith("Because of `subnetwork`.")


def test_resource_replaced_with_what_it_needs_says_so() -> None:
    assert "Because something that it needs is replaced." in report(*replaced(MODEL, "m"))


# Replacements as the official provider of Google Cloud tells them.

SMALLER = ({"ipCidrRange": "10.0.0.0/20"}, {"ipCidrRange": "10.0.0.0/21"})


def test_providers_own_key_is_no_cause_but_what_is_different_is() -> None:
    diff = {"ipCidrRange": "update", "__meta": "update-replace"}
    text = report(*replaced(SUBNET, "s", diff=diff, keys=["__meta"], old=SMALLER[0], new=SMALLER[1]))
    assert line(text, "**replace** subnet").endswith("Because of `ipCidrRange`.")
    assert "  - `ipCidrRange`: `10.0.0.0/20` → `10.0.0.0/21`" in text.splitlines()
    assert "__meta" not in text


POOL_INPUTS = {"cluster": "projects/p/c", "nodeConfig": {"machineType": "e2-standard-4"}}
OF_POOL = {
    "cluster": "update-replace",
    "nodeConfig": "update-replace",
    "nodeConfig.resourceManagerTags": "add-replace",
}


def test_block_and_what_only_the_provider_fills_in_are_no_causes() -> None:
    text = report(*replaced(SYSTEM_POOL, "s", diff=OF_POOL, old=POOL_INPUTS, new=POOL_INPUTS))
    assert line(text, "**replace** node pool").endswith("Because of `cluster`.")
    assert "nodeConfig" not in text


def test_pool_of_which_nothing_is_different_is_replaced_with_what_it_needs() -> None:
    diff = {path: kind for path, kind in OF_POOL.items() if path != "cluster"}
    text = report(*replaced(SYSTEM_POOL, "s", diff=diff, old=POOL_INPUTS, new=POOL_INPUTS))
    assert line(text, "**replace** node pool").endswith("Because something that it needs is replaced.")


def test_part_of_a_block_that_forces_it_is_the_cause_in_its_place() -> None:
    new = {**POOL_INPUTS, "nodeConfig": {"machineType": "e2-standard-4", "spot": True}}
    diff = {"nodeConfig": "update-replace", "nodeConfig.spot": "add"}
    text = report(*replaced(SYSTEM_POOL, "s", diff=diff, old=POOL_INPUTS, new=new))
    assert line(text, "**replace** node pool").endswith("Because of `nodeConfig.spot`.")


def test_what_only_the_cloud_says_is_the_cause_if_it_forces_the_replacement() -> None:
    steps = replaced(TPU_POOL, "t", diff={"nodeConfig.advancedMachineFeatures": "delete-replace"})
    outputs = {"nodeConfig": {"advancedMachineFeatures": {"threadsPerCore": 1}}}
    for event in steps:
        event["resourcePreEvent"]["metadata"]["old"] = {"inputs": POOL_INPUTS, "outputs": outputs}
    assert line(report(*steps), "**replace**").endswith("Because of `nodeConfig.advancedMachineFeatures`.")


def test_models_replaced_for_the_same_reason_share_a_line() -> None:
    diff = {"spec.template.containers[0].image": "update-replace"}
    text = report(*replaced(MODEL, "a.one", diff=diff), *replaced(MODEL, "b.two", diff=diff))
    assert "model `a.one`, `b.two`: " in line(text, "**replace**")


def test_replaced_cluster_speaks_for_what_is_in_it_but_names_the_models() -> None:
    text = report(*replaced(NAMESPACE, "kserve"), *replaced(MODEL, "a.one"), *replaced(CLUSTER, "c"))
    named = [row.split(":")[0] for row in text.splitlines() if row.startswith("- **")]
    assert named == ["- **replace** cluster `c`", "- **replace** model `a.one`"]


@pytest.mark.parametrize(
    ("kind", "path", "cost"),
    [
        (
            TPU_POOL,
            "nodeConfig.diskSizeGb",
            "TPU node pool `p`: GKE makes its nodes anew, one after the other",
        ),
        (SYSTEM_POOL, "nodeConfig.kubeletConfig", "node pool `p`: GKE makes its nodes anew"),
        (TPU_POOL, "nodeConfig.linuxNodeConfig.sysctls", "TPU node pool `p`: GKE makes its nodes anew, one after"),
        (MODEL, 'metadata.annotations["serving.kserve.io/stop"]', "**change** model `p`: paused, so down until"),
        (TPU_POOL, "nodeLocations[1]", "**change** TPU node pool `p`: models in a zone that is taken away"),
        (SYSTEM_POOL, "nodeConfig.machineType", "**change** node pool `p`: GKE makes its nodes anew: a few minutes"),
    ],
)
def test_update_that_costs_downtime_is_called_out(kind: str, path: str, cost: str) -> None:
    assert cost in report(step("update", kind, "p", diff={path: "update"}))
