"""The policy pack on the real engine: what breaks a rule does not get past the preview, and every stack does."""

import re
from pathlib import Path
from typing import Any

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s
import pytest
from pulumi.automation import CommandError

from sandbox.engine import policy_pack
from sandbox.engine.stack import SandboxError, SandboxStack
from tests.support.bootstrap import FOLDER, VALUES
from tests.support.project import STACKS
from tests.support.stacks import Make

ISTIOD = "oci://ghcr.io/istio/release/charts/istiod"


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
    k8s.helm.v3.Release("any", chart=ISTIOD, opts=pulumi.ResourceOptions(provider=cloud))


def mutated() -> None:
    """Programs that someone has edited, each in one place, in one. Of another provider, such as google-native, the
    engine wants the plugin first; that its types are refused is in the unit tests."""
    google = gcp.Provider("google", project="p", default_labels={"environment": "dev"})
    on_google = pulumi.ResourceOptions(provider=google)

    def cluster(name: str, networks: tuple[str, ...] = (), **more: Any) -> gcp.container.Cluster:
        return gcp.container.Cluster(
            name,
            location="europe-west4-a",
            initial_node_count=1,
            private_cluster_config={"enable_private_nodes": True},
            workload_identity_config={"workload_pool": "p.svc.id.goog"},
            node_config={"service_account": "n@p", "workload_metadata_config": {"mode": "GKE_METADATA"}},
            master_authorized_networks_config={
                "cidr_blocks": [{"cidr_block": cidr} for cidr in networks],
                "gcp_public_cidrs_access_enabled": False,
            },
            opts=on_google,
            **more,
        )

    halves = cluster("halves", ("0.0.0.0/1", "128.0.0.0/1"))
    cluster("auto-provisioned", cluster_autoscaling={"enabled": True})
    cluster("abac", enable_legacy_abac=True)
    network = gcp.compute.Network("network", opts=on_google)
    anywhere = {"network": network.id, "allows": [{"protocol": "tcp"}]}
    gcp.compute.Firewall("anywhere", opts=on_google, **anywhere)
    gcp.projects.IAMMember("owner", project="p", role="roles/owner", member="serviceAccount:n@p", opts=on_google)

    cloud = k8s.Provider("cloud", kubeconfig=halves.endpoint.apply(lambda _: "{}"))
    inside = pulumi.ResourceOptions(provider=cloud)

    def release(name: str, **more: Any) -> None:
        k8s.helm.v3.Release(name, **{"chart": ISTIOD, "version": "1.31.4", **more}, opts=inside)

    release("image", values={"pilot": {"image": "evil.example/pilot:1.31.4"}})
    release("hidden-values", value_yaml_files=[pulumi.StringAsset("a: b")])
    release("rendered", postrender="/bin/true")
    release("no-version", version=None)
    container = {"name": "main", "image": "docker.io/vllm/vllm-tpu:latest1"}
    k8s.apiextensions.CustomResource(
        "latest1",
        api_version="serving.kserve.io/v1alpha2",
        kind="LLMInferenceService",
        spec={"template": {"containers": [container]}},
        opts=inside,
    )
    plain = {"name": "main", "image": "docker.io/vllm/vllm-tpu:v0.27.0"}
    privileged: Any = {**plain, "securityContext": {"privileged": True}}
    k8s.core.v1.Pod("privileged", spec={"containers": [privileged]}, opts=inside)
    of_host: Any = {"containers": [plain], "hostPID": True}
    k8s.core.v1.Pod("host-pid", spec=of_host, opts=inside)
    k8s.rbac.v1.ClusterRoleBinding(
        "anonymous",
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        subjects=[{"api_group": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}],
        opts=inside,
    )


REFUSED = {
    "control-plane-access  (gcp:container:Cluster: halves)",
    "closed-cluster  (gcp:container:Cluster: auto-provisioned)",
    "closed-cluster  (gcp:container:Cluster: abac)",
    "closed-firewall  (gcp:compute:Firewall: anywhere)",
    "allowed-grants  (gcp:projects:IAMMember: owner)",
    "images-of-charts  (kubernetes:helm.sh/v3:Release: image)",
    "plain-values  (kubernetes:helm.sh/v3:Release: hidden-values)",
    "plain-values  (kubernetes:helm.sh/v3:Release: rendered)",
    "pinned-charts  (kubernetes:helm.sh/v3:Release: no-version)",
    "pinned-images  (kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService: latest1)",
    *(f"{rule}  (kubernetes:core/v1:Pod: privileged)" for rule in ("allowed-types", "no-host")),
    *(f"{rule}  (kubernetes:core/v1:Pod: host-pid)" for rule in ("allowed-types", "no-host")),
    *(
        f"{rule}  (kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding: anonymous)"
        for rule in ("allowed-types", "named-subjects")
    ),
}


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


def test_every_mutated_program_is_refused_by_the_rule_for_it(tmp_path: Path) -> None:
    with SandboxStack(home=tmp_path / "home", program=mutated) as sandbox:
        text = said_by(sandbox, "preview")
    assert set(re.findall(r"\[mandatory\]  (\S+  \([^)]*\))", text)) == REFUSED


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


def test_bootstrap_passes_with_the_names_of_its_roles_and_pool(tmp_path: Path) -> None:
    said: list[str] = []
    given = ("repository", "environments", "openEnvironments", "reviewers")
    config = {key: VALUES[key] for key in given} | {"repositoryId": str(VALUES["repositoryId"])}
    with SandboxStack("shared", project=FOLDER, home=tmp_path / "home", config=config) as sandbox:
        sandbox.up(on_output=said.append, color="never", **policy_pack.enforced(sandbox))
        assert policy_pack.check(sandbox) == f"{len(sandbox.resources())} resources keep {len(policy_pack.RULES)} rules"
    assert "✅ gke-tpu-inference@v0.0.1" in "".join(said)


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
