"""Istio."""

from tests.support.program import Declared


def test_istiod_understands_inference_pools(dev: Declared) -> None:
    env = dev.one(":Release", "istiod").inputs["values"]["pilot"]["env"]
    assert env["ENABLE_GATEWAY_API_INFERENCE_EXTENSION"] == "true"
