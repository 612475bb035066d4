"""What a model takes of a chip: against what others have published, and at the edges of the arithmetic."""

import re
from typing import Any

import pytest

from infra.google import slices
from infra.settings import fit, parameters
from infra.settings.fit import Ask
from infra.settings.model_config import known, shape
from infra.settings.shape import Quantization, Shape
from tests.support.project import ROOT

SMALL = Shape("LlamaForCausalLM", 2, 64, 4, 2, 16, 128, 256, 4096, tied=True)


def of(repository: str) -> Shape:
    return shape(known()[repository])


# As Hugging Face counts them in the weights: https://huggingface.co/REPOSITORY, "Model size".
PARAMETERS = {
    "Qwen/Qwen2.5-0.5B-Instruct": 494_032_768,
    "Qwen/Qwen2.5-3B-Instruct": 3_085_938_688,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "Qwen/Qwen2.5-72B-Instruct": 72_706_203_648,
    "Qwen/Qwen2.5-VL-7B-Instruct": 8_292_166_656,
    "Qwen/Qwen3-8B": 8_190_735_360,
    "Qwen/Qwen3-32B": 32_762_123_264,
    "Qwen/Qwen3-30B-A3B": 30_532_122_624,
    "Qwen/Qwen3-235B-A22B": 235_093_634_560,
    "google/gemma-2-9b-it": 9_241_705_984,
    "google/gemma-2-27b-it": 27_227_128_320,
    "google/gemma-3-1b-it": 999_885_952,
    "meta-llama/Llama-3.1-8B-Instruct": 8_030_261_248,
    "meta-llama/Llama-3.2-1B-Instruct": 1_235_814_400,
    "meta-llama/Llama-3.3-70B-Instruct": 70_553_706_496,
    "microsoft/phi-4": 14_659_507_200,
}


@pytest.mark.parametrize(("repository", "published"), PARAMETERS.items())
def test_parameters_are_those_that_were_published(repository: str, published: int) -> None:
    assert parameters.parameters(of(repository)) == published


def test_page_has_these_parameters() -> None:
    shown = re.findall(r"^\| ([\w.-]+/[\w.-]+) \| ([\d,]+) \|$", (ROOT / "docs/fit.md").read_text(), re.MULTILINE)

    assert {repository: int(count.replace(",", "")) for repository, count in shown} == PARAMETERS


def test_token_is_multiplied_with_the_experts_that_it_takes_and_with_no_input_embeddings() -> None:
    mixture = of("Qwen/Qwen3-30B-A3B")

    assert 3.0e9 < parameters.active_parameters(mixture) < 3.3e9  # "A3B": 3.3 billion, input embeddings among them
    assert parameters.active_parameters(of("Qwen/Qwen2.5-3B-Instruct")) == 3_085_938_688


# Logs of tpu-inference on v6e and v5e, in GiB and tokens.


def test_llama_of_8_billion_is_divided_as_tpu_inference_logged_it() -> None:
    """https://github.com/vllm-project/tpu-inference/pull/145: `hbm=[(3.74, 31.25), ...` and pages of (256, 16, 128) in
    32 layers, over four chips."""
    found = fit.fit(of("meta-llama/Llama-3.1-8B-Instruct"), Ask(4, length=4096))

    assert round(found.weights / 2**30, 2) == 3.74
    assert found.page == 256
    assert found.token * 4 == 32 * 16 * 128 * 2


def test_gemma_of_1_billion_is_divided_as_tpu_inference_logged_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://keras.io/guides/keras_hub/serving_with_vllm/, on v5e: 15.75 GiB, of which weights take 1.86; 15,912 pages
    of (32, 1, 2, 256) in 26 layers, which are `GPU KV cache size: 509,184 tokens`."""
    monkeypatch.setattr(slices, "V6E", slices.V6E._replace(memory=int(15.75 * 2**30)))
    found = fit.fit(of("google/gemma-3-1b-it"), Ask(1, length=512))

    assert round(found.weights / 2**30, 2) == 1.86
    assert (found.page, found.token) == (32, 26 * 2 * 256 * 2)
    assert found.cache_tokens == pytest.approx(509_184, rel=0.001)


def test_qwen_of_3_billion_is_divided_as_the_compiler_divides_it() -> None:
    """Of `make tpu-check`: the weights are those of the class's own arrays, to the byte."""
    found = fit.fit(of("Qwen/Qwen2.5-3B-Instruct"), Ask(4, length=2048))

    assert (found.weights, found.token, found.page) == (1_562_077_184, 18_432, 128)
    assert found.cache_tokens == 12_420 * 128


