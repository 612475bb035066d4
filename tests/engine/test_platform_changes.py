"""What a change of nodes, ranges and places does on the real engine, and in which order."""

from typing import Any

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.kubernetes_kinds import LLM
from tests.support.stacks import Make, since, unchanged


def test_more_nodes_touch_the_pool_alone_and_in_place(up: Make) -> None:
    stack = up()
    stack.set_config("tpuMaxNodes", 4)
    stack.set_config("systemMinNodes", 2)
    done = since(stack, stack.up)
    assert sorted((op, kind) for op, kind, _ in done) == [("update", "gcp:container/nodePool:NodePool")] * 2


def test_larger_subnet_touches_nothing_else(up: Make) -> None:
    stack = up()
    stack.set_config("subnetCidr", "10.0.0.0/19")
    assert [step[:2] for step in since(stack, stack.up)] == [("update", "gcp:compute/subnetwork:Subnetwork")]


def test_another_machine_for_the_system_changes_its_pool_in_place(up: Make) -> None:
    stack = up()
    stack.set_config("systemMachineType", "e2-standard-8")
    [(operation, kind, name)] = since(stack, stack.up)
    assert (operation, kind) == ("update", "gcp:container/nodePool:NodePool")
    assert name.startswith("system-")
    assert unchanged(stack.preview())


def test_what_gke_makes_of_a_tpu_host_is_no_change_before_and_after_a_refresh(up: Make) -> None:
    stack = up()
    [state] = [r["outputs"] for r in stack.resources() if r["urn"].endswith("nodePool:NodePool::tpu")]
    assert state["nodeConfig"]["advancedMachineFeatures"] == {"threadsPerCore": 1}
    assert since(stack, stack.up) == []
    stack.refresh()
    assert unchanged(stack.preview())


def test_machine_type_that_does_not_exist_fails_in_googles_words(sandbox: Make) -> None:
    stack = sandbox(systemMachineType="n9-standard-4")
    message = 'Error 400: Invalid machine type "n9-standard-4" in zone "europe-west4-a": GCE_NOT_FOUND'
    with pytest.raises(CommandError, match=message):
        stack.up()


def test_autoscaled_nodes_are_no_change(up: Make) -> None:
    stack = up()
    for pool in stack.inventory.find("gcp:container/nodePool:NodePool"):
        pool.inputs["initialNodeCount"] = 3
        pool.computed["nodeCount"] = 3
    stack.refresh()
    assert unchanged(stack.preview())


def test_another_slice_never_needs_a_second_pool(up: Make) -> None:
    stack = up()
    stack.set_config("tpuSlice", "v6e-8")
    done = since(stack, stack.up)
    assert [op for op, kind, _ in done if kind == "gcp:container/nodePool:NodePool"] == ["delete", "create"]
    assert [op for op, kind, _ in done if kind == LLM] == ["delete", "create"]
    assert unchanged(stack.preview())


def test_capacity_class_replaces_the_pool_old_one_first(up: Make) -> None:
    stack = up()
    stack.set_config("tpuCapacity", ["spot"])
    done = [op for op, kind, _ in since(stack, stack.up) if kind == "gcp:container/nodePool:NodePool"]
    assert done == ["delete", "create"]


@pytest.mark.parametrize(
    "changed",
    [
        {"location": "europe-west4-b", "tpuZones": ["europe-west4-a"]},
        {"location": "us-east5-a"},
        {"subnetCidr": "10.0.0.0/21"},  # smaller
        {"podCidr": "10.64.0.0/14"},
        {"serviceCidr": "10.8.16.0/20"},
        {"controlPlaneCidr": "172.16.0.16/28"},
    ],
    ids=lambda changed: "-".join(map(str, changed.values())),
)
def test_new_place_for_the_cluster_removes_the_old_one_whole_first(up: Make, changed: dict[str, Any]) -> None:
    stack = up()
    for key, value in changed.items():
        stack.set_config(key, value)
    done = [step[:2] for step in since(stack, stack.up)]
    cluster = "gcp:container/cluster:Cluster"
    order = [
        ("delete", LLM),
        ("delete", "kubernetes:core/v1:Service"),
        ("delete", cluster),
        ("create", cluster),
        ("create", LLM),
    ]
    assert [step for step in done if step in order] == order
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []


def test_lost_cluster_is_noticed_and_comes_back_with_everything_in_it(
    up: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = up()
    deployed = {item.key[1:2] + item.key[3:] for item in stack.inventory.find() if item.cloud == "kubernetes"}
    [cluster] = stack.inventory.find("gcp:container/cluster:Cluster")
    host = cluster.computed["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"]
    for item in stack.inventory.find():
        if item is cluster or item.scope.startswith((f"{host}/", f"{cluster.id}/")) or "forwardingRule" in item.kind:
            stack.inventory.record("delete", item)
    with pytest.raises(CommandError, match="unreachable"):
        stack.refresh()
    with pytest.raises(CommandError, match="PULUMI_K8S_DELETE_UNREACHABLE=true"):
        stack.up()
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    stack.refresh()
    stack.up()
    assert {item.key[1:2] + item.key[3:] for item in stack.inventory.find() if item.cloud == "kubernetes"} == deployed
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []
