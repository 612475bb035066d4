"""A teardown on the real engine, in a project in which Google Cloud leaves things behind."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from ops.compute import Compute
from ops.teardown import TeardownError, down
from sandbox.clouds.calls import Call
from sandbox.clouds.google import Google
from sandbox.clouds.google_kinds import CLUSTER, FIREWALL, NETWORK
from sandbox.clouds.inventory import CloudError, Item
from sandbox.engine.stack import SandboxStack
from tests.support.gce import Project
from tests.support.project import ROOT, protected
from tests.support.stacks import Make, since

LOCATION = "europe-west4-a"


class Cloud(Project):
    """The Compute Engine of a sandbox: what is removed here is gone from its inventory too."""

    def __init__(self, stack: SandboxStack) -> None:
        super().__init__("simulated-project")
        self.inventory = stack.inventory
        [vpc], [cluster] = stack.inventory.find(NETWORK), stack.inventory.find(CLUSTER)
        self.vpc, self.cluster = vpc, cluster
        self.compute = Compute(self.client)

    def leave_firewall(self) -> None:
        """A rule in the stack's VPC, as GKE leaves it if the cluster goes before a Service."""
        name = "k8s2-uid01234-istio-ingress-inference-gateway-cysix1wq"
        self.add(f"global/firewalls/{name}", network=self.link(f"global/networks/{self.vpc.name}"))
        scope = f"projects/{self.name}/global/firewalls"
        rule = Item("gcp", FIREWALL, scope, name, f"{scope}/{name}", {"name": name, "network": self.vpc.id})
        self.inventory.record("create", rule)

    def leave_disk(self) -> None:
        """The disk of a claim in the stack's cluster."""
        labels = {"goog-k8s-cluster-name": self.cluster.name, "goog-k8s-cluster-location": LOCATION}
        self.add(f"zones/{LOCATION}/disks/pvc-1", labels=labels)

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


def test_rule_left_in_the_vpc_is_reported_and_kept(up: Make, capsys: pytest.CaptureFixture[str]) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall()
    assert not down(stack.stack, cloud.compute, answer=confirmed)
    assert cloud.deleted == []
    assert [item.id for item in stack.inventory.find(NETWORK)] == [cloud.vpc.id]
    said = capsys.readouterr()
    assert "k8s2-uid01234-istio-ingress-inference-gateway-cysix1wq" in said.out
    assert "stack dev is not gone: remove what is listed, or run this again with --remove" in said.err


def test_rule_left_in_the_vpc_is_removed_when_told_and_then_the_vpc(up: Make) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall()
    assert down(stack.stack, cloud.compute, answer=confirmed, remove=True)
    assert (stack.resources(), stack.inventory.find(), cloud.resources) == ([], [], {})


def test_second_run_knows_vpc_and_cluster_after_a_destroy_that_stopped_at_the_vpc(up: Make) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_firewall()
    cloud.leave_disk()
    assert not down(stack.stack, cloud.compute, answer=confirmed)
    assert stack.inventory.find(CLUSTER) == []
    assert down(stack.stack, cloud.compute, answer=confirmed, remove=True, disks=True)
    assert (stack.resources(), cloud.resources) == ([], {})


def test_disk_of_a_claim_is_reported_after_the_stack_is_gone(up: Make, capsys: pytest.CaptureFixture[str]) -> None:
    stack = up()
    cloud = Cloud(stack)
    cloud.leave_disk()
    assert not down(stack.stack, cloud.compute, answer=confirmed, remove=True)
    assert stack.resources() == []
    said = capsys.readouterr().out
    assert "pvc-1" in said
    assert f"1 left. To look again: .venv/bin/python -m ops teardown --leftovers-only --project {cloud.name}" in said
    assert f"--cluster {LOCATION}/{cloud.cluster.name}" in said
    assert cloud.deleted == []


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
        down(stack.stack, cloud.compute, answer=confirmed, remove=True)
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
    done = command(up(), "--stack", "dev", "--leftovers-only", "--remove")
    assert done.returncode == 1
    assert "stack dev still has its cluster" in done.stderr
