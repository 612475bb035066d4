"""The life of a stack on the real engine: what each change does, in which order, and that nothing is left."""

from typing import Any

import pytest
from pulumi.automation import CommandError, ConfigValue

from sandbox.clouds.kubernetes_kinds import LLM
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, OTHER, Make, since


def unchanged(preview: Any) -> bool:
    """Whether a preview plans nothing."""
    return set(preview.change_summary) == {"same"}


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


# Changes of a model


def test_changed_flag_replaces_that_service_old_one_first_and_touches_nothing_else(two_models: SandboxStack) -> None:
    two_models.set_config("models", [{**MODEL, "maxModelLen": 4096}, OTHER])
    assert since(two_models, two_models.up) == [
        ("delete", LLM, "qwen2-3b-pattern1"),
        ("create", LLM, "qwen2-3b-pattern1"),
    ]


def test_changed_uri_replaces_the_service(two_models: SandboxStack) -> None:
    two_models.set_config("models", [{**MODEL, "uri": "hf://Qwen/Qwen2.5-7B-Instruct"}, OTHER])
    assert since(two_models, two_models.up) == [
        ("delete", LLM, "qwen2-3b-pattern1"),
        ("create", LLM, "qwen2-3b-pattern1"),
    ]


def test_changed_replicas_update_in_place_and_get_a_budget(two_models: SandboxStack) -> None:
    two_models.set_config("models", [{**MODEL, "replicas": 2}, OTHER])
    assert sorted(since(two_models, two_models.up)) == [
        ("create", "kubernetes:policy/v1:PodDisruptionBudget", "qwen2-3b-pattern1-vllm"),
        ("update", LLM, "qwen2-3b-pattern1"),
    ]


def test_added_model_touches_nothing_else(two_models: SandboxStack) -> None:
    two_models.set_config("models", [MODEL, OTHER, {**MODEL, "name": "third"}])
    done = since(two_models, two_models.up)
    assert done == [("create", "kubernetes:core/v1:ServiceAccount", "third"), ("create", LLM, "third")]


def test_removed_model_takes_its_namespace_along_and_nothing_else(two_models: SandboxStack) -> None:
    two_models.set_config("models", [MODEL])
    assert since(two_models, two_models.up) == [
        ("delete", LLM, "other"),
        ("delete", "kubernetes:core/v1:ServiceAccount", "other"),
        ("delete", "kubernetes:core/v1:Namespace", "team-b"),
    ]


def test_new_token_replaces_the_secret_under_its_name_and_restarts_nothing(sandbox: Make) -> None:
    stack = sandbox()
    stack.set_config("huggingFaceToken", "hf_first", secret=True)
    stack.up()
    stack.set_config("huggingFaceToken", "hf_second", secret=True)
    done = since(stack, stack.up)
    assert [(op, kind.split(":")[-1]) for op, kind, _ in done] == [
        ("delete", "Secret"),
        ("create", "Secret"),
    ]


def test_token_is_in_no_output_and_encrypted_in_the_state(sandbox: Make) -> None:
    stack = sandbox()
    stack.set_config("huggingFaceToken", "hf_visible", secret=True)
    said: list[str] = []
    stack.preview(on_output=said.append, diff=True)
    stack.up(on_output=said.append, diff=True)
    state = "".join(path.read_text() for path in (stack.home / "state").rglob("*.json"))
    assert len(stack.inventory.find("kubernetes:core/v1:Secret")) == 1
    assert "hf_visible" not in state
    assert "hf_visible" not in "".join(said)


# Changes of the platform


def test_more_nodes_touch_the_pool_alone_and_in_place(up: Make) -> None:
    stack = up()
    stack.set_config("tpuMaxNodes", 4)
    stack.set_config("systemMinNodes", 2)
    done = since(stack, stack.up)
    assert sorted((op, kind) for op, kind, _ in done) == [("update", "gcp:container/nodePool:NodePool")] * 2


