"""What a stack tells its users is what the API guide says."""

import pytest

from infra.models import outputs
from infra.settings.model import Model
from tests.support.program import ADDRESS, UNKNOWN, Declared, Run
from tests.support.stacks import MODEL

BASE_URL = "http://34.7.208.8/llm-d-inference-scheduling/qwen2-3b-pattern1"


@pytest.fixture
def model() -> Model:
    return Model.model_validate(
        {
            "name": "qwen2-3b-pattern1",
            "namespace": "llm-d-inference-scheduling",
            "uri": "hf://Qwen/Qwen2.5-3B-Instruct",
        }
    )


def test_base_url_is_the_guides(model: Model) -> None:
    assert outputs.endpoint("34.7.208.8", model)["baseUrl"] == BASE_URL


def test_endpoints_are_the_guides(model: Model) -> None:
    assert outputs.endpoint("34.7.208.8", model)["endpoints"] == {
        "models": f"{BASE_URL}/v1/models",
        "completions": f"{BASE_URL}/v1/completions",
        "chatCompletions": f"{BASE_URL}/v1/chat/completions",
        "health": f"{BASE_URL}/health",
    }


def test_model_is_the_name_that_the_guides_requests_use(model: Model) -> None:
    assert outputs.endpoint("34.7.208.8", model)["model"] == "/mnt/models"


def test_model_is_the_first_of_the_served_names(model: Model) -> None:
    served = model.model_copy(update={"served_names": ("qwen", "/mnt/models")})

    assert outputs.endpoint("34.7.208.8", served)["model"] == "qwen"


def test_kubeconfig_command_uses_the_dns_endpoint() -> None:
    """The control plane's public address answers nobody."""
    command = outputs.kubeconfig_command("tpu-inference-1a2b3c4", "europe-west4-a", "my-project")

    assert command == (
        "gcloud container clusters get-credentials tpu-inference-1a2b3c4 --location europe-west4-a "
        "--project my-project --dns-endpoint"
    )


# Of a whole stack


def test_outputs_are_the_api_guides(dev: Declared, phase: str) -> None:
    if phase == "preview":
        known = {key for key, value in dev.outputs.items() if value != UNKNOWN}
        assert known == {"clusterName", "kubeconfigCommand"}  # the engine makes the cluster's name
        return
    base = f"http://{ADDRESS}/llm-d-inference-scheduling/qwen2-3b-pattern1"
    model = {
        "baseUrl": base,
        "endpoints": {
            "models": f"{base}/v1/models",
            "completions": f"{base}/v1/completions",
            "chatCompletions": f"{base}/v1/chat/completions",
            "health": f"{base}/health",
        },
        "model": "/mnt/models",
    }
    assert dev.outputs == {
        **model,
        "models": {"llm-d-inference-scheduling/qwen2-3b-pattern1": model},
        "gatewayAddress": ADDRESS,
        "clusterName": "tpu-inference-1a2b3c4",
        "kubeconfigCommand": "gcloud container clusters get-credentials tpu-inference-1a2b3c4 "
        "--location europe-west4-a --project my-project --dns-endpoint",
    }


def test_outputs_of_several_models_are_told_by_their_names_alone(run: Run, phase: str) -> None:
    outputs = run(models=[MODEL, {**MODEL, "name": "b"}], tpuMaxNodes=2).outputs
    assert not {"baseUrl", "endpoints", "model"} & outputs.keys()
    if phase == "up":
        assert set(outputs["models"]) == {
            "llm-d-inference-scheduling/qwen2-3b-pattern1",
            "llm-d-inference-scheduling/b",
        }
        assert outputs["models"]["llm-d-inference-scheduling/b"]["baseUrl"].endswith("/llm-d-inference-scheduling/b")
