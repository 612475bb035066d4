"""What a stack tells its users is what the API guide says."""

import pytest

from infra.models import outputs
from tests.support.pods import model
from tests.support.program import ADDRESS, UNKNOWN, Declared, Run
from tests.support.stacks import MODEL


def test_outputs_are_the_api_guides(dev: Declared, phase: str) -> None:
    if phase == "preview":
        known = {key for key, value in dev.outputs.items() if value != UNKNOWN}
        # The engine makes the cluster's name, and prices are in a file.
        assert known == {"clusterName", "kubeconfigCommand", "estimatedCost"}
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
    assert {key: value for key, value in dev.outputs.items() if key != "estimatedCost"} == {
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


def test_paused_model_is_told_to_be_one() -> None:
    assert outputs.endpoint(f"http://{ADDRESS}", model(paused=True))["paused"] is True
    assert "paused" not in outputs.endpoint(f"http://{ADDRESS}", model())


@pytest.mark.parametrize(("least", "told"), [(0, {"sleeps": True}), (1, {})])
def test_model_that_sleeps_is_told_to_do_so(least: int, told: dict[str, bool]) -> None:
    found = outputs.endpoint(f"http://{ADDRESS}", model(replicas={"min": least, "max": 2}))
    assert {key: value for key, value in found.items() if key == "sleeps"} == told


def test_cost_is_told_with_the_day_of_the_oldest_price(dev: Declared) -> None:
    told = dev.outputs["estimatedCost"]
    assert told["usdPerHourRunning"] > 4 * 2.9 > told["usdPerHourIdle"] > 0.24
    assert told["pricesOf"] == "2025-03-06"
