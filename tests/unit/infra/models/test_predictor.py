"""A model, served: its service, what replaces it, and its token."""

import json

from infra.models.routes import rules
from tests.support.dependencies import made_of, needs
from tests.support.program import SECRET_SIGNATURE, Declared, Resource, Run, spec
from tests.support.stacks import MODEL


def llm(declared: Declared) -> Resource:
    return declared.one(":LLMInferenceService")


def test_predictor_is_the_api_guides(dev: Declared) -> None:
    assert llm(dev).type == "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"
    assert llm(dev).inputs["metadata"]["name"] == "qwen2-3b-pattern1"
    assert llm(dev).inputs["metadata"]["namespace"] == "llm-d-inference-scheduling"
    assert spec(dev)["model"] == {"uri": "hf://Qwen/Qwen2.5-3B-Instruct", "name": "Qwen/Qwen2.5-3B-Instruct"}
    assert spec(dev)["replicas"] == 1


def test_predictor_is_waited_for_as_long_as_a_first_start_may_take(dev: Declared) -> None:
    assert llm(dev).inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Ready"
    """The start-up probe's time, and half an hour for node, image and weights before it."""
    probe = spec(dev)["template"]["containers"][0]["startupProbe"]
    minutes = int(probe["periodSeconds"] * probe["failureThreshold"]) // 60
    assert llm(dev).request.customTimeouts.create == f"{minutes + 30}m"


def test_change_of_pods_model_or_route_replaces_the_service_old_one_first(dev: Declared) -> None:
    assert sorted(llm(dev).request.replaceOnChanges) == [
        "spec.model",
        "spec.router.gateway",
        "spec.router.route",
        "spec.router.scheduler.template.containers[*].image",
        "spec.template",
    ]
    assert llm(dev).request.deleteBeforeReplace is True


def test_no_preset_of_ours_and_nothing_deleted_with_something_else(dev: Declared) -> None:
    assert dev.all(":LLMInferenceServiceConfig") == []
    assert [r.name for r in dev if r.request.deletedWith] == []


def test_route_hangs_on_the_gateway(dev: Declared) -> None:
    gateway = dev.one(":Gateway", "inference-gateway").inputs["metadata"]
    reference = {"name": gateway["name"], "namespace": gateway["namespace"]}
    assert spec(dev)["router"]["gateway"]["refs"] == [reference]
    assert spec(dev)["router"]["route"]["http"]["spec"]["parentRefs"] == [reference]


def test_route_is_the_one_that_publishes_the_four_endpoints(dev: Declared) -> None:
    assert spec(dev)["router"]["route"]["http"]["spec"]["rules"] == rules(MODEL["namespace"], MODEL["name"])


def test_predictor_comes_last(dev: Declared) -> None:
    wanted = {"NodePool tpu", "Release kserve-runtime-configs", "Release istiod", "Gateway inference-gateway"}
    assert wanted <= needs(dev, llm(dev))


def test_each_model_has_its_own_predictor(run: Run) -> None:
    other = {
        "name": "small",
        "namespace": "team",
        "uri": "pvc://weights/small",
        "dtype": "bfloat16",
        "maxModelLen": 512,
        "tensorParallelSize": 2,
        "replicas": 2,
        "extraArgs": ["--enable-prefix-caching"],
    }
    declared = run(models=[MODEL, other], tpuMaxNodes=3)
    one, two = (declared.one(":LLMInferenceService", f"{m['namespace']}.{m['name']}") for m in (MODEL, other))
    assert one.inputs["spec"] == spec(run())
    assert two.inputs["spec"]["replicas"] == 2
    assert two.inputs["spec"]["template"]["containers"][0]["args"] == [
        "--port=8000",
        "--served-model-name",
        "/mnt/models",
        "small",
        "--tensor-parallel-size=2",
        "--dtype=bfloat16",
        "--max-model-len=512",
        "--shutdown-timeout=45",
        "--enable-prefix-caching",
    ]


def test_predictor_has_as_long_for_an_update_as_for_a_creation(dev: Declared) -> None:
    timeouts = llm(dev).request.customTimeouts
    assert timeouts.update == timeouts.create


# Its token


def test_without_a_token_there_is_no_secret(dev: Declared) -> None:
    assert dev.all(":Secret") == []
    assert "secrets" not in dev.one(":ServiceAccount").inputs


def test_token_reaches_the_secret_that_the_pods_account_names_and_nothing_else(run: Run) -> None:
    declared = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    secret = declared.one(":Secret")
    data = secret.inputs["stringData"]
    assert data[SECRET_SIGNATURE]  # all of it is marked, so the state holds it encrypted
    assert data["value"] == {"HF_TOKEN": "hf_test"}
    account = declared.one(":ServiceAccount").inputs
    assert account["secrets"] == [{"name": secret.inputs["metadata"]["name"]}]
    assert spec(declared)["template"]["serviceAccountName"] == account["metadata"]["name"]
    elsewhere = [r for r in declared if r is not secret and "hf_test" in json.dumps(r.inputs)]
    assert elsewhere == []


def test_account_of_the_pods_and_secret_are_named_after_the_model_in_its_namespace(run: Run) -> None:
    declared = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    account, secret = declared.one(":ServiceAccount").inputs["metadata"], declared.one(":Secret").inputs["metadata"]
    assert account == {"name": MODEL["name"], "namespace": MODEL["namespace"]}
    assert secret == {"name": f"{MODEL['name']}-hugging-face", "namespace": MODEL["namespace"]}


def test_pods_wait_for_their_account_and_it_for_the_secret(run: Run) -> None:
    declared = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    assert any(s.startswith("Secret ") for s in made_of(declared.one(":ServiceAccount"), "secrets"))
    assert any(s.startswith("ServiceAccount ") for s in made_of(llm(declared), "spec"))
