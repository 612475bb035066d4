"""The life of a stack on the real engine: up, what it tells, and that nothing is left after destroy."""

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.kubernetes_kinds import LLM
from sandbox.engine.stack import SandboxStack
from tests.support.project import protected
from tests.support.stacks import MODEL, Make, since, unchanged


def test_empty_project_previews_goes_up_and_then_shows_no_change(sandbox: Make) -> None:
    stack = sandbox()
    planned = stack.preview().change_summary
    assert set(planned) == {"create"}
    created = stack.up().summary.resource_changes
    assert created == planned
    assert unchanged(stack.preview())
    assert set(stack.refresh().summary.resource_changes or {}) == {"same"}
    assert unchanged(stack.preview())


def test_outputs_are_the_api_guides(up: Make) -> None:
    stack = up()
    outputs = stack.outputs()
    base = "http://34.7.208.8/llm-d-inference-scheduling/qwen2-3b-pattern1"
    assert (outputs["baseUrl"], outputs["model"]) == (base, "/mnt/models")
    assert outputs["endpoints"]["chatCompletions"] == f"{base}/v1/chat/completions"
    [cluster] = stack.inventory.find("gcp:container/cluster:Cluster")
    assert outputs["clusterName"] == cluster.name
    assert f" {cluster.name} " in outputs["kubeconfigCommand"]


# Teardown


def test_destroy_leaves_nothing_and_goes_in_order(two_models: SandboxStack) -> None:
    gone = [(kind, name) for op, kind, name in since(two_models, two_models.destroy) if op == "delete"]

    def position(kind: str, name: str | None = None) -> list[int]:
        found = [i for i, (k, n) in enumerate(gone) if k == kind and name in (None, n)]
        assert found, (kind, name, gone)
        return found

    release = "kubernetes:helm.sh/v3:Release"
    services = position(LLM)
    assert len(services) == 2
    for controller in ("kserve-runtime-configs", "kserve-llmisvc-resources", "istiod"):
        assert max(services) < min(position(release, controller))
    assert position(release, "kserve-runtime-configs") < position(release, "kserve-llmisvc-resources")
    load_balancer = position("kubernetes:core/v1:Service")
    assert load_balancer < position("gcp:compute/address:Address")
    assert load_balancer < position("gcp:container/cluster:Cluster")
    assert load_balancer < position(release, "inference-gateway")
    vpc = position("gcp:compute/network:Network")
    for kind in ("subnetwork:Subnetwork", "router:Router", "routerNat:RouterNat", "firewall:Firewall"):
        assert max(position(f"gcp:compute/{kind}")) < min(vpc)
    assert max(position("gcp:container/nodePool:NodePool")) < min(position("gcp:container/cluster:Cluster"))
    assert two_models.inventory.find() == []
    assert two_models.resources() == []


def test_apis_stay_enabled_after_destroy(up: Make) -> None:
    stack = up()
    stack.destroy()
    assert any(api.endswith("container.googleapis.com") for api in stack.inventory.enabled_apis)


def test_protected_stack_refuses_in_the_preview_of_destroy_and_lets_go_when_told(up: Make) -> None:
    stack = up(**protected())
    with pytest.raises(CommandError, match="protected"):  # the CLI previews a destroy before it does anything
        stack.stack.preview_destroy()
    stack.set_config("protect", False)
    stack.up()
    stack.destroy()
    assert stack.inventory.find() == []


def test_stack_can_go_up_again_after_destroy(up: Make) -> None:
    stack = up()
    stack.destroy()
    stack.up()
    assert unchanged(stack.preview())


def test_failed_up_is_finished_by_the_next_one(up: Make) -> None:
    stack = up(models=[{**MODEL, "replicas": 1}])
    [pool] = [p for p in stack.inventory.find("gcp:container/nodePool:NodePool") if p.name.startswith("tpu")]
    pool.inputs["autoscaling"]["totalMaxNodeCount"] = 0  # someone took the capacity away
    stack.set_config("models", [{**MODEL, "maxModelLen": 1024}])
    with pytest.raises(CommandError):
        stack.up()
    pool.inputs["autoscaling"]["totalMaxNodeCount"] = 1
    stack.up()
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []
