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


FAMILIES = {
    "Gemma2ForCausalLM": Family(norms=4, tied=True, sliding=True),
    "Gemma3ForCausalLM": Family(qk_norm=True, norms=4, tied=True, sliding=True),
    "LlamaForCausalLM": Family(),
    "MistralForCausalLM": Family(),
    "MixtralForCausalLM": Family(),
    "Phi3ForCausalLM": Family(),
    "Qwen2ForCausalLM": Family(qkv_bias=True, whole_head=True),
    "Qwen3ForCausalLM": Family(qk_norm=True, whole_head=True),
    "Qwen3MoeForCausalLM": Family(qk_norm=True),
}
"""Those whose size is computed. A Qwen3 MoE model, for one, is in here and not in `NATIVE`."""


def start_problem(architecture: str, tied: bool) -> str | None:
    """Why the pinned release does not start a model of an architecture, whatever the slice, as far as that is known."""
    if architecture == "Qwen2ForCausalLM" and not tied:
        return (
            "tpu-inference 0.27.0 looks for `text_config` in a Qwen 2 whose word embeddings are not tied, finds none "
            "and ends with an AttributeError (https://github.com/vllm-project/tpu-inference/pull/3098)"
        )
    return None
