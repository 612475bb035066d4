"""The architectures of models, by the name in `config.json`, and what of each decides how large it is.

tpu-inference 0.27.0 has classes of its own for those in `NATIVE` (`_MODEL_REGISTRY` in models/common/model_loader.py,
without draft models, and without those that `_VLLM_PREFERRED_ARCHITECTURES` there hands to vLLM's class all the same).
Every other one that vLLM knows runs through torchax. `make tpu-check` compares the list with the package.

Imports nothing but the standard library, as that check reads it without the program's packages.
"""

from typing import NamedTuple

NATIVE = frozenset(
    {
        *("DeepseekV3ForCausalLM", "Gemma4ForCausalLM", "Gemma4ForConditionalGeneration", "Llama4ForCausalLM"),
        *("Llama4ForConditionalGeneration", "LlamaForCausalLM", "Qwen2ForCausalLM"),
        *("Qwen2_5_VLForConditionalGeneration", "Qwen3ForCausalLM"),
    }
)


class Family(NamedTuple):
    """What the layers of an architecture have, beside attention and a gated MLP. `norms` are those of a layer."""

    qkv_bias: bool = False
    qk_norm: bool = False
    norms: int = 2
    tied: bool = False
    """What `tie_word_embeddings` is where config.json does not say it: transformers' default for the class."""
    whole_head: bool = False
    """tpu-inference gives every chip the whole output layer, if it is not the embeddings (`JaxLmHead` in
    layers/jax/linear.py has no sharding)."""
    sliding: bool = False
    """Some layers keep the keys and values of a window only, so that the cache holds more than is computed."""
    scalars: int = 0
    """Numbers that a layer has beside its norms."""
    router_norms: int = 0
    """Vectors of a layer with experts, as norms are, beside `norms`."""
    expert_scalars: int = 0
    """Numbers that a router has for each expert, beside its matrix."""
    biased: bool = False
    """The output of attention and the experts have biases too, and each head has a sink."""


FAMILIES = {
    "DeepseekV3ForCausalLM": Family(expert_scalars=1),
    "Gemma2ForCausalLM": Family(norms=4, tied=True, sliding=True),
    "Gemma3ForCausalLM": Family(qk_norm=True, norms=4, tied=True, sliding=True),
    "Gemma4ForCausalLM": Family(qk_norm=True, norms=4, tied=True, scalars=1, router_norms=4, expert_scalars=1),
    "Gemma4ForConditionalGeneration": Family(
        qk_norm=True, norms=4, tied=True, scalars=1, router_norms=4, expert_scalars=1
    ),
    "GptOssForCausalLM": Family(qkv_bias=True, biased=True, expert_scalars=1, sliding=True),
    "Llama4ForCausalLM": Family(),
    "Llama4ForConditionalGeneration": Family(),
    "LlamaForCausalLM": Family(),
    "MistralForCausalLM": Family(),
    "MixtralForCausalLM": Family(),
    "Phi3ForCausalLM": Family(),
    "Qwen2ForCausalLM": Family(qkv_bias=True, whole_head=True),
    "Qwen2_5_VLForConditionalGeneration": Family(qkv_bias=True, whole_head=True),
    "Qwen3ForCausalLM": Family(qk_norm=True, whole_head=True),
    "Qwen3MoeForCausalLM": Family(qk_norm=True),
}
"""Those whose size is computed. A Qwen3 MoE model, for one, is in here and not in `NATIVE`."""


def start_problem(architecture: str, tied: bool) -> str | None:
    """Why the pinned release does not start a model of an architecture, whatever the slice, as far as that is known.

    DeepSeek V3: `check_and_update_config` in platforms/tpu_platform.py asks models with latent attention for both.
    Llama 4: `get_model_architecture` in models/common/model_loader.py, and the sharding of `embedder` in
    models/jax/llama4.py, which names an axis that `_create_2d_mesh` in runner/tpu_runner.py does not make; seen when
    the class is made on that mesh.
    """
    if architecture == "Qwen2ForCausalLM" and not tied:
        return (
            "tpu-inference 0.27.0 looks for `text_config` in a Qwen 2 whose word embeddings are not tied, finds none "
            "and ends with an AttributeError (https://github.com/vllm-project/tpu-inference/pull/3098)"
        )
    if architecture == "DeepseekV3ForCausalLM":
        return (
            "tpu-inference 0.27.0 takes latent attention only with the environment variable NEW_MODEL_DESIGN=1 and "
            "with attention that is divided by requests, which are not set here"
        )
    if architecture == "Llama4ForCausalLM":
        return (
            "tpu-inference 0.27.0 divides Llama 4 over an axis of chips that it makes only with the environment "
            "variable NEW_MODEL_DESIGN=1, which is not set here"
        )
    if architecture == "Llama4ForConditionalGeneration":
        return (
            "tpu-inference 0.27.0 takes every model of this architecture for Llama Guard 4, which has no experts; "
            "Llama 4 itself is its Llama4ForCausalLM"
        )
    return None
