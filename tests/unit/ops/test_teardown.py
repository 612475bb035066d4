"""What a teardown removes and leaves alone, and what it says."""

import re
from dataclasses import replace
from typing import Any

import pytest
from google.cloud import compute_v1 as gce
from typer.testing import CliRunner

from ops import teardown, tokens
from ops.__main__ import app
from ops.compute import KINDS, Compute
from ops.scope import Scope
from ops.teardown import Agreed, TeardownError, clean
from tests.support.gce import Project
from tests.support.left_behind import (
    BY_HAND,
    CLUSTER,
    DISK,
    DISKS,
    FIREWALL,
    FOREIGN_NEG,
    MARK,
    NEG,
    NODE,
    NODE_FIREWALL,
    OLD_FIREWALL,
    OURS,
    PERHAPS,
    RULE_BY_HAND,
    SHARED_FIREWALL,
    VPC,
    ZONE,
    digests,
    in_project,
)

BUT_DISKS = OURS[:-2]


@pytest.fixture
def google(google: Project) -> Project:
    """Without the load balancer that uses what is the stack's, and that somebody has made by hand."""
    del google.resources[f"projects/p/{BY_HAND}"]
    return google


def test_what_was_listed_is_removed_in_an_order_that_google_accepts(google: Project, scope: Scope) -> None:
    others = set(google.resources) - set(in_project(OURS))
    assert not clean(Compute(google.client), scope, agreed=digests(google, scope, BUT_DISKS))
    assert set(google.deleted) == set(in_project(BUT_DISKS))
    assert list(dict.fromkeys(path.split("/")[-2] for path in google.deleted)) == list(KINDS)[:-1]
    assert set(google.resources) == others | set(in_project(DISKS))


def test_disks_are_removed_when_told(google: Project, scope: Scope) -> None:
    clean(Compute(google.client), scope, agreed=digests(google, scope, OURS))
    assert set(google.deleted) == set(in_project(OURS))


def test_disk_among_other_things_is_refused_before_anything_is_removed(google: Project, scope: Scope) -> None:
    every = digests(google, scope, OURS)
    with pytest.raises(TeardownError, match=r"is the disk pvc-\d: data. Nothing was removed; say --remove-disks"):
        clean(Compute(google.client), scope, agreed=Agreed(every.things | every.disks))
    assert google.deleted == []


def test_rule_among_disks_is_kept(google: Project, scope: Scope) -> None:
    clean(Compute(google.client), scope, agreed=Agreed(disks=digests(google, scope, [NODE_FIREWALL]).things))
    assert google.deleted == []