def test_larger_subnet_touches_nothing_else(up: Make) -> None:
    stack = up()
    stack.set_config("subnetCidr", "10.0.0.0/19")
    assert [step[:2] for step in since(stack, stack.up)] == [("update", "gcp:compute/subnetwork:Subnetwork")]


def test_another_machine_for_the_system_changes_its_pool_in_place(up: Make) -> None:
    stack = up()
    stack.set_config("systemMachineType", "e2-standard-8")
    [(operation, kind, name)] = since(stack, stack.up)
    assert (operation, kind) == ("update", "gcp:container/nodePool:NodePool")
    assert name.startswith("system-")
    assert unchanged(stack.preview())


def test_what_gke_makes_of_a_tpu_host_is_no_change_before_and_after_a_refresh(up: Make) -> None:
    stack = up()
    [state] = [r["outputs"] for r in stack.resources() if r["urn"].endswith("nodePool:NodePool::tpu")]
    assert state["nodeConfig"]["advancedMachineFeatures"] == {"threadsPerCore": 1}
    assert since(stack, stack.up) == []
    stack.refresh()
    assert unchanged(stack.preview())


def test_machine_type_that_does_not_exist_fails_in_googles_words(sandbox: Make) -> None:
    stack = sandbox(systemMachineType="n9-standard-4")
    message = 'Error 400: Invalid machine type "n9-standard-4" in zone "europe-west4-a": GCE_NOT_FOUND'
    with pytest.raises(CommandError, match=message):
        stack.up()


def test_autoscaled_nodes_are_no_change(up: Make) -> None:
    stack = up()
    for pool in stack.inventory.find("gcp:container/nodePool:NodePool"):
        pool.inputs["initialNodeCount"] = 3
        pool.computed["nodeCount"] = 3
    stack.refresh()
    assert unchanged(stack.preview())


def test_another_slice_never_needs_a_second_pool(up: Make) -> None:
    stack = up()
    stack.set_config("tpuSlice", "v6e-8")
    done = since(stack, stack.up)
    assert [op for op, kind, _ in done if kind == "gcp:container/nodePool:NodePool"] == ["delete", "create"]
    assert [op for op, kind, _ in done if kind == LLM] == ["delete", "create"]
    assert unchanged(stack.preview())


def test_capacity_class_replaces_the_pool_old_one_first(up: Make) -> None:
    stack = up()
    stack.set_config("tpuCapacity", "spot")
    done = [op for op, kind, _ in since(stack, stack.up) if kind == "gcp:container/nodePool:NodePool"]
    assert done == ["delete", "create"]


@pytest.mark.parametrize(
    "changed",
    [
        {"location": "europe-west4-b", "tpuZones": ["europe-west4-a"]},
        {"location": "us-east5-a"},
        {"subnetCidr": "10.0.0.0/21"},  # smaller
        {"podCidr": "10.64.0.0/14"},
        {"serviceCidr": "10.8.16.0/20"},
        {"controlPlaneCidr": "172.16.0.16/28"},
    ],
    ids=lambda changed: "-".join(map(str, changed.values())),
)
def test_new_place_for_the_cluster_removes_the_old_one_whole_first(up: Make, changed: dict[str, Any]) -> None:
    stack = up()
    for key, value in changed.items():
        stack.set_config(key, value)
    done = [step[:2] for step in since(stack, stack.up)]
    cluster = "gcp:container/cluster:Cluster"
    order = [
        ("delete", LLM),
        ("delete", "kubernetes:core/v1:Service"),
        ("delete", cluster),
        ("create", cluster),
        ("create", LLM),
    ]
    assert [step for step in done if step in order] == order
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []


