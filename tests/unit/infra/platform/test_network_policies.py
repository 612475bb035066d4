"""A closed namespace: what it is made of, in which order, and that dev has none."""

import pytest

from tests.support.dependencies import made_of, needs
from tests.support.program import Declared, Run
from tests.support.stacks import MODEL

NAMESPACES = ("cert-manager", "istio-ingress", "istio-system", "kserve", "llm-d-inference-scheduling", "tpu-warm-up")
LEVEL = "pod-security.kubernetes.io/"


@pytest.fixture
def closed(run: Run) -> Declared:
    return run(isolation=True, routerReplicas=2)


def test_without_isolation_nothing_is_labelled_and_closed(dev: Declared) -> None:
    assert dev.all(":NetworkPolicy") == []
    assert [n.inputs["metadata"] for n in dev.all(":Namespace")] == [
        {"name": n.inputs["metadata"]["name"]} for n in dev.all(":Namespace")
    ]


def test_every_namespace_has_a_policy_for_all_its_pods(closed: Declared) -> None:
    for_all = [p for p in closed.all(":NetworkPolicy") if p.inputs["spec"]["podSelector"] == {}]
    assert sorted(p.inputs["metadata"]["namespace"] for p in for_all) == sorted(NAMESPACES)
    for policy in closed.all(":NetworkPolicy"):
        assert policy.inputs["spec"]["policyTypes"] == ["Ingress", "Egress"]
        [namespace] = made_of(policy, "metadata")
        assert namespace == f"Namespace {policy.inputs['metadata']['namespace']}"


@pytest.mark.parametrize(
    ("kind", "name", "policies"),
    [
        (":Release", "istiod", {"istio-system.istiod", "istio-system.default-deny"}),
        (":Release", "inference-gateway", {"istio-ingress.proxy", "istio-ingress.default-deny"}),
        (":Release", "cert-manager", {"cert-manager.api-server", "cert-manager.webhook"}),
        (":Release", "kserve-llmisvc-resources", {"kserve.controller", "kserve.default-deny"}),
        (
            ":LLMInferenceService",
            "llm-d-inference-scheduling.qwen2-3b-pattern1",
            {f"llm-d-inference-scheduling.qwen2-3b-pattern1.qwen2-3b-pattern1-{of}" for of in ("vllm", "picker")},
        ),
    ],
)
def test_what_runs_in_a_namespace_comes_after_its_policies_and_goes_before_them(
    closed: Declared, kind: str, name: str, policies: set[str]
) -> None:
    needed = needs(closed, closed.one(kind, name))
    assert {f"NetworkPolicy {policy}" for policy in policies} <= needed


def test_nobody_is_cut_off_before_what_he_needs_is_open(closed: Declared) -> None:
    deny = closed.one(":NetworkPolicy", "istio-system.default-deny")
    assert "NetworkPolicy istio-system.istiod" in needs(closed, deny)
    assert "NetworkPolicy istio-system.default-deny" not in needs(
        closed, closed.one(":NetworkPolicy", "istio-system.istiod")
    )


def test_platform_is_held_to_the_restricted_standard_and_models_to_what_a_tpu_takes(closed: Declared) -> None:
    labels = {n.inputs["metadata"]["name"]: n.inputs["metadata"]["labels"] for n in closed.all(":Namespace")}
    levels = {name: of.pop(f"{LEVEL}enforce") for name, of in labels.items()}
    assert levels == dict.fromkeys(NAMESPACES, "restricted") | {"llm-d-inference-scheduling": "privileged"}
    for of in labels.values():
        assert of == {f"{LEVEL}warn": "restricted", f"{LEVEL}audit": "restricted"}


def test_policies_are_made_anew_with_a_lost_cluster(closed: Declared) -> None:
    for policy in closed.all(":NetworkPolicy"):
        assert policy.request.HasField("replacement_trigger")