def test_without_being_told_it_lists_and_removes_nothing(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not clean(Compute(google.client), scope)
    assert google.deleted == []
    said = capsys.readouterr().out
    listed = [path for path in [*OURS, *PERHAPS] if path != BY_HAND]
    assert all(path.rsplit("/", 1)[-1] in said for path in listed)
    assert f"{len(listed)} left. To look again: .venv/bin/python -m ops teardown --leftovers-only --project p" in said


def test_list_ends_with_the_commands_that_remove_exactly_it(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    every = digests(google, scope, OURS)
    clean(Compute(google.client), scope, again="AGAIN")
    things, disks = re.findall(
        r"To remove exactly these[^:]*: AGAIN --remove(?:-disks)? (\S+)", capsys.readouterr().out
    )
    assert Agreed(frozenset(things.split(",")), frozenset(disks.split(","))) == every


def test_what_appeared_since_the_list_is_kept_and_told(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    agreed = digests(google, scope, [OLD_FIREWALL, SHARED_FIREWALL])
    assert not clean(Compute(google.client), scope, agreed=agreed)
    assert set(google.deleted) == set(in_project([OLD_FIREWALL, SHARED_FIREWALL]))
    assert f"firewall rule {FIREWALL.split('/')[-1]}: not on the list, so it is kept" in capsys.readouterr().out


def test_what_was_made_again_since_the_list_is_kept(google: Project, scope: Scope) -> None:
    agreed = digests(google, scope, [NODE_FIREWALL])
    old = google.resources[f"projects/p/{NODE_FIREWALL}"]
    google.add(NODE_FIREWALL, network=old.network, target_tags=list(old.target_tags))
    clean(Compute(google.client), scope, agreed=agreed)
    assert google.deleted == []


def test_what_is_gone_since_the_list_is_told(google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]) -> None:
    agreed = digests(google, scope, [NODE_FIREWALL])
    del google.resources[f"projects/p/{NODE_FIREWALL}"]
    clean(Compute(google.client), scope, agreed=agreed)
    assert f"{next(iter(agreed.things))}: not there (any more)" in capsys.readouterr().out


def test_what_has_lost_a_sign_since_the_list_is_kept(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    agreed = digests(google, scope, [NODE_FIREWALL])
    google.resources[f"projects/p/{NODE_FIREWALL}"].target_tags = []
    clean(Compute(google.client), scope, agreed=agreed)
    assert google.deleted == []
    assert f"{next(iter(agreed.things))}: only one sign is left" in capsys.readouterr().out


def test_what_carries_one_sign_is_never_removed_but_told_how(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    some = [FOREIGN_NEG, RULE_BY_HAND]
    assert not clean(Compute(google.client), scope, agreed=digests(google, scope, [*OURS, *some]))
    assert not set(google.deleted) & set(in_project(PERHAPS))
    said = capsys.readouterr().out
    assert "perhaps of this stack: look yourself" in said
    assert f"  gcloud compute firewall-rules delete {RULE_BY_HAND.split('/')[-1]} --project p\n" in said
    name = FOREIGN_NEG.split("/")[-1]
    assert f"  gcloud compute network-endpoint-groups delete {name} --zone europe-west4-a --project p\n" in said


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("global/backendServices/x", "backend-services delete x --global"),
        ("regions/r/addresses/x", "addresses delete x --region r"),
        ("zones/z/instanceGroups/x", "instance-groups unmanaged delete x --zone z"),
        ("zones/z/disks/x", "disks delete x --zone z"),
    ],
)
def test_command_by_hand_is_gclouds(path: str, expected: str) -> None:
    google = Project("p")
    google.add(path)
    [thing] = Compute(google.client).things("p")
    assert thing.by_hand == f"gcloud compute {expected} --project p"


def test_nothing_left_says_so(scope: Scope, capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(Compute(Project("p").client), scope)
    assert "nothing behind" in capsys.readouterr().out


def test_what_is_in_use_by_others_is_kept_and_reported(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    google.add("global/backendServices/elsewhere", backends=[gce.Backend(group=google.link(NEG))])
    assert not clean(Compute(google.client), scope, agreed=digests(google, scope, BUT_DISKS))
    assert f"projects/p/{NEG}" in google.resources
    name = NEG.split("/")[-1]
    assert re.search(rf"network endpoint group {name}: .*already being used by", capsys.readouterr().out)
    assert set(google.deleted) == set(in_project(BUT_DISKS)) - {f"projects/p/{NEG}"}


def test_what_goes_by_itself_meanwhile_is_no_failure(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    google.vanishing = set(in_project([FIREWALL, OLD_FIREWALL]))
    clean(Compute(google.client), scope, agreed=digests(google, scope, OURS))
    assert f"firewall rule {FIREWALL.split('/')[-1]}: removed" in capsys.readouterr().out


def test_removal_that_google_gives_up_is_reported(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    google.failing = {f"projects/p/{OLD_FIREWALL}"}
    assert not clean(Compute(google.client), scope, agreed=digests(google, scope, OURS))
    assert f"firewall rule {OLD_FIREWALL.split('/')[-1]}: 500 INTERNAL" in capsys.readouterr().out


def test_nothing_is_left_once_all_is_removed(google: Project, scope: Scope) -> None:
    for path in PERHAPS:
        google.resources.pop(f"projects/p/{path}", None)
    assert clean(Compute(google.client), scope, agreed=digests(google, scope, OURS))


def test_removal_without_permission_is_reported(google: Project) -> None:
    compute = Compute(google.client)
    [thing] = [t for t in compute.things("p") if t.path.endswith("/pvc-1")]
    google.denied = {"disks"}
    assert "403" in compute.remove(thing)
    assert "compute.disks" in compute.remove(thing)


def test_look_without_permission_names_the_role(google: Project, scope: Scope) -> None:
    google.denied = {"addresses"}
    with pytest.raises(TeardownError, match=r"cannot look into project p: 403 .*compute.addresses.list") as refused:
        clean(Compute(google.client), scope)
    assert "roles/compute.viewer" in str(refused.value)
    assert google.deleted == []


@pytest.mark.parametrize("by", ["label", "network"])
def test_nothing_is_touched_while_the_cluster_has_nodes(google: Project, scope: Scope, by: str) -> None:
    name = CLUSTER if by == "label" else "second-cluster-in-the-vpc"
    agreed = digests(google, scope, OURS)
    network = google.link(f"global/networks/{VPC if by == 'network' else 'default'}")
    interface = gce.NetworkInterface(network=network)
    google.add(
        f"{ZONE}/instances/node-1", labels={**NODE, "goog-k8s-cluster-name": name}, network_interfaces=[interface]
    )
    with pytest.raises(TeardownError, match="nodes of the cluster still run: node-1"):
        clean(Compute(google.client), scope, agreed=agreed)
    assert google.deleted == []


def test_nodes_of_other_clusters_do_not_matter(google: Project, scope: Scope) -> None:
    interface = gce.NetworkInterface(network=google.link("global/networks/default"))
    labels = {**NODE, "goog-k8s-cluster-name": f"{CLUSTER}-x"}
    google.add(f"{ZONE}/instances/node-1", labels=labels, network_interfaces=[interface])
    google.add(f"{ZONE}/instances/by-hand", network_interfaces=[gce.NetworkInterface(network=google.link("global/x"))])
    clean(Compute(google.client), scope, agreed=digests(google, scope, [DISK]))
    assert google.deleted == in_project([DISK])


# The command


def of_type(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "urn": f"urn:pulumi:dev::gke-tpu-inference::{kind}::{name}", **more}


@pytest.mark.parametrize("by", [{"protect": True}, {"outputs": {"deletionProtection": True}}])
def test_protected_is_what_pulumi_or_google_cloud_refuses_to_delete(by: dict[str, Any]) -> None:
    others = [of_type(tokens.NETWORK, "n", protect=False), of_type(tokens.ADDRESS, "a", outputs=None)]
    assert teardown.protected([*others, of_type(tokens.CLUSTER, "c", **by)]) == [f"{tokens.CLUSTER} c"]
    assert teardown.protected(others) == []


def test_printed_command_gives_the_same_scope(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    full = replace(scope, subnets=frozenset(), addresses=frozenset(), marks=frozenset({MARK}))
    seen: list[Scope] = []

    def cleaned(_: Compute, given: Scope, **__: Any) -> bool:
        seen.append(given)
        return True

    monkeypatch.setattr(teardown, "clean", cleaned)
    assert CliRunner().invoke(app, full.command().split()[3:]).exit_code == 0
    assert seen == [full]