def test_lost_cluster_is_noticed_and_comes_back_with_everything_in_it(
    up: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = up()
    deployed = {item.key[1:2] + item.key[3:] for item in stack.inventory.find() if item.cloud == "kubernetes"}
    [cluster] = stack.inventory.find("gcp:container/cluster:Cluster")
    host = cluster.computed["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"]
    for item in stack.inventory.find():
        if item is cluster or item.scope.startswith((f"{host}/", f"{cluster.id}/")) or "forwardingRule" in item.kind:
            stack.inventory.record("delete", item)
    with pytest.raises(CommandError, match="unreachable"):
        stack.refresh()
    with pytest.raises(CommandError, match="PULUMI_K8S_DELETE_UNREACHABLE=true"):
        stack.up()
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    stack.refresh()
    stack.up()
    assert {item.key[1:2] + item.key[3:] for item in stack.inventory.find() if item.cloud == "kubernetes"} == deployed
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []


def test_drift_of_a_service_is_shown_and_put_right(up: Make) -> None:
    stack = up()
    [service] = stack.inventory.find(LLM)
    service.inputs["spec"]["replicas"] = 0
    stack.refresh()
    assert not unchanged(stack.preview())
    assert since(stack, stack.up) == [("update", LLM, "qwen2-3b-pattern1")]
    assert stack.inventory.find(LLM)[0].inputs["spec"]["replicas"] == 1


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
    stack = up(protect=True)
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


# Bad input


def test_broken_stack_file_is_one_message_without_traceback_and_changes_nothing(sandbox: Make) -> None:
    stack = sandbox(tpuSlice="v6e-16", models=[{**MODEL, "uri": "gs://bucket/qwen"}], tpuMinNodes=2)
    said: list[str] = []
    with pytest.raises(CommandError) as failed:
        stack.preview(on_output=said.append, on_error=said.append)
    text = "".join(said)
    assert "Pulumi.dev.yaml has 3 problems; nothing was changed." in text
    for line in ('tpuSlice: "v6e-16"', "tpuMaxNodes: ", 'models[0].uri: "gs://bucket/qwen"'):
        assert line in text
    assert "Traceback" not in text + str(failed.value)
    assert stack.inventory.log == []


def test_engine_refuses_a_scalar_of_the_wrong_type(sandbox: Make) -> None:
    stack = sandbox(tpuMaxNodes="many")
    with pytest.raises(CommandError, match="'tpuMaxNodes' must be of type 'integer'"):
        stack.preview()


def test_token_in_plain_text_is_refused_and_not_repeated(sandbox: Make) -> None:
    stack = sandbox(huggingFaceToken="hf_leaked")
    said: list[str] = []
    with pytest.raises(CommandError):
        stack.preview(on_output=said.append, on_error=said.append)
    assert "huggingFaceToken: is stored in plain text." in "".join(said)
    assert "hf_leaked" not in "".join(said)


def test_setting_of_a_provider_that_would_be_ignored_is_refused(sandbox: Make) -> None:
    stack = sandbox(**{"gcp:impersonateServiceAccount": "ci@p.iam.gserviceaccount.com"})
    said: list[str] = []
    with pytest.raises(CommandError):
        stack.preview(on_output=said.append, on_error=said.append)
    assert "gcp:impersonateServiceAccount: has no effect" in "".join(said)


def test_secret_inside_a_model_is_refused_and_not_shown(sandbox: Make) -> None:
    stack = sandbox()
    stack.stack.set_config("models[0].extraArgs[0]", ConfigValue("--seed=hidden", secret=True), path=True)
    said: list[str] = []
    with pytest.raises(CommandError):
        stack.preview(on_output=said.append, on_error=said.append)
    assert "models: is encrypted, but only huggingFaceToken stays so" in "".join(said)
    assert "hidden" not in "".join(said)


def test_what_may_be_wrong_is_a_warning(sandbox: Make) -> None:
    stack = sandbox(location="europe-west4-b")
    said: list[str] = []
    stack.preview(on_output=said.append)
    assert "tpuZones: europe-west4-b was not known to have TPU v6e" in "".join(said)
