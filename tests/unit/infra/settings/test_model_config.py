"""What is read of a config.json, and which models are left alone."""

from typing import Any

import pytest

from infra.settings.architectures import FAMILIES, NATIVE
from infra.settings.model_config import UnknownError, known, shape
from infra.settings.shape import Shape

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    **{"hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32},
    **{"num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072},
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0},
}
"""A config.json as it is published, without what nothing is read of."""


def test_sizes_are_read_and_the_size_of_a_head_is_computed_if_it_is_not_there() -> None:
    assert shape(LLAMA) == Shape("LlamaForCausalLM", 32, 4096, 32, 8, 128, 14336, 128256, 131072, tied=False)
    assert shape({**LLAMA, "head_dim": 64}).head == 64


def test_model_without_grouped_heads_has_a_kv_head_for_each() -> None:
    assert shape({**LLAMA, "num_key_value_heads": None}).kv_heads == 32


def test_embeddings_are_tied_as_the_file_says_or_else_as_the_class_has_it() -> None:
    assert shape({**LLAMA, "tie_word_embeddings": True}).tied
    gemma = {**LLAMA, "architectures": ["Gemma2ForCausalLM"]}
    assert shape(gemma).tied
    assert not shape({**gemma, "tie_word_embeddings": False}).tied


@pytest.mark.parametrize(
    ("architecture", "experts", "read"),
    [
        ("Qwen3MoeForCausalLM", {"num_experts": 128, "moe_intermediate_size": 768}, (768, 128, 2)),
        ("MixtralForCausalLM", {"num_local_experts": 8}, (14336, 8, 2)),
    ],
)
def test_experts_have_a_width_of_their_own_or_that_of_the_mlp(
    architecture: str, experts: dict[str, int], read: tuple[int, int, int]
) -> None:
    found = shape({**LLAMA, "architectures": [architecture], "num_experts_per_tok": 2, **experts})

    assert (found.intermediate, found.experts, found.experts_a_token) == read


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"architectures": ["MambaForCausalLM"]},
            "has the architecture MambaForCausalLM; computed are DeepseekV3ForCausal",
        ),
        ({"architectures": []}, "has the architecture none;"),
        ({"architectures": ["LlamaForCausalLM", "Other"]}, "has the architecture LlamaForCausalLM, Other;"),
        ({"quantization_config": {"quant_method": "new"}}, "is quantised by new, and how many bits that takes is not"),
        (
            {"quantization_config": {"quant_method": "compressed-tensors"}},
            "is quantised by compressed-tensors int0, and",
        ),
        ({"hidden_size_per_layer_input": 256}, "has embeddings for each layer, which are not computed"),
        (
            {"architectures": ["Llama4ForConditionalGeneration"]},
            "has no experts, and Llama Guard 4 is not computed",
        ),
        ({"sliding_window": 4096}, "has a sliding window, which is not computed for its architecture"),
        ({"hidden_size": None}, "has a config.json with a size that is no whole number"),
        ({"num_hidden_layers": "many"}, "has a config.json with a size that is no whole number"),
        ({"num_attention_heads": 0}, "has a config.json with a size that is no whole number"),
        ({"num_hidden_layers": 0}, "has a config.json with a size below 1"),
    ],
)
def test_model_that_cannot_be_computed_says_why(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UnknownError, match=says):
        shape(LLAMA | changes)


def test_size_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownError, match="has no vocab_size in its config"):
        shape({key: value for key, value in LLAMA.items() if key != "vocab_size"})


def test_window_that_is_not_used_is_none() -> None:
    """As Qwen 2.5 has it."""
    assert shape({**LLAMA, "sliding_window": 131072, "use_sliding_window": False})
    assert shape({**LLAMA, "sliding_window": None})


@pytest.mark.parametrize("repository", sorted(known()))
def test_known_model_is_computed(repository: str) -> None:
    assert shape(known()[repository]).architecture in FAMILIES


def test_text_of_a_model_that_sees_is_read_where_it_is() -> None:
    """Under `text_config`, as transformers 5 has it."""
    nested = {
        "architectures": ["LlamaForCausalLM"],
        "text_config": {k: LLAMA[k] for k in LLAMA if k != "architectures"},
    }

    assert shape(nested) == shape(LLAMA)


def test_layers_of_gemma_4_that_look_at_everything_have_heads_of_their_own() -> None:
    found = shape(known()["google/gemma-4-31B-it"])

    assert (found.layers, found.kv_heads, found.head) == (60, 16, 256)
    assert found.whole == (10, 4, 512, 1)


@pytest.mark.parametrize(
    ("repository", "beside", "dense_layers", "dense"),
    [
        ("google/gemma-4-26B-A4B-it", 2112, 0, 0),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", 8192, 0, 16384),
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct", 8192, 24, 16384),
        ("deepseek-ai/DeepSeek-V3", 2048, 3, 18432),
    ],
)
def test_what_is_beside_experts_or_in_their_place_is_read(
    repository: str, beside: int, dense_layers: int, dense: int
) -> None:
    found = shape(known()[repository])

    assert (found.beside, found.dense_layers, found.dense) == (beside, dense_layers, dense)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"quant_method": "awq", "bits": 4}, ("awq", 4, False)),
        ({"quant_method": "gptq", "bits": 8}, ("gptq", 8, False)),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, ("fp8", 8, False)),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8}}}},
            ("compressed-tensors int8", 8, False),
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}},
            },
            ("compressed-tensors fp8", 8, False),
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4}, "input_activations": {"num_bits": 8}}},
            },
            ("compressed-tensors w4a8", 4, False),
        ),
        ({"quant_method": "mxfp4"}, ("mxfp4", 4, True)),
    ],
)
def test_bits_of_quantised_weights_are_read(said: dict[str, Any], read: tuple[str, int, bool]) -> None:
    assert shape({**LLAMA, "quantization_config": said}).quantization == read


def test_gpt_oss_and_mixtures_of_qwen_are_not_native_as_their_classes_are_not_preferred() -> None:
    assert {"GptOssForCausalLM", "Qwen3MoeForCausalLM"}.isdisjoint(NATIVE)
    assert {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"} <= NATIVE