# The arithmetic


def test_layers_of_gemma_4_that_look_at_everything_have_a_cache_of_their_own() -> None:
    """https://github.com/vllm-project/tpu-inference/pull/3220: 50 layers of 16 heads of 256, 10 of 4 heads of 512, all
    with every token; over eight chips the four become eight."""
    gemma = of("google/gemma-4-31B-it")

    assert fit.token_bytes(gemma, Ask(4)) == (50 * 2 * 4 * 256 + 10 * 2 * 1 * 512) * 2
    assert fit.token_bytes(gemma, Ask(8)) == (50 * 2 * 2 * 256 + 10 * 2 * 1 * 512) * 2


def test_latent_attention_keeps_one_row_for_all_heads_however_many_chips_there_are() -> None:
    """512 numbers and a position of 64, each rounded up to 128."""
    for chips in (1, 8):
        assert fit.token_bytes(of("deepseek-ai/DeepSeek-V3"), Ask(chips)) == 61 * (512 + 128) * 2


def test_quantised_numbers_take_their_bits_and_the_others_what_they_took() -> None:
    plain = of("Qwen/Qwen3-32B")
    matrices = parameters.attention(plain, plain.kv_heads, plain.head) + parameters.mlp(plain)
    rest = parameters.parameters(plain) - matrices

    for method, bits in (("auto_awq", 4), ("fp8", 8)):
        stored = plain._replace(quantization=Quantization(method, bits))
        assert fit.weights(stored, Ask(4)) == pytest.approx((rest * 2 + matrices * bits / 8) / 4, abs=1)
        assert not fit.fit(stored, Ask(4)).exact


def test_mixture_that_is_native_is_no_exact_figure_as_kernels_pad_experts() -> None:
    assert not fit.fit(of("google/gemma-4-26B-A4B-it"), Ask(4)).exact
    assert fit.fit(of("google/gemma-4-31B-it"), Ask(4)).exact


def test_chip_that_has_no_kv_head_of_its_own_gets_one_all_the_same() -> None:
    two, four, eight = (fit.token_bytes(of("Qwen/Qwen2.5-3B-Instruct"), Ask(n)) for n in (2, 4, 8))

    assert two == four == eight == 36 * 2 * 128 * 2


def test_head_is_padded_to_the_width_of_a_row() -> None:
    assert [parameters.head_size(head) for head in (16, 64, 80, 128, 129, 256)] == [128, 64, 128, 128, 256, 256]


def test_small_heads_keep_key_and_value_in_one_row_of_two_heads() -> None:
    llama = of("meta-llama/Llama-3.2-1B-Instruct")  # 16 layers, 8 KV heads of 64

    assert fit.token_bytes(llama, Ask(4)) == 16 * 2 * 128 * 2
    assert fit.token_bytes(llama, Ask(8)) == 16 * 2 * 128 * 2  # one head, and one of padding
    assert fit.token_bytes(llama, Ask(8, "float32")) == 16 * 1 * 128 * 4


def test_output_layer_of_qwen_3_lies_whole_on_each_chip() -> None:
    """Unlike that of Llama: seen in the arrays of tpu-inference's own class."""
    untied = of("Qwen/Qwen3-8B")
    head = untied.vocabulary * untied.hidden * 2

    assert fit.weights(untied, Ask(4)) - fit.weights(untied._replace(tied=True), Ask(4)) == head
    llama = of("meta-llama/Llama-3.1-8B-Instruct")
    head = llama.vocabulary * llama.hidden * 2
    assert fit.weights(llama, Ask(4)) - fit.weights(llama._replace(tied=True), Ask(4)) == head // 4


def test_what_runs_through_torchax_is_taken_for_no_more_than_it_is() -> None:
    mixture = of("Qwen/Qwen3-30B-A3B")

    assert fit.weights(mixture, Ask(8)) == parameters.parameters(mixture) // 8 * 2
    assert not fit.fit(mixture, Ask(8)).exact


def test_more_bytes_a_number_are_more_of_both() -> None:
    half, full = (fit.fit(of("Qwen/Qwen3-8B"), Ask(4, dtype)) for dtype in ("bfloat16", "float32"))

    assert (full.weights, full.token) == (2 * half.weights, 2 * half.token)


