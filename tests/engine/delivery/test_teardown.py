"""A teardown on the real engine, in a project in which Google Cloud leaves things behind."""

import getpass
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from ops.compute import Compute
from ops.leftovers import leftovers
from ops.origin import message
from ops.scope import Scope, scope_of
from ops.teardown import Agreed, TeardownError, down
from sandbox.clouds.calls import Call
from sandbox.clouds.google import Google
from sandbox.clouds.google_kinds import CLUSTER, FIREWALL, NETWORK
from sandbox.clouds.inventory import CloudError, Item
from sandbox.engine.stack import SandboxStack
from tests.support.gce import Project
from tests.support.project import ROOT, protected
from tests.support.stacks import Make, since

LOCATION = "europe-west4-a"
RULE = "k8s2-uid01234-istio-ingress-inference-gateway-cysix1wq"


class Cloud(Project):
    """The Compute Engine of a sandbox: what is removed here is gone from its inventory too."""

    def __init__(self, stack: SandboxStack) -> None:
        super().__init__("simulated-project")
        self.inventory = stack.inventory
        [vpc], [cluster] = stack.inventory.find(NETWORK), stack.inventory.find(CLUSTER)
        self.vpc, self.cluster = vpc, cluster
        self.compute = Compute(self.client)

    def leave_firewall(self, name: str = RULE, *, tags: bool = True) -> None:
        """A rule in the stack's VPC, as GKE leaves it if the cluster goes before a Service."""
        target = [f"gke-{self.cluster.name}-1a2b3c4d-node"] if tags else []
        network = self.link(f"global/networks/{self.vpc.name}")
        self.add(f"global/firewalls/{name}", network=network, target_tags=target)
        scope = f"projects/{self.name}/global/firewalls"
        rule = Item("gcp", FIREWALL, scope, name, f"{scope}/{name}", {"name": name, "network": self.vpc.id})
        self.inventory.record("create", rule)

    def leave_disk(self) -> None:
        """The disk of a claim in the stack's cluster."""
        labels = {"goog-k8s-cluster-name": self.cluster.name, "goog-k8s-cluster-location": LOCATION}
        claim = '{"kubernetes.io/created-for/pvc/name":"weights"}'
        self.add(f"zones/{LOCATION}/disks/pvc-1", labels=labels, description=claim)

    def listed(self) -> Agreed:
        """The digests of a list that somebody has read."""
        place = frozenset({(self.cluster.name, LOCATION)})
        scope = Scope(self.name, networks=frozenset({self.vpc.id}), clusters=place)
        found = [left for left in leftovers(self.compute.things(self.name), scope) if left.sure]
        disks = frozenset(left.digest for left in found if left.thing.collection == "disks")
        return Agreed(frozenset(left.digest for left in found) - disks, disks)

    def _delete(self, path: str) -> requests.Response:
        for item in [item for item in self.inventory.find() if item.id == path]:
            self.inventory.record("delete", item)
        return super()._delete(path)


def confirmed() -> str:
    return "dev"


def test_protected_stack_is_refused_before_anything_until_the_protection_is_lifted(up: Make) -> None:
    stack = up(**protected())
    cloud = Cloud(stack)

    def attempt() -> None:
        with pytest.raises(TeardownError, match="stack dev is protected; nothing was deleted") as refused:
            down(stack.stack, cloud.compute, answer=lambda: pytest.fail("it must not ask"))
        assert "pulumi config set protect false --stack dev\n  pulumi up --stack dev" in str(refused.value)
        assert "gcp:container/cluster:Cluster tpu-inference" in str(refused.value)
        assert "gcp:compute/address:Address tpu-inference-gateway" in str(refused.value)

    assert since(stack, attempt) == []
    stack.set_config("protect", False)
    stack.up()
    assert down(stack.stack, cloud.compute, answer=confirmed)
    assert stack.resources() == []


