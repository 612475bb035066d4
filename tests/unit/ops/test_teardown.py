"""What a teardown removes and leaves alone, and what it says."""

import re
from typing import Any

import pytest
from google.cloud import compute_v1 as gce
from typer.testing import CliRunner

from ops import teardown, tokens
from ops.__main__ import app
from ops.compute import KINDS, Compute
from ops.leftovers import Scope
from ops.teardown import TeardownError, clean
from tests.support.gce import Project
from tests.support.left_behind import CLUSTER, LB, MARK, NODE, OURS, VPC, ZONE, in_project


def test_all_but_disks_is_removed_in_an_order_that_google_accepts(google: Project, scope: Scope) -> None:
    others = set(google.resources) - set(in_project(OURS))
    del google.resources["projects/p/global/backendServices/shared"]
    done = clean(Compute(google.client), scope, remove=True, disks=False)
    assert not done
    assert set(google.deleted) == set(in_project(OURS[:15]))
    assert list(dict.fromkeys(path.split("/")[-2] for path in google.deleted)) == list(KINDS)[:-1]
    assert set(google.resources) == others - {"projects/p/global/backendServices/shared"} | set(in_project(OURS[15:]))


def test_disks_are_removed_when_told(google: Project, scope: Scope) -> None:
    del google.resources["projects/p/global/backendServices/shared"]
    assert clean(Compute(google.client), scope, remove=True, disks=True)
    assert set(google.deleted) == set(in_project(OURS))


def test_without_being_told_it_reports_and_removes_nothing(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not clean(Compute(google.client), scope, remove=False, disks=False)
    assert google.deleted == []
    said = capsys.readouterr().out
    assert all(path.rsplit("/", 1)[-1] in said for path in OURS)
    assert f"{len(OURS)} left. To look again: .venv/bin/python -m ops teardown --leftovers-only --project p" in said


def test_nothing_left_says_so(scope: Scope, capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(Compute(Project("p").client), scope, remove=False, disks=False)
    assert "nothing behind" in capsys.readouterr().out


def test_what_is_in_use_by_others_is_kept_and_reported(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not clean(Compute(google.client), scope, remove=True, disks=True)
    assert f"projects/p/{OURS[6]}" in google.resources
    name = OURS[6].split("/")[-1]
    assert re.search(rf"network endpoint group {name}: .*already being used by", capsys.readouterr().out)
    assert set(google.deleted) == set(in_project(OURS)) - {f"projects/p/{OURS[6]}"}


def test_what_goes_by_itself_meanwhile_is_no_failure(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    del google.resources["projects/p/global/backendServices/shared"]
    google.vanishing = set(in_project(OURS[9:11]))
    assert clean(Compute(google.client), scope, remove=True, disks=True)
    assert f"firewall rule {OURS[9].split('/')[-1]}: removed" in capsys.readouterr().out


def test_removal_that_google_gives_up_is_reported(
    google: Project, scope: Scope, capsys: pytest.CaptureFixture[str]
) -> None:
    google.failing = {f"projects/p/{OURS[11]}"}
    assert not clean(Compute(google.client), scope, remove=True, disks=True)
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
        clean(Compute(google.client), scope, remove=True, disks=True)
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
        clean(Compute(google.client), scope, remove=True, disks=True)
    assert google.deleted == []


def test_nodes_of_other_clusters_do_not_matter(google: Project, scope: Scope) -> None:
    interface = gce.NetworkInterface(network=google.link("global/networks/default"))
    labels = {**NODE, "goog-k8s-cluster-name": f"{CLUSTER}-x"}
    google.add(f"{ZONE}/instances/node-1", labels=labels, network_interfaces=[interface])
    google.add(f"{ZONE}/instances/by-hand", network_interfaces=[gce.NetworkInterface(network=google.link("global/x"))])
    del google.resources["projects/p/global/backendServices/shared"]
    assert clean(Compute(google.client), scope, remove=True, disks=True)


# The command


def of_type(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "urn": f"urn:pulumi:dev::gke-tpu-inference::{kind}::{name}", **more}


@pytest.mark.parametrize("by", [{"protect": True}, {"outputs": {"deletionProtection": True}}])
def test_protected_is_what_pulumi_or_google_cloud_refuses_to_delete(by: dict[str, Any]) -> None:
    others = [of_type(tokens.NETWORK, "n", protect=False), of_type(tokens.ADDRESS, "a", outputs=None)]
    assert teardown.protected([*others, of_type(tokens.CLUSTER, "c", **by)]) == [f"{tokens.CLUSTER} c"]
    assert teardown.protected(others) == []


def test_printed_command_gives_the_same_scope(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Scope("p", scope.networks, clusters=scope.clusters, marks=frozenset({MARK}))
    seen: list[Scope] = []

    def cleaned(_: Compute, given: Scope, **__: Any) -> bool:
        seen.append(given)
        return True

    monkeypatch.setattr(teardown, "clean", cleaned)
    assert CliRunner().invoke(app, full.command().split()[3:]).exit_code == 0
    assert seen == [full]
