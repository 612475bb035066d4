"""The policy pack on the real engine: what breaks a rule does not get past the preview, and every stack does."""

from pathlib import Path

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s
import pytest
from pulumi.automation import CommandError

from sandbox.engine import policy_pack
from sandbox.engine.stack import SandboxError, SandboxStack
from tests.support.project import STACKS
from tests.support.stacks import Make


def open_cluster() -> None:
    """A program that someone has edited."""
    google = gcp.Provider("google", project="p", default_labels={"environment": "dev"})
    account = gcp.serviceaccount.Account("nodes", opts=pulumi.ResourceOptions(provider=google))
    cluster = gcp.container.Cluster(
        "open",
        location="europe-west4-a",
        initial_node_count=1,
        private_cluster_config={"enable_private_nodes": True},
        workload_identity_config={"workload_pool": "p.svc.id.goog"},
        # Not known in a preview, which must not hide what is.
        node_config={"service_account": account.email, "workload_metadata_config": {"mode": "GKE_METADATA"}},
        opts=pulumi.ResourceOptions(provider=google),
    )
    cloud = k8s.Provider("cloud", kubeconfig=cluster.endpoint.apply(lambda _: "{}"))
    k8s.helm.v3.Release("any", chart="oci://example.com/any", opts=pulumi.ResourceOptions(provider=cloud))


def said_by(sandbox: SandboxStack, operation: str) -> str:
    """All that the engine says while an operation with the pack fails."""
    said: list[str] = []
    with pytest.raises(CommandError):
        getattr(sandbox, operation)(on_output=said.append, color="never", **policy_pack.enforced(sandbox))
    return "".join(said)


def test_program_that_breaks_a_rule_is_refused_in_the_preview_with_the_way_out(tmp_path: Path) -> None:
    with SandboxStack(home=tmp_path / "home", program=open_cluster) as sandbox:
        text = said_by(sandbox, "preview")
    assert "[mandatory]  control-plane-access  (gcp:container:Cluster: open)" in text
    assert "Add the block with the ranges that need it, or with none." in text
    assert "https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster" in text
    assert "[mandatory]  pinned-charts  (kubernetes:helm.sh/v3:Release: any)" in text
    assert text.count("[mandatory]") == 2


def test_up_that_breaks_a_rule_makes_nothing_of_it(tmp_path: Path) -> None:
    with SandboxStack(home=tmp_path / "home", program=open_cluster) as sandbox:
        said_by(sandbox, "up")
        assert sandbox.inventory.find("gcp:container/cluster:Cluster") == []


@pytest.mark.parametrize("stack", STACKS)
def test_stack_passes(tmp_path: Path, stack: str) -> None:
    said: list[str] = []
    with SandboxStack(stack, home=tmp_path / "home") as sandbox:
        sandbox.preview(on_output=said.append, color="never", **policy_pack.enforced(sandbox))
    text = "".join(said)
    assert "✅ gke-tpu-inference@v0.0.1" in text
    assert "can't run policy" not in text


def test_what_is_up_passes_with_the_values_that_a_preview_did_not_know(sandbox: Make) -> None:
    stack = sandbox()
    said: list[str] = []
    stack.up(on_output=said.append, color="never", **policy_pack.enforced(stack))
    assert "✅ gke-tpu-inference@v0.0.1" in "".join(said)
    assert policy_pack.check(stack) == f"{len(stack.resources())} resources keep {len(policy_pack.RULES)} rules"


def test_state_that_breaks_a_rule_is_told(sandbox: Make) -> None:
    stack = sandbox(labels={})
    stack.up()
    with pytest.raises(SandboxError) as broken:
        policy_pack.check(stack)
    first, *others = str(broken.value).splitlines()
    assert first == "the stack breaks its own policy:"
    assert [line.split()[0] for line in others] == ["gcp:compute/address:Address", "gcp:container/cluster:Cluster"]


def test_missing_virtualenv_is_named(tmp_path: Path, sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_pack, "PACK", tmp_path)
    with pytest.raises(SandboxError, match="make policy"):
        policy_pack.enforced(sandbox())
