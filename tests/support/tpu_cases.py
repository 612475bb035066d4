"""A model as `make tpu-check` checks it."""

from typing import Any

from infra.google import slices
from infra.settings.model import Model
from sandbox.tpu import cases
from sandbox.tpu.cases import Case

V6E_4 = slices.SLICES["v6e-4"]
QWEN = "Qwen/Qwen2.5-3B-Instruct"
MODEL: dict[str, Any] = {"name": "m", "namespace": "n", "uri": f"hf://{QWEN}", "dtype": "bfloat16", "maxModelLen": 2048}
WEIGHTS, CACHE = 1_562_077_184, 12_420 * 128 * 18_432
MEMORY = {
    **{"peak": WEIGHTS + CACHE + 2**20, "temporary": 2**20, "arguments": WEIGHTS + CACHE},
    **{"weights": WEIGHTS, "cache": CACHE, "pages": 12_420},
}
"""What the compiler says of a step of this model."""


def memory(of: Case, program: str, tokens: int) -> dict[str, float]:
    """What the compiler says of a program: a little more to multiply than the roofline has, and nothing of a kernel."""
    return MEMORY | {"flops": 1.01 * (of.flops(program, tokens) or 0)}


def case(**changes: Any) -> Case:
    return cases.case_of(Model.model_validate({**MODEL, **changes}), V6E_4)
