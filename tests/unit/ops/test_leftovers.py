"""What is taken for a stack's in a project that others use too."""

from dataclasses import replace
from typing import Any

import pytest
from google.cloud import compute_v1 as gce

from ops.compute import Compute
from ops.leftovers import Leftover, evidence, leftovers
from ops.scope import Scope
from ops.signs import mark
from tests.support.gce import Project
from tests.support.left_behind import (
    ADDRESS,
    BACKEND,
    CLUSTER,
    DISK,
    DISKS,
    FIREWALL,
    FOREIGN_NEG,
    FORWARDING,
    GROUP,
    HEALTH,
    LB,
    MARK,
    NEG,
    NODE_FIREWALL,
    OLD_FIREWALL,
    OURS,
    PERHAPS,
    POOL,
    SHARED_FIREWALL,
    TAG,
    UID,
    VPC,
    ZONE,
    add_neighbour,
    in_project,
    leave_load_balancer,
)

OWNERS = {"addresses": frozenset({"34.7.208.8"}), "clusters": frozenset({(CLUSTER, "europe-west4-a")})}


def listed(google: Project, scope: Scope) -> dict[str, Leftover]:
    """What is listed, by path in the project."""
    found = leftovers(Compute(google.client).things("p"), scope)
    return {left.thing.path.removeprefix("projects/p/"): left for left in found}


def ours(google: Project, scope: Scope) -> set[str]:
    return {path for path, left in listed(google, scope).items() if left.sure}


def test_exactly_what_belongs_to_the_stack_is_found(google: Project, scope: Scope) -> None:
    assert ours(google, scope) == set(OURS)


def test_what_carries_one_sign_alone_is_listed_apart(google: Project, scope: Scope) -> None:
    found = listed(google, scope)
    assert set(found) - ours(google, scope) == set(PERHAPS)
    assert all(len(found[path].signs) == 1 for path in PERHAPS)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (FORWARDING, "has the stack's address"),
        (POOL, "named after the stack's cluster or Service"),
        (BACKEND, "described as of istio-ingress/inference-gateway"),
        (HEALTH, "used only by what is the stack's"),
        (NEG, "describes the stack's cluster"),
        (GROUP, "in the stack's VPC"),
        (NODE_FIREWALL, "names the stack's cluster"),
        (ADDRESS, "described as of istio-ingress/inference-gateway"),
        (DISK, "described as of claim weights"),
    ],
)
def test_every_leftover_says_why_it_is_the_stacks(google: Project, scope: Scope, path: str, expected: str) -> None:
    assert expected in listed(google, scope)[path].signs


def test_what_pulumi_manages_is_no_leftover(google: Project, scope: Scope) -> None:
    managed = [NODE_FIREWALL, ADDRESS]
    assert ours(google, replace(scope, managed=frozenset(in_project(managed)))) == set(OURS) - set(managed)


def test_what_pulumi_manages_and_uses_a_thing_too_keeps_it_from_being_the_stacks_alone(
    google: Project, scope: Scope
) -> None:
    managed = replace(scope, managed=frozenset(in_project([BACKEND])))
    assert not {HEALTH, GROUP} & ours(google, managed)


def test_health_check_that_others_use_too_is_not_by_its_use_the_stacks(google: Project, scope: Scope) -> None:
    google.add("global/backendServices/elsewhere", health_checks=[google.link(HEALTH)])
    assert listed(google, scope)[HEALTH].signs == ("named after the stack's cluster or Service",)


def test_load_balancer_over_the_stacks_and_others_is_not_the_stacks(google: Project, scope: Scope) -> None:
    groups = [NEG, next(path for path in google.resources if "networkEndpointGroups/k8s2-uid99999" in path)[11:]]
    backends = [gce.Backend(group=google.link(group)) for group in groups]
    google.add("global/backendServices/over-both", backends=backends)
    assert "global/backendServices/over-both" not in listed(google, scope)


# A VPC that others use too


@pytest.fixture
def shared() -> Project:
    """A project in which the stack's load balancer and a neighbour's have their rules in the VPC `default`."""
    google = Project("p")
    leave_load_balancer(google, "default")
    add_neighbour(google, "default")
    return google


def test_in_a_shared_vpc_nothing_of_the_neighbours_is_listed(shared: Project) -> None:
    found = listed(shared, Scope("p", marks=frozenset({LB}), **OWNERS))
    assert set(found) <= set(OURS)


def test_in_a_shared_vpc_the_place_is_no_sign(shared: Project) -> None:
    shared.add("global/firewalls/by-hand", network=shared.link("global/networks/default"))
    found = listed(shared, Scope("p", marks=frozenset({LB}), **OWNERS))
    assert "global/firewalls/by-hand" not in found
    assert not found[NODE_FIREWALL].sure
    assert {path for path, left in found.items() if left.sure} == set(OURS) - {NODE_FIREWALL, GROUP, *DISKS}