def test_istio_has_no_shell_and_the_runtimes_seccomp_profile(closed: Declared, dev: Declared) -> None:
    values = closed.one(":Release", "istiod").inputs["values"]
    assert values["global"]["variant"] == "distroless"
    assert values["pilot"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert values["pilot"]["autoscaleMin"] == 2
    assert set(dev.one(":Release", "istiod").inputs["values"]["global"]) == {"hub"}
    assert "seccompProfile" not in dev.one(":Release", "istiod").inputs["values"]["pilot"]


def test_proxy_keeps_its_low_ports_with_the_runtimes_seccomp_profile(closed: Declared, dev: Declared) -> None:
    assert closed.one(":Release", "inference-gateway").inputs["values"]["securityContext"] == {
        "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert "securityContext" not in dev.one(":Release", "inference-gateway").inputs["values"]


def test_model_has_no_token_for_the_kubernetes_api_and_no_capability_but_one(closed: Declared, dev: Declared) -> None:
    template = closed.one(":LLMInferenceService").inputs["spec"]["template"]
    assert template["automountServiceAccountToken"] is False
    assert template["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    rights = {"add": ["SYS_RESOURCE"], "drop": ["ALL"]}
    assert template["containers"][0]["securityContext"]["capabilities"] == rights
    pickers = [of.one(":LLMInferenceService").inputs["spec"]["router"]["scheduler"] for of in (closed, dev)]
    assert [p["template"].get("securityContext") for p in pickers] == [template["securityContext"], None]
    open_ = dev.one(":LLMInferenceService").inputs["spec"]["template"]
    assert not {"automountServiceAccountToken", "securityContext"} & open_.keys()
    assert open_["containers"][0]["securityContext"]["capabilities"]["drop"] == ["NET_RAW"]


def test_weights_in_an_image_are_read_with_the_capabilities_of_who_holds_them(run: Run) -> None:
    models = [{"name": "a", "namespace": "n", "uri": "oci://registry.example/weights:1"}]
    template = run(isolation=True, models=models).one(":LLMInferenceService").inputs["spec"]["template"]
    assert template["containers"][0]["securityContext"]["capabilities"]["drop"] == ["NET_RAW"]


def test_pods_of_models_are_held_to_rules_before_there_are_any(run: Run, dev: Declared) -> None:
    declared = run(isolation=True, models=[MODEL, {**MODEL, "namespace": "b"}], tpuMaxNodes=2)
    policy = declared.one("v1:ValidatingAdmissionPolicy", "model-pods")
    binding = declared.one("v1:ValidatingAdmissionPolicyBinding", "model-pods")
    assert binding.inputs["spec"]["policyName"] == policy.inputs["metadata"]["name"]
    assert binding.inputs["spec"]["validationActions"] == ["Deny"]
    [names] = binding.inputs["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert names == {
        "key": "kubernetes.io/metadata.name",
        "operator": "In",
        "values": ["llm-d-inference-scheduling", "b"],
    }
    for name in names["values"]:
        needed = needs(declared, declared.one(":Namespace", name))
        assert {"ValidatingAdmissionPolicy model-pods", "ValidatingAdmissionPolicyBinding model-pods"} <= needed
    assert [r for r in dev if "Admission" in r.type] == []


def test_rules_are_for_every_pod_and_fail_closed(closed: Declared) -> None:
    spec = closed.one("v1:ValidatingAdmissionPolicy", "model-pods").inputs["spec"]
    assert spec["failurePolicy"] == "Fail"
    [rule] = spec["matchConstraints"]["resourceRules"]
    assert rule == {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["pods", "pods/ephemeralcontainers"],
    }
    [containers] = spec["variables"]
    assert containers["name"] == "containers"
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        assert f"dyn(object.spec.?{kind}.orValue([]))" in containers["expression"].split(" + ")


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        ("no container is privileged", "variables.containers.all(c, !c.?securityContext.?privileged.orValue(false))"),
        ("adds a capability but SYS_RESOURCE", "capabilities.?add.orValue([]).all(added, added == 'SYS_RESOURCE'))"),
        ("the host's network", "!object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false) && "),
        ("processes and IPC", "!object.spec.?hostPID.orValue(false) && !object.spec.?hostIPC.orValue(false)"),
        ("no port of the host", "variables.containers.all(c, c.?ports.orValue([]).all(port, port.?hostPort.orValue(0)"),
        ("no folder of the host", "object.spec.?volumes.orValue([]).all(volume, !has(volume.hostPath))"),
        ("a seccomp profile", "c.?securityContext.?seccompProfile.?type.orValue(object.spec.?securityContext.?secc"),
    ],
)
def test_rule_tells_what_it_refuses(closed: Declared, what: str, rule: str) -> None:
    """What each of them refuses is seen on a real API server alone."""
    [found] = [
        v
        for v in closed.one("v1:ValidatingAdmissionPolicy", "model-pods").inputs["spec"]["validations"]
        if what in v["message"]
    ]
    assert rule in found["expression"]
    assert found["message"].startswith("here, ")
