"""What is taken for a stack's in a project that others use too, and what the state tells of it."""

from dataclasses import replace
from typing import Any

import pytest

from ops import tokens
from ops.compute import Compute
from ops.leftovers import Scope, leftovers, mark, scope_of
from tests.support.gce import Project
from tests.support.left_behind import CLUSTER, LB, MARK, OURS, REGION, VPC, in_project


def ours(google: Project, scope: Scope) -> list[str]:
    """What is taken for the stack's, as paths in the project."""
    found = leftovers(Compute(google.client).things("p"), scope)
    return [thing.path.removeprefix("projects/p/") for thing, _ in found]


def test_exactly_what_belongs_to_the_stack_is_found(google: Project, scope: Scope) -> None:
    assert set(ours(google, scope)) == set(OURS)


def test_every_leftover_says_why_it_is_the_stacks(google: Project, scope: Scope) -> None:
    reasons = leftovers(Compute(google.client).things("p"), scope)
    by_name = {thing.path.removeprefix("projects/p/"): reason for thing, reason in reasons}
    assert by_name[OURS[0]] == "has the stack's address"
    assert by_name[OURS[2]] == "named after the stack's cluster"
    assert by_name[OURS[4]] == "its backends are in the stack's VPC"
    assert by_name[OURS[12]] == "in the stack's VPC"
    assert by_name[OURS[14]] == "in the stack's subnet"
    assert by_name[OURS[15]] == "labelled with the stack's cluster"


def test_what_pulumi_manages_is_no_leftover(google: Project, scope: Scope) -> None:
    managed = [OURS[12], OURS[14]]
    known = replace(scope, managed=frozenset(in_project(managed)))
    assert set(ours(google, known)) == set(OURS) - set(managed)


def test_without_the_vpc_marks_and_cluster_tell_what_is_left(google: Project) -> None:
    for path in [path for path in google.resources if "/firewalls/" in path or "/networkEndpointGroups/" in path]:
        del google.resources[path]
    after = Scope("p", clusters=frozenset({(CLUSTER, "europe-west4-a")}), marks=frozenset({MARK, LB}))
    assert set(ours(google, after)) == set(OURS[:4]) | {OURS[5], OURS[13], *OURS[15:]}


def test_without_any_evidence_nothing_is_the_stacks(google: Project) -> None:
    assert ours(google, Scope("p")) == []


def test_address_that_the_stack_has_released_is_no_evidence(google: Project, scope: Scope) -> None:
    del google.resources[f"projects/p/{OURS[3]}"]
    released = replace(scope, addresses=frozenset(), networks=frozenset(), clusters=frozenset())
    assert OURS[0] not in ours(google, released)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("k8s2-tcp-uid01234-namespace-svc-cysix1wq", "uid01234"),
        ("k8s2-uid01234-namespace-svc-cysix1wq", "uid01234"),
        ("k8s3-uid01234-cysix1wq-namespace-svc-deny", "uid01234"),
        ("k8s1-0a1b2c3d-team-b-web-80-11112222", "0a1b2c3d"),
        (LB, LB),
        (f"k8s-fw-{LB}", LB),
        ("gke-tpu-inference-9df6565-1a2b3c4d-mcsd", None),
        ("k8s-ig--e4198c6a84c32393", None),
        ("a-rule", None),
        (f"{LB}-2", None),
    ],
)
def test_mark_is_the_clusters_part_of_a_generated_name(name: str, expected: str | None) -> None:
    assert mark(name) == expected


# What the state tells


def state(*, cluster: bool = True, outputs: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = [
        {"type": "pulumi:pulumi:Stack", "outputs": outputs},
        {"type": tokens.NETWORK, "id": f"projects/p/global/networks/{VPC}"},
        {
            "type": tokens.ADDRESS,
            "id": f"projects/p/{REGION}/addresses/x",
            "outputs": {"address": "34.7.208.8"},
        },
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


def test_cluster_that_is_gone_is_known_by_the_stacks_output() -> None:
    scope = scope_of(state(cluster=False, outputs={"clusterName": CLUSTER}))
    assert scope
    assert scope.clusters == {(CLUSTER, "")}


def test_empty_state_has_no_scope() -> None:
    assert scope_of([]) is None
    assert scope_of(state()[:1]) is None