def test_another_name_deletes_nothing(up: Make, capsys: pytest.CaptureFixture[str]) -> None:
    stack = up()
    cloud = Cloud(stack)

    def attempt() -> None:
        with pytest.raises(TeardownError, match="'prod' is not the stack's name, 'dev'; nothing was deleted"):
            down(stack.stack, cloud.compute, answer=lambda: "prod")

    assert since(stack, attempt) == []
    assert "gcp:container:Cluster tpu-inference delete" in capsys.readouterr().out


def test_teardown_deletes_all_and_finds_nothing_left(up: Make, capsys: pytest.CaptureFixture[str]) -> None:
    stack = up()
    cloud = Cloud(stack)
    assert down(stack.stack, cloud.compute, answer=confirmed)
    assert (stack.resources(), stack.inventory.find()) == ([], [])
    said = capsys.readouterr().out
    assert "Google Cloud has left nothing behind" in said
    assert f"--leftovers-only --project simulated-project --network {cloud.vpc.name}" in said


def test_state_tells_the_name_that_a_load_balancer_of_the_stack_would_have(up: Make) -> None:
    stack = up()
    scope = scope_of(stack.resources())
    assert scope
    [mark] = scope.marks
    assert re.fullmatch(r"a[0-9a-f]{31}", mark)


def test_rule_left_in_the_vpc_is_reported_and_kept(up: Make, capsys: pytest.CaptureFixture[str]) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall()
    assert not down(stack.stack, cloud.compute, answer=confirmed)
    assert cloud.deleted == []
    assert [item.id for item in stack.inventory.find(NETWORK)] == [cloud.vpc.id]
    said = capsys.readouterr()
    assert RULE in said.out
    [digest] = cloud.listed().things
    again = ".venv/bin/python -m ops teardown --stack dev --leftovers-only --mark"
    assert re.search(rf"To remove exactly these: {again} .* --remove {digest}\n", said.out)
    assert "stack dev is not gone: remove what is listed, and run this again" in said.err


def test_rule_that_was_on_the_list_is_removed_and_then_the_vpc(up: Make) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall()
    assert down(stack.stack, cloud.compute, answer=confirmed, agreed=cloud.listed())
    assert (stack.resources(), stack.inventory.find(), cloud.resources) == ([], [], {})


def test_rule_that_was_not_on_the_list_is_kept_and_so_is_the_vpc(up: Make, capsys: pytest.CaptureFixture[str]) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall()
    listed = cloud.listed()
    cloud.leave_firewall(f"{RULE}-deny")
    assert not down(stack.stack, cloud.compute, answer=confirmed, agreed=listed)
    assert [path.rsplit("/", 1)[-1] for path in cloud.deleted] == [RULE]
    assert [item.id for item in stack.inventory.find(NETWORK)] == [cloud.vpc.id]
    assert f"firewall rule {RULE}-deny: not on the list, so it is kept" in capsys.readouterr().out


def test_rule_made_by_hand_in_the_vpc_is_left_to_people(up: Make, capsys: pytest.CaptureFixture[str]) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall("allow-me", tags=False)
    assert not down(stack.stack, cloud.compute, answer=confirmed, agreed=Agreed(frozenset({"0" * 12})))
    assert cloud.deleted == []
    assert f"gcloud compute firewall-rules delete allow-me --project {cloud.name}" in capsys.readouterr().out


def test_second_run_knows_vpc_and_cluster_after_a_destroy_that_stopped_at_the_vpc(up: Make) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall()
    cloud.leave_disk()
    assert not down(stack.stack, cloud.compute, answer=confirmed)
    assert stack.inventory.find(CLUSTER) == []
    assert down(stack.stack, cloud.compute, answer=confirmed, agreed=cloud.listed())
    assert (stack.resources(), cloud.resources) == ([], {})


