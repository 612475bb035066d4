"""What a teardown takes for the stack's, removes and leaves alone, in a project that others use too."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import compute_v1 as gce

from ops import teardown
from ops.teardown import Compute, Scope, TeardownError
from tests.support.gce import Project

REGION, ZONE = "regions/europe-west4", "zones/europe-west4-a"
VPC, CLUSTER, MARK = "tpu-inference-c3f688e", "tpu-inference-9df6565", "uid01234"
LB = "a4701527bca6e408983c5fe0bb1b1be6"
NODE = {"goog-k8s-cluster-name": CLUSTER, "goog-k8s-cluster-location": "europe-west4-a"}

OURS = [
    f"{REGION}/forwardingRules/k8s2-tcp-{MARK}-istio-ingress-gateway-cysix1wq",
    f"{REGION}/forwardingRules/{LB}",
    f"{REGION}/targetPools/{LB}",
    f"{REGION}/backendServices/k8s2-{MARK}-istio-ingress-gateway-cysix1wq",
    "global/backendServices/by-hand",
    f"{REGION}/healthChecks/k8s2-{MARK}-l4-shared-hc",
    f"{ZONE}/networkEndpointGroups/k8s2-{MARK}-istio-ingress-gateway-cysix1wq",
    f"{ZONE}/networkEndpointGroups/k8s1-0a1b2c3d-team-b-web-80-11112222",
    f"{ZONE}/instanceGroups/k8s-ig--e4198c6a84c32393",
    f"global/firewalls/k8s2-{MARK}-istio-ingress-gateway-cysix1wq",
    f"global/firewalls/k8s2-{MARK}-l4-shared-hc-fw",
    f"global/firewalls/k8s-fw-{LB}",
    "global/firewalls/gke-tpu-inference-9df6565-1a2b3c4d-mcsd",
    f"{REGION}/addresses/{LB}",
    f"{REGION}/addresses/internal",
    f"{ZONE}/disks/pvc-1",
    f"{REGION}/disks/pvc-2",
]
"""What belongs to the stack, in an order that works."""


@pytest.fixture
def google() -> Project:
    """A project in which GKE has left everything that it can leave of the stack, beside look-alikes of others."""
    project = Project("p")
    vpc, other = project.link(f"global/networks/{VPC}"), project.link(f"global/networks/{VPC}-2")
    path = iter(OURS)
    fields: Iterator[dict[str, Any]] = iter(
        [
            {"I_p_address": "34.7.208.8", "backend_service": project.link(OURS[3])},
            {"target": project.link(OURS[2])},
            {},
            {"backends": [gce.Backend(group=project.link(OURS[6]))], "health_checks": [project.link(OURS[5])]},
            {"backends": [gce.Backend(group=project.link(OURS[7])), gce.Backend(group=project.link(OURS[8]))]},
            {},
            *[{"network": vpc}] * 7,
            {},
            {"subnetwork": project.link(f"{REGION}/subnetworks/{VPC}")},
            {"labels": NODE},
            {"labels": {"goog-k8s-cluster-name": CLUSTER}},
        ]
    )
    for place, values in zip(path, fields, strict=True):
        project.add(place, **values)

    # Another stack's, with the same Service in a cluster of its own.
    neighbour = project.add(f"{ZONE}/networkEndpointGroups/k8s2-uid99999-istio-ingress-gateway-aaaaaaaa", network=other)
    service = project.add(
        f"{REGION}/backendServices/k8s2-uid99999-istio-ingress-gateway-aaaaaaaa",
        backends=[gce.Backend(group=neighbour)],
    )
    project.add(
        f"{REGION}/forwardingRules/k8s2-tcp-uid99999-istio-ingress-gateway-aaaaaaaa",
        I_p_address="34.7.208.9",
        backend_service=service,
        description='{"networking.gke.io/service-name":"istio-ingress/gateway"}',
    )
    project.add(f"{REGION}/healthChecks/k8s2-uid99999-l4-shared-hc")
    project.add("global/firewalls/k8s2-uid99999-l4-shared-hc-fw", network=other)
    project.add("global/firewalls/gke-tpu-inference-9df6565-2-1a2b3c4d-mcsd", network=other)
    project.add(f"global/firewalls/k8s-fw-{LB[:-1]}0", network=other)
    project.add(f"{REGION}/targetPools/{LB[:-1]}0")
    # A load balancer over two VPCs, and what somebody has made by hand.
    shared = [gce.Backend(group=neighbour), gce.Backend(group=project.link(OURS[6]))]
    project.add("global/backendServices/shared", backends=shared)
    project.add("global/backendServices/empty")
    project.add(f"{REGION}/addresses/tpu-inference-gateway-static", address="34.7.208.10")
    project.add(f"{REGION}/addresses/{VPC}")
    # Disks of a cluster whose name begins like ours, of one with our name elsewhere, and of none.
    project.add(f"{ZONE}/disks/pvc-3", labels={**NODE, "goog-k8s-cluster-name": f"{CLUSTER}-x"})
    project.add(f"{ZONE}/disks/pvc-4", labels={**NODE, "goog-k8s-cluster-location": "us-east5-a"})
    project.add(f"{ZONE}/disks/pvc-5")
    project.add(f"{ZONE}/disks/gke-{CLUSTER}-system-pvc")
    return project


@pytest.fixture
def scope() -> Scope:
    """What the state says after a destroy that stopped at the VPC."""
    return Scope(
        project="p",
        networks=frozenset({f"projects/p/global/networks/{VPC}"}),
        subnets=frozenset({f"projects/p/{REGION}/subnetworks/{VPC}"}),
        addresses=frozenset({"34.7.208.8"}),
        clusters=frozenset({(CLUSTER, "europe-west4-a")}),
    )


def ours(google: Project, scope: Scope) -> list[str]:
    """What is taken for the stack's, as paths in the project."""
    found = teardown.leftovers(Compute(google.client).things("p"), scope)
    return [thing.path.removeprefix("projects/p/") for thing, _ in found]


