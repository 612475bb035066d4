"""Two of what a request passes: how many, and where."""

from typing import Any

from infra.platform.spread import apart
from tests.support.program import Declared, Run, spec


def charts(declared: Declared) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of istiod and of the gateway proxy."""
    istiod = declared.one(":Release", "istiod").inputs["values"]["pilot"]
    return istiod, declared.one(":Release", "inference-gateway").inputs["values"]


def picker(declared: Declared) -> dict[str, Any]:
    return spec(declared)["router"]["scheduler"]


def test_a_single_one_of_each_has_no_budget_and_nothing_to_spread(dev: Declared) -> None:
    istiod, proxy = charts(dev)
    assert (istiod["autoscaleMin"], proxy["autoscaling"]["minReplicas"], picker(dev)["replicas"]) == (1, 1, 1)
    assert istiod["topologySpreadConstraints"] == proxy["topologySpreadConstraints"] == []
    assert "topologySpreadConstraints" not in picker(dev)["template"]
    assert dev.all(":PodDisruptionBudget") == []


def test_router_replicas_are_of_proxy_istiod_and_picker(run: Run) -> None:
    declared = run(routerReplicas=3)
    istiod, proxy = charts(declared)
    assert (istiod["autoscaleMin"], proxy["autoscaling"]["minReplicas"], picker(declared)["replicas"]) == (3, 3, 3)


def test_replicas_are_spread_by_the_labels_of_their_own_pods(run: Run) -> None:
    declared = run(routerReplicas=2)
    istiod, proxy = charts(declared)
    budget_of_picker = declared.one(":PodDisruptionBudget").inputs["spec"]
    for spread, label in (
        (istiod["topologySpreadConstraints"], {"app": "istiod"}),
        (proxy["topologySpreadConstraints"], proxy["labels"]),
        (picker(declared)["template"]["topologySpreadConstraints"], budget_of_picker["selector"]["matchLabels"]),
    ):
        assert [s["labelSelector"]["matchLabels"] for s in spread] == [label, label]


def test_two_never_share_a_node_that_could_have_one_each_and_prefer_two_zones() -> None:
    node, zone = apart({"app": "x"}, 2)
    assert (node["topologyKey"], node["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "DoNotSchedule")
    assert (zone["topologyKey"], zone["whenUnsatisfiable"]) == ("topology.kubernetes.io/zone", "ScheduleAnyway")


def test_pods_of_an_update_are_spread_without_those_that_they_replace() -> None:
    assert [s["matchLabelKeys"] for s in apart({"app": "x"}, 2)] == [["pod-template-hash"]] * 2


def test_no_place_has_more_than_one_above_another() -> None:
    assert [s["maxSkew"] for s in apart({"app": "x"}, 2)] == [1, 1]


def test_istiod_and_proxy_grow_to_five_by_themselves(dev: Declared) -> None:
    istiod, proxy = charts(dev)
    assert (istiod["autoscaleMax"], proxy["autoscaling"]["maxReplicas"]) == (5, 5)


def test_tpu_nodes_are_no_place_to_spread_to() -> None:
    assert {s["nodeTaintsPolicy"] for s in apart({"app": "x"}, 2)} == {"Honor"}


def test_one_proxy_at_a_time_may_be_drained(run: Run) -> None:
    _, proxy = charts(run(routerReplicas=2))
    assert proxy["podDisruptionBudget"] == {"maxUnavailable": 1}