def test_disk_of_a_claim_is_reported_after_the_stack_is_gone(up: Make, capsys: pytest.CaptureFixture[str]) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_disk()
    assert not down(stack.stack, cloud.compute, answer=confirmed)
    assert stack.resources() == []
    said = capsys.readouterr().out
    assert "pvc-1" in said
    again = f".venv/bin/python -m ops teardown --leftovers-only --project {cloud.name}"
    assert f"1 left. To look again: {again}" in said
    [digest] = cloud.listed().disks
    assert re.search(rf"{again} .*--cluster {LOCATION}/{cloud.cluster.name} .*--remove-disks {digest}\n", said)
    assert cloud.deleted == []


def test_history_says_who_has_deleted_the_stack_and_from_which_commit(up: Make) -> None:
    stack = up()
    cloud = Cloud(stack)
    assert down(stack.stack, cloud.compute, answer=confirmed, told=message("teardown", ROOT))
    [last] = stack.stack.history(page_size=1, page=1)
    assert last.kind == "destroy"
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert last.message.startswith(f"ops teardown by {getpass.getuser()}@")
    assert f"from commit {commit[:12]}" in last.message


def test_nothing_is_removed_while_the_cluster_could_not_be_deleted(up: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall()
    delete = Google.delete

    def refuse(self: Google, call: Call, object_id: str) -> None:
        if call.kind == CLUSTER:
            raise CloudError("googleapi: Error 400: Cluster is running incompatible operation")
        delete(self, call, object_id)

    monkeypatch.setattr(Google, "delete", refuse)
    with pytest.raises(TeardownError, match="stack dev still has its cluster"):
        down(stack.stack, cloud.compute, answer=confirmed, agreed=cloud.listed())
    assert cloud.deleted == []


def test_nothing_is_deleted_if_it_cannot_look_for_leftovers(up: Make) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.denied = {"disks"}

    def attempt() -> None:
        with pytest.raises(TeardownError, match="cannot look into project simulated-project: 403"):
            down(stack.stack, cloud.compute, answer=confirmed)

    assert since(stack, attempt) == []


def test_empty_stack_says_how_to_look_for_leftovers(sandbox: Make) -> None:
    with pytest.raises(TeardownError, match=r"stack dev is empty.*--leftovers-only --project PROJECT --cluster"):
        down(sandbox().stack, Compute(), answer=confirmed)


# The command, as `make down` runs it


def command(stack: SandboxStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in the sandbox's folder, with nobody to ask."""
    environment = {**os.environ, **stack.stack.workspace.env_vars, "PYTHONPATH": str(ROOT)}
    environment["PULUMI_HOME"] = str(stack.home / "pulumi")
    path = stack.stack.workspace.pulumi_command.command
    environment["PATH"] = f"{Path(path).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "ops", "teardown", *arguments],
        cwd=stack.stack.workspace.work_dir,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_shows_what_will_go_and_needs_the_name(up: Make) -> None:
    stack = up()
    done: list[Any] = []
    assert since(stack, lambda: done.append(command(stack, "--stack", "dev"))) == []
    assert done[0].returncode == 1
    assert "gcp:container:Cluster tpu-inference delete" in done[0].stdout
    assert "--confirm NAME" in done[0].stderr


def test_command_refuses_a_name_that_is_not_the_stacks(up: Make) -> None:
    done = command(up(), "--stack", "dev", "--confirm", "prod")
    assert done.returncode == 1
    assert "'prod' is not the stack's name, 'dev'" in done.stderr


def test_command_leaves_selected_what_was_selected(up: Make) -> None:
    stack = up()
    workspace = stack.stack.workspace
    workspace.create_stack("other")
    command(stack, "--stack", "dev", "--confirm", "prod")
    selected = workspace.stack()
    assert selected
    assert selected.name == "other"


def test_command_says_that_there_is_no_such_stack(up: Make) -> None:
    done = command(up(), "--stack", "nowhere")
    assert done.returncode == 1
    assert "there is no stack 'nowhere'" in done.stderr


def test_command_does_not_look_for_leftovers_of_a_cluster_that_is_alive(up: Make) -> None:
    done = command(up(), "--stack", "dev", "--leftovers-only", "--remove", "0123456789ab")
    assert done.returncode == 1
    assert "stack dev still has its cluster" in done.stderr