def in_project(paths: list[str]) -> list[str]:
    return [f"projects/p/{path}" for path in paths]


# What is the stack's


def test_exactly_what_belongs_to_the_stack_is_found(google: Project, scope: Scope) -> None:
    assert set(ours(google, scope)) == set(OURS)


def test_every_leftover_says_why_it_is_the_stacks(google: Project, scope: Scope) -> None:
    reasons = teardown.leftovers(Compute(google.client).things("p"), scope)
    by_name = {thing.path.removeprefix("projects/p/"): reason for thing, reason in reasons}
    assert by_name[OURS[0]] == "has the stack's address"
    assert by_name[OURS[2]] == "named after the stack's cluster"
    assert by_name[OURS[4]] == "its backends are in the stack's VPC"
    assert by_name[OURS[12]] == "in the stack's VPC"
    assert by_name[OURS[14]] == "in the stack's subnet"
    assert by_name[OURS[15]] == "labelled with the stack's cluster"


def test_what_pulumi_manages_is_no_leftover(google: Project, scope: Scope) -> None:
    managed = [OURS[12], OURS[14]]
    known = teardown.replace(scope, managed=frozenset(in_project(managed)))
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
    released = teardown.replace(scope, addresses=frozenset(), networks=frozenset(), clusters=frozenset())
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
    assert teardown.mark(name) == expected


# Removing


def test_all_but_disks_is_removed_in_an_order_that_google_accepts(google: Project, scope: Scope) -> None:
    others = set(google.resources) - set(in_project(OURS))
    del google.resources["projects/p/global/backendServices/shared"]
    done = teardown.clean(Compute(google.client), scope, remove=True, disks=False)
    assert not done
    assert set(google.deleted) == set(in_project(OURS[:15]))
    assert list(dict.fromkeys(path.split("/")[-2] for path in google.deleted)) == list(teardown.KINDS)[:-1]
    assert set(google.resources) == others - {"projects/p/global/backendServices/shared"} | set(in_project(OURS[15:]))


