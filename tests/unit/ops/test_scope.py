"""What the state tells of a stack's place, and what is refused because it would match things of others."""

from typing import Any

import pytest

from ops import tokens
from ops.scope import Scope, ScopeError, scope_of
from tests.support.left_behind import CLUSTER, LB, MARK, REGION, SERVICE_UID, VPC


def state(*, cluster: bool = True, outputs: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = [
        {"type": "pulumi:pulumi:Stack", "outputs": outputs},
        {"type": tokens.NETWORK, "id": f"projects/p/global/networks/{VPC}"},
        {
            "type": tokens.ADDRESS,
            "id": f"projects/p/{REGION}/addresses/x",
            "outputs": {"address": "34.7.208.8"},
        },
        {"type": tokens.LOAD_BALANCER, "id": "ns/name", "outputs": {"metadata": {"uid": SERVICE_UID}}},
        {
            "type": tokens.CLUSTER,
            "id": f"projects/p/locations/europe-west4-a/clusters/{CLUSTER}",
            "outputs": {"name": CLUSTER, "location": "europe-west4-a"},
        },
    ]
    return resources if cluster else resources[:-1]


def test_scope_is_read_from_the_state() -> None:
    scope = scope_of(state())
    assert scope
    assert scope.project == "p"
    assert scope.networks == {f"projects/p/global/networks/{VPC}"}
    assert scope.addresses == {"34.7.208.8"}
    assert scope.clusters == {(CLUSTER, "europe-west4-a")}
    assert f"projects/p/{REGION}/addresses/x" in scope.managed


def test_load_balancers_name_is_made_of_its_services_uid() -> None:
    scope = scope_of(state())
    assert scope
    assert scope.marks == {LB}


def test_cluster_that_is_gone_is_known_by_the_stacks_output() -> None:
    scope = scope_of(state(cluster=False, outputs={"clusterName": CLUSTER}))
    assert scope
    assert scope.clusters == {(CLUSTER, "")}


def test_empty_state_has_no_scope() -> None:
    assert scope_of([]) is None
    assert scope_of(state()[:1]) is None


@pytest.mark.parametrize("by", [{"external": True}, {"importID": "default"}])
def test_vpc_that_pulumi_has_not_made_is_shared(by: dict[str, Any]) -> None:
    scope = scope_of([{**resource, **by} if resource["type"] == tokens.NETWORK else resource for resource in state()])
    assert scope
    assert scope.networks == frozenset()


@pytest.mark.parametrize(
    "resource",
    [
        {"type": tokens.SUBNET, "id": ""},
        {"type": tokens.NETWORK, "id": ""},
        {"type": tokens.ADDRESS, "id": "projects/p/x", "outputs": {"address": ""}},
        {"type": tokens.CLUSTER, "id": "projects/p/x", "outputs": {"name": "", "location": "l"}},
    ],
)
def test_empty_id_in_the_state_is_refused(resource: dict[str, Any]) -> None:
    with pytest.raises(ScopeError, match="`pulumi refresh` puts that right"):
        scope_of([resource, *state()])


@pytest.mark.parametrize("field", ["networks", "subnets", "addresses", "marks", "services", "managed"])
def test_empty_text_in_a_scope_is_refused(field: str) -> None:
    with pytest.raises(ScopeError, match=f"one of the stack's {field} is empty"):
        Scope("p", **{field: frozenset[Any]({"", "x"})})


def test_scope_of_no_project_is_refused() -> None:
    with pytest.raises(ScopeError, match="--project"):
        Scope("")


@pytest.mark.parametrize("name", ["", "default", "shared-vpc", f"{VPC}/x"])
def test_vpc_whose_name_pulumi_has_not_made_up_is_refused(name: str) -> None:
    with pytest.raises(ScopeError, match=f"--network '{name}' is no name that Pulumi makes up.*Leave it out"):
        Scope.named("p", [name], [f"l/{CLUSTER}"], [])


@pytest.mark.parametrize("name", ["", "k8s2", f"{MARK}-x", LB[:-1]])
def test_mark_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ScopeError, match=f"--mark '{name}' is no mark"):
        Scope.named("p", [], [f"l/{CLUSTER}"], [name])


@pytest.mark.parametrize("cluster", ["", "europe-west4-a/"])
def test_cluster_without_a_name_is_refused(cluster: str) -> None:
    with pytest.raises(ScopeError, match="one of the stack's clusters is empty"):
        Scope.named("p", [], [cluster], [])


def test_command_leaves_out_a_vpc_that_it_would_not_take() -> None:
    scope = Scope("p", networks=frozenset({"projects/p/global/networks/mine"}), clusters=frozenset({(CLUSTER, "l")}))
    assert scope.command().endswith(f"--leftovers-only --project p --cluster l/{CLUSTER}")