@pytest.mark.parametrize(
    ("longest", "requests", "page"),
    [(128, 256, 16), (2048, 256, 128), (4096, 256, 256), (8192, 256, 256), (8193, 256, 32), (8193, 8, 16)],
)
def test_pages_are_those_of_tpu_inference(longest: int, requests: int, page: int) -> None:
    assert fit.page_size(longest, requests) == page


@pytest.mark.parametrize(
    ("chips", "changes", "says"),
    [
        (8, {"heads": 12}, "its 12 heads cannot be divided over 8 chips"),
        (4, {"heads": 40, "kv_heads": 10}, "its 10 KV heads cannot be divided over 4 chips"),
        (4, {"kv_heads": 3}, "its 3 KV heads cannot be divided over 4 chips"),
        (4, {"intermediate": 130}, "its MLP of 130 cannot be divided over 4 chips"),
    ],
)
def test_what_does_not_divide_does_not_run(chips: int, changes: dict[str, Any], says: str) -> None:
    assert fit.fit(SMALL._replace(**changes), Ask(chips)).problem == says


@pytest.mark.parametrize("chips", [1, 2, 4])
def test_what_divides_runs(chips: int) -> None:
    assert fit.fit(SMALL, Ask(chips)).problem is None


def test_weights_beyond_a_chip_are_told_with_both_sizes() -> None:
    assert fit.fit(of("Qwen/Qwen3-32B"), Ask(1)).problem == (
        "its weights take 61.02 GiB of a chip (tensor parallelism 1, bfloat16), of which vLLM may use 28.75 GiB"
    )


def test_weights_that_take_all_are_beyond_a_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "V6E", slices.V6E._replace(memory=fit.weights(SMALL, Ask(1))))
    problem = fit.fit(SMALL, Ask(1, utilization=1)).problem

    assert problem is not None
    assert "the rest holds" not in problem


def test_cache_that_holds_no_request_is_told_with_what_it_holds() -> None:
    found = fit.fit(of("meta-llama/Llama-3.1-8B-Instruct"), Ask(1))

    assert found.problem == (
        "its weights take 14.96 GiB of a chip (tensor parallelism 1, bfloat16), of which vLLM may use 28.75 GiB, "
        "and the rest holds 112896 tokens of 128 KiB, fewer than the 131072 of its longest context"
    )
    assert fit.fit(of("meta-llama/Llama-3.1-8B-Instruct"), Ask(1, length=found.longest)).problem is None


def test_longest_context_is_what_the_cache_holds_and_one_page_more_is_too_long() -> None:
    llama = of("meta-llama/Llama-3.1-8B-Instruct")
    longest = fit.fit(llama, Ask(1, length=2048)).longest

    assert fit.fit(llama, Ask(1, length=longest)).problem is None
    assert fit.fit(llama, Ask(1, length=longest + 256)).problem


def test_cache_of_windows_is_no_reason_to_refuse() -> None:
    """It holds more than is computed for layers that all look at everything."""
    gemma = of("google/gemma-2-9b-it")._replace(length=65_536)

    assert fit.fit(gemma, Ask(1)).longest < gemma.length
    assert fit.fit(gemma, Ask(1)).problem is None


def test_requests_at_once_are_those_that_the_cache_holds_and_no_more_than_allowed() -> None:
    found = fit.fit(of("Qwen/Qwen3-8B"), Ask(4))

    assert found.at_once(found.longest) == found.cache_tokens // found.longest == 17
    assert found.at_once(1) == 256
    assert fit.fit(of("Qwen/Qwen3-8B"), Ask(4, requests=9)).at_once(1) == 9


def test_smallest_place_is_the_first_that_it_fits_with_all_of_its_chips_first() -> None:
    places = fit.places()

    assert [(p.slice.name, p.tensor_parallel) for p in places[:3]] == [("v6e-1", 1), ("v6e-4", 4), ("v6e-4", 2)]
    assert fit.smallest(of("Qwen/Qwen3-8B"), Ask(1), places) == (slices.SLICES["v6e-1"], 1)
    assert fit.smallest(of("Qwen/Qwen3-32B"), Ask(1), places) == (slices.SLICES["v6e-4"], 4)
    assert fit.smallest(of("microsoft/phi-4"), Ask(1), places) == (slices.SLICES["v6e-4"], 2)
    assert fit.smallest(of("Qwen/Qwen3-235B-A22B"), Ask(1), places) is None
