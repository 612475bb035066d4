"""What a model sees images with: how many numbers, by the classes of tpu-inference 0.27.0."""

from collections.abc import Mapping
from typing import Any

from .shape import Tower


def _qwen(vision: Mapping[str, Any], text: int) -> Tower:
    """`Qwen2_5_VisionTransformer` in models/jax/qwen2_5_vl.py."""
    size, width, depth = (int(vision[name]) for name in ("hidden_size", "intermediate_size", "depth"))
    patch = int(vision["temporal_patch_size"]) * int(vision["in_channels"]) * int(vision["patch_size"]) ** 2
    merged = size * int(vision["spatial_merge_size"]) ** 2
    blocks = depth * (4 * size**2 + 3 * size + 3 * size * width + 2 * width)
    biases_and_norms = depth * 4 * size + size + text
    return Tower(blocks + patch * size + merged**2 + merged + merged * text, biases_and_norms, width)


def _gemma(vision: Mapping[str, Any], text: int) -> Tower:
    """`Gemma4VisionModel` and `Gemma4MultimodalEmbedder` in models/jax/gemma4_mm.py."""
    size, width, depth = (int(vision[name]) for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    heads, head = int(vision["num_attention_heads"]), int(vision["head_dim"])
    layers = depth * (4 * size * heads * head + 3 * size * width)
    norms = depth * (4 * size + 2 * head) + (2 * size if vision.get("standardize") else 0)
    positions = 2 * int(vision["position_embedding_size"]) * size
    return Tower(layers + 3 * int(vision["patch_size"]) ** 2 * size + size * text, norms + positions, width)


def tower(architecture: str, vision: Mapping[str, Any], text: int) -> Tower | None:
    """What an architecture sees images with, for a decoder of the hidden size `text`. Raises `KeyError` for a size that
    is not there."""
    if architecture == "Qwen2_5_VLForConditionalGeneration":
        return _qwen(vision, text)
    if architecture == "Gemma4ForConditionalGeneration":
        return _gemma(vision, text)
    return None
