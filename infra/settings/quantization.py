"""How a checkpoint's weights are quantised, and whether the pinned release takes them.

v6e multiplies bfloat16 and int8 alone (https://docs.cloud.google.com/tpu/docs/v6e): fp8 and 4 bits save memory, and are
multiplied as something else.
"""

from collections.abc import Mapping
from typing import Any, cast

from .shape import Quantization

BITS = {"auto_awq": 4, "awq": 4, "bitsandbytes": 4, "deepseek_v4_fp8": 8, "fp8": 8, "gptq": 4, "mxfp4": 4}
"""Bits of a number by `quant_method`, where `bits` says nothing else."""
TAKEN_NATIVELY = frozenset({"compressed-tensors fp8", "fp8", "mxfp4"})
"""`get_tpu_quantization_config` in layers/jax/quantization/__init__.py of tpu-inference 0.27.0, for the classes of its
own, and `get_quant_method` in compressed_tensors.py beside it."""
TAKEN = TAKEN_NATIVELY | {
    *("auto_awq", "awq", "compressed-tensors fp4", "compressed-tensors int8", "compressed-tensors w4a8"),
    "deepseek_v4_fp8",
}
"""`supported_quantization` in platforms/tpu_platform.py there, by the names in config.json: those of AWQ are one there,
mxfp4 is `gpt_oss_mxfp4`. Of compressed-tensors, what layers/vllm/quantization/compressed_tensors/schemes/ has."""


def _packed(config: Mapping[str, Any]) -> tuple[str, int]:
    """What compressed-tensors has packed, and the fewest bits of any group of layers."""
    groups = list(cast(dict[str, Any], config.get("config_groups") or {}).values())
    weights = [cast(dict[str, Any], group.get("weights") or {}) for group in groups]
    bits = min((int(of.get("num_bits") or 16) for of in weights), default=0)
    kind = f"{'fp' if any(of.get('type') == 'float' for of in weights) else 'int'}{bits}"
    if kind == "int4" and any(group.get("input_activations") for group in groups):
        kind = "w4a8"
    return f"compressed-tensors {kind}", bits


def quantization(config: Mapping[str, Any]) -> Quantization | None:
    """How the weights of a config.json, or of facts, are stored. Raises `ValueError` for a method that is not known."""
    said = config.get("quantization_config") or config.get("quantization")
    if not said:
        return None
    found: Mapping[str, Any] = {"quant_method": said} if isinstance(said, str) else cast(Mapping[str, Any], said)
    method = str(found.get("quant_method"))
    if method == "compressed-tensors":
        method, bits = _packed(found)
    else:
        bits = int(found.get("bits") or BITS.get(method) or 0)
    if bits < 1:
        raise ValueError(method)
    return Quantization(method, bits, experts=method == "mxfp4")


def start_problem(found: Quantization, native: bool) -> str | None:
    """Why the pinned release does not start a model that is stored so, as far as that is known."""
    taken = TAKEN_NATIVELY if native else TAKEN
    if found.method in taken:
        return None
    classes = "its own classes" if native else "vLLM's classes"
    return f"tpu-inference 0.27.0 takes no {found.method} in {classes}, but {', '.join(sorted(taken))}"