def test_thing_in_anothers_vpc_is_not_the_stacks_whatever_it_is_called(google: Project, scope: Scope) -> None:
    other = google.link(f"global/networks/{VPC}-2")
    google.resources[f"projects/p/{OLD_FIREWALL}"].network = other
    assert OLD_FIREWALL not in listed(google, scope)


# The marks in names


def test_without_the_vpc_marks_and_cluster_tell_what_is_left(google: Project) -> None:
    after = Scope("p", clusters=frozenset({(CLUSTER, "europe-west4-a")}), marks=frozenset({MARK, LB}))
    for path in [path for path in google.resources if "/firewalls/" in path]:
        del google.resources[path]
    assert ours(google, after) == {path for path in OURS if "/firewalls/" not in path} - {GROUP}


def test_mark_is_learned_from_what_has_the_stacks_address(google: Project, scope: Scope) -> None:
    _, marks = evidence(Compute(google.client).things("p"), scope)
    assert marks == {MARK, LB}


def test_cluster_that_has_only_an_endpoint_group_in_the_stacks_vpc_marks_nothing(google: Project, scope: Scope) -> None:
    google.resources[f"projects/p/{FOREIGN_NEG}"].description = '{"namespace":"istio-ingress",' + (
        '"service-name":"inference-gateway"}'
    )
    found = listed(google, scope)
    assert found[FOREIGN_NEG].sure
    assert "regions/europe-west4/backendServices/k8s1-0a1b2c3d-team-b-web-80-11" not in found


def test_service_that_another_stack_has_too_is_no_sign_alone(google: Project, scope: Scope) -> None:
    others = {path for path in google.resources if "uid99999" in path}
    assert others
    assert not others & set(in_project([*listed(google, scope)]))


def test_description_counts_of_a_cluster_whose_mark_is_known(google: Project) -> None:
    place = f"{ZONE}/networkEndpointGroups/made-by-hand"
    google.add(place, description=f'{{"cluster-uid":"{UID}"}}')
    assert listed(google, Scope("p", marks=frozenset({MARK})))[place].signs == ("describes the stack's cluster",)
    assert place not in listed(google, Scope("p", marks=frozenset({"uid99999"})))


@pytest.mark.parametrize("said", ["made by hand", "[1]", "{", "7"])
def test_prose_in_a_description_is_no_sign(google: Project, scope: Scope, said: str) -> None:
    google.add("global/firewalls/other", network=google.link("global/networks/default"), description=said)
    assert "global/firewalls/other" not in listed(google, scope)


@pytest.mark.parametrize("tag", [f"{TAG}-2", f"x{TAG}", TAG.replace("1a2b3c4d", "x-1a2b3c4d"), "http-server"])
def test_tag_that_only_looks_like_the_clusters_is_no_sign(tag: str) -> None:
    google = Project("p")
    google.add("global/firewalls/other", network=google.link("global/networks/default"), target_tags=[tag])
    assert listed(google, Scope("p", **OWNERS)) == {}


def test_without_any_evidence_nothing_is_the_stacks(google: Project) -> None:
    assert listed(google, Scope("p")) == {}


def test_address_that_the_stack_has_released_is_no_evidence(google: Project, scope: Scope) -> None:
    del google.resources[f"projects/p/{BACKEND}"]
    released = replace(scope, addresses=frozenset(), networks=frozenset(), clusters=frozenset())
    assert FORWARDING not in listed(google, released)


def test_thing_that_is_made_again_under_its_name_has_another_digest(google: Project, scope: Scope) -> None:
    before = listed(google, scope)[FIREWALL]
    fields: dict[str, Any] = {"network": before.thing.message.network, "target_tags": [TAG]}
    google.add(FIREWALL, **fields)
    after = listed(google, scope)[FIREWALL]
    assert after.sure
    assert after.digest != before.digest
    assert before.digest != listed(google, scope)[SHARED_FIREWALL].digest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("k8s2-tcp-uid01234-namespace-svc-cysix1wq", "uid01234"),
        ("k8s2-uid01234-namespace-svc-cysix1wq", "uid01234"),
        ("k8s3-uid01234-cysix1wq-namespace-svc-deny", "uid01234"),
        ("k8s1-0a1b2c3d-team-b-web-80-11112222", "0a1b2c3d"),
        (LB, LB),
        (f"k8s-fw-{LB}", LB),
        (f"k8s-fw-{LB}-deny", LB),
        (f"k8s-{LB}-http-hc", LB),
        ("gke-tpu-inference-9df6565-1a2b3c4d-mcsd", None),
        ("k8s-ig--e4198c6a84c32393", None),
        ("a-rule", None),
        (f"{LB}-2", None),
    ],
)
def test_mark_is_the_clusters_part_of_a_generated_name(name: str, expected: str | None) -> None:
    assert mark(name) == expected