def test_disks_are_removed_when_told(google: Project, scope: Scope) -> None:
    del google.resources["projects/p/global/backendServices/shared"]
    assert teardown.clean(Compute(google.client), scope, remove=True, disks=True)
    assert set(google.deleted) == set(in_project(OURS))


def test_without_being_told_it_reports_and_removes_nothing(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not teardown.clean(Compute(google.client), scope, remove=False, disks=False)
    assert google.deleted == []
    said = capsys.readouterr().out
    assert all(path.rsplit("/", 1)[-1] in said for path in OURS)
    assert f"{len(OURS)} left. To look again: .venv/bin/python -m ops teardown --leftovers-only --project p" in said


def test_nothing_left_says_so(scope: Scope, capsys: pytest.CaptureFixture[str]) -> None:
    assert teardown.clean(Compute(Project("p").client), scope, remove=False, disks=False)
    assert "nothing behind" in capsys.readouterr().out


def test_what_is_in_use_by_others_is_kept_and_reported(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not teardown.clean(Compute(google.client), scope, remove=True, disks=True)
    assert f"projects/p/{OURS[6]}" in google.resources
    name = OURS[6].split("/")[-1]
    assert re.search(rf"network endpoint group {name}: .*already being used by", capsys.readouterr().out)
    assert set(google.deleted) == set(in_project(OURS)) - {f"projects/p/{OURS[6]}"}


def test_what_goes_by_itself_meanwhile_is_no_failure(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    del google.resources["projects/p/global/backendServices/shared"]
    google.vanishing = set(in_project(OURS[9:11]))
    assert teardown.clean(Compute(google.client), scope, remove=True, disks=True)
    assert f"firewall rule {OURS[9].split('/')[-1]}: removed" in capsys.readouterr().out


def test_removal_that_google_gives_up_is_reported(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    google.failing = {f"projects/p/{OURS[11]}"}
    assert not teardown.clean(Compute(google.client), scope, remove=True, disks=True)
    assert f"firewall rule k8s-fw-{LB}: 500 INTERNAL" in capsys.readouterr().out


def test_removal_without_permission_is_reported(google: Project) -> None:
    compute = Compute(google.client)
    [thing] = [t for t in compute.things("p") if t.path.endswith("/pvc-1")]
    google.denied = {"disks"}
    assert "403" in compute.remove(thing)
    assert "compute.disks" in compute.remove(thing)


def test_look_without_permission_names_the_role(google: Project, scope: Scope) -> None:
    google.denied = {"addresses"}
    with pytest.raises(TeardownError, match=r"cannot look into project p: 403 .*compute.addresses.list") as refused:
        teardown.clean(Compute(google.client), scope, remove=True, disks=True)
    assert "roles/compute.viewer" in str(refused.value)
    assert google.deleted == []


@pytest.mark.parametrize("by", ["label", "network"])
def test_nothing_is_touched_while_the_cluster_has_nodes(google: Project, scope: Scope, by: str) -> None:
    name = CLUSTER if by == "label" else "second-cluster-in-the-vpc"
    network = google.link(f"global/networks/{VPC if by == 'network' else 'default'}")
    interface = gce.NetworkInterface(network=network)
    google.add(
        f"{ZONE}/instances/node-1", labels={**NODE, "goog-k8s-cluster-name": name}, network_interfaces=[interface]
    )
    with pytest.raises(TeardownError, match="nodes of the cluster still run: node-1"):
        teardown.clean(Compute(google.client), scope, remove=True, disks=True)
    assert google.deleted == []


def test_nodes_of_other_clusters_do_not_matter(google: Project, scope: Scope) -> None:
    interface = gce.NetworkInterface(network=google.link("global/networks/default"))
    labels = {**NODE, "goog-k8s-cluster-name": f"{CLUSTER}-x"}
    google.add(f"{ZONE}/instances/node-1", labels=labels, network_interfaces=[interface])
    google.add(f"{ZONE}/instances/by-hand", network_interfaces=[gce.NetworkInterface(network=google.link("global/x"))])
    del google.resources["projects/p/global/backendServices/shared"]
    assert teardown.clean(Compute(google.client), scope, remove=True, disks=True)


# What the state tells


def state(
    *, protect: bool = False, cluster: bool = True, outputs: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    prefix = "urn:pulumi:dev::gke-tpu-inference::"
    resources = [
        {"type": "pulumi:pulumi:Stack", "urn": f"{prefix}pulumi:pulumi:Stack::s", "outputs": outputs or {}},
        {
            "type": teardown.NETWORK,
            "urn": f"{prefix}{teardown.NETWORK}::tpu-inference",
            "id": f"projects/p/global/networks/{VPC}",
            "outputs": {},
        },
        {
            "type": teardown.ADDRESS,
            "urn": f"{prefix}{teardown.ADDRESS}::gateway",
            "id": f"projects/p/{REGION}/addresses/x",
            "protect": protect,
            "outputs": {"address": "34.7.208.8"},
        },
        {
            "type": teardown.CLUSTER,
            "urn": f"{prefix}{teardown.CLUSTER}::tpu-inference",
            "id": f"projects/p/locations/europe-west4-a/clusters/{CLUSTER}",
            "protect": protect,
            "outputs": {"name": CLUSTER, "location": "europe-west4-a", "deletionProtection": protect},
        },
    ]
    return resources if cluster else resources[:-1]


def test_scope_is_read_from_the_state() -> None:
    scope = teardown.scope_of(state())
    assert scope
    assert scope.project == "p"
    assert scope.networks == {f"projects/p/global/networks/{VPC}"}
    assert scope.addresses == {"34.7.208.8"}
    assert scope.clusters == {(CLUSTER, "europe-west4-a")}
    assert f"projects/p/{REGION}/addresses/x" in scope.managed


def test_cluster_that_is_gone_is_known_by_the_stacks_output() -> None:
    scope = teardown.scope_of(state(cluster=False, outputs={"clusterName": CLUSTER}))
    assert scope
    assert scope.clusters == {(CLUSTER, "")}


def test_empty_state_has_no_scope() -> None:
    assert teardown.scope_of([]) is None
    assert teardown.scope_of(state()[:1]) is None


def test_protected_are_cluster_and_address() -> None:
    assert teardown.protected(state()) == []
    assert teardown.protected(state(protect=True)) == [
        f"{teardown.ADDRESS} gateway",
        f"{teardown.CLUSTER} tpu-inference",
    ]


def test_cluster_protected_in_google_cloud_alone_is_protected() -> None:
    resources = state()
    resources[-1]["outputs"]["deletionProtection"] = True
    assert teardown.protected(resources) == [f"{teardown.CLUSTER} tpu-inference"]


def test_printed_command_gives_the_same_scope(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Scope("p", scope.networks, clusters=scope.clusters, marks=frozenset({MARK}))
    seen: list[Scope] = []

    def clean(_: Compute, given: Scope, **__: Any) -> bool:
        seen.append(given)
        return True

    monkeypatch.setattr(teardown, "clean", clean)
    monkeypatch.setattr(sys, "argv", full.command().split()[2:])
    assert teardown.main() == 0
    assert seen == [full]


# The command line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--stack is missing"),
        (["--leftovers-only"], "--stack is missing"),
        (["--stack", "dev", "--project", "p"], "--project goes with --leftovers-only and --cluster"),
        (["--leftovers-only", "--project", "p"], "--project goes with --leftovers-only and --cluster"),
    ],
)
def test_wrong_usage_says_what_is_missing(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["teardown", *arguments])
    with pytest.raises(SystemExit) as refused:
        teardown.main()
    assert refused.value.code == 2
    assert message in capsys.readouterr().err
