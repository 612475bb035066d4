"""Which quantisations the pinned release takes."""

import pytest

from infra.settings.quantization import start_problem
from infra.settings.shape import Quantization


@pytest.mark.parametrize(
    ("method", "natively", "through_torchax"),
    [
        ("fp8", True, True),
        ("compressed-tensors fp8", True, True),
        ("compressed-tensors int8", False, True),
        ("compressed-tensors int4", False, False),
        ("compressed-tensors w4a8", False, True),
        ("awq", False, True),
        ("gptq", False, False),
    ],
)
def test_release_takes_these_and_no_others(method: str, natively: bool, through_torchax: bool) -> None:
    stored = Quantization(method, 8)

    assert (start_problem(stored, native=True) is None, start_problem(stored, native=False) is None) == (
        natively,
        through_torchax,
    )


def test_way_out_is_told() -> None:
    assert start_problem(Quantization("gptq", 4), native=False) == (
        "tpu-inference 0.27.0 takes no gptq in vLLM's classes, but auto_awq, awq, compressed-tensors fp4, "
        "compressed-tensors fp8, compressed-tensors int8, compressed-tensors w4a8, deepseek_v4_fp8, fp8, mxfp4"
    )
