"""What a stack tells its users is what the API guide says."""

from infra.models import outputs
from tests.support.pods import model
from tests.support.program import ADDRESS, UNKNOWN, Declared, Run
from tests.support.stacks import MODEL


def test_outputs_are_the_api_guides(dev: Declared, phase: str) -> None:
    if phase == "preview":
        known = {key for key, value in dev.outputs.items() if value != UNKNOWN}
        assert known == {"clusterName", "kubeconfigCommand"}  # the engine makes the cluster's name
        return
    base = f"http://{ADDRESS}/llm-d-inference-scheduling/qwen2-3b-pattern1"
    of_model = {
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
        **of_model,
        "models": {"llm-d-inference-scheduling/qwen2-3b-pattern1": of_model},
        "gatewayAddress": ADDRESS,
        "clusterName": "tpu-inference-1a2b3c4",
        "kubeconfigCommand": "gcloud container clusters get-credentials tpu-inference-1a2b3c4 "
        "--location europe-west4-a --project my-project --dns-endpoint",
    }


def test_outputs_of_several_models_are_told_by_their_names_alone(run: Run, phase: str) -> None:
    told = run(models=[MODEL, {**MODEL, "name": "b"}], tpuMaxNodes=2).outputs
    assert not {"baseUrl", "endpoints", "model"} & told.keys()
    if phase == "up":
        assert set(told["models"]) == {
            "llm-d-inference-scheduling/qwen2-3b-pattern1",
            "llm-d-inference-scheduling/b",
        }
        assert told["models"]["llm-d-inference-scheduling/b"]["baseUrl"].endswith("/llm-d-inference-scheduling/b")


def test_model_is_the_first_of_the_served_names() -> None:
    assert outputs.endpoint(f"http://{ADDRESS}", model(servedNames=["qwen", "/mnt/models"]))["model"] == "qwen"
