"""The bound of a model's speed: by hand where that is easy, and by its behaviour."""

import pytest

from infra.google import slices
from infra.settings import fit
from infra.settings.fit import Ask
from infra.settings.model_config import known, shape
from infra.settings.shape import Shape
from ops import roofline

QWEN, LARGE, MIXTURE = (shape(known()[f"Qwen/{n}"]) for n in ("Qwen2.5-3B-Instruct", "Qwen3-32B", "Qwen3-30B-A3B"))


def test_chip_is_as_google_says_it_is() -> None:
    """https://docs.cloud.google.com/tpu/docs/v6e"""
    assert (slices.V6E.flops, slices.V6E.bandwidth) == (918e12, 1638e9)
    assert slices.V6E.memory < 32 * 2**30


def test_one_request_is_bound_by_reading_the_weights_and_its_cache_once_a_token() -> None:
    read = 1_562_077_184 + 2048 * 18_432

    assert roofline.decoding(QWEN, Ask(4), 1, 2048) == pytest.approx(1638e9 / read)


def test_many_requests_share_the_reading_of_the_weights_and_not_of_their_caches() -> None:
    read = 1_562_077_184 + 256 * 1024 * 18_432

    assert roofline.decoding(QWEN, Ask(4), 256, 1024) == pytest.approx(256 * 1638e9 / read)


def test_embeddings_of_an_untied_model_are_not_read_whole() -> None:
    read = fit.weights(LARGE, Ask(4)) - LARGE.vocabulary * LARGE.hidden * 2 / 4

    assert roofline.decoding(LARGE, Ask(4), 1, 1) == pytest.approx(1638e9 / (read + 65_536))


def test_prompts_are_bound_by_multiplication() -> None:
    """Two operations a number of the layers, those of attention, and the output layer once."""
    inner, output = 3_085_938_688 - 151_936 * 2048, 151_936 * 2048
    flops = 1024 * (2 * inner + 4 * 36 * 16 * 128 * 512) + 2 * output

    assert roofline.prefill(QWEN, Ask(4), 1024) == pytest.approx(1024 * 4 * 918e12 / flops)


def test_large_batches_of_a_mixture_read_all_experts_and_small_ones_few() -> None:
    one, many = (roofline.decoding(MIXTURE, Ask(4), batch, 1) / batch for batch in (1, 256))
    experts = 48 * 3 * 2048 * 768 * 128 * 2 / 4
    output = 151_936 * 2048 * 2 / 4
    weights = fit.weights(MIXTURE, Ask(4)) - output

    assert 1638e9 / one == pytest.approx(weights - experts * 120 / 128, rel=1e-4)
    assert 1638e9 / many == pytest.approx(weights, rel=5e-3)


@pytest.mark.parametrize("model", [QWEN, LARGE, MIXTURE])
def test_more_chips_and_shorter_contexts_are_faster(model: Shape) -> None:
    four, eight = (roofline.decoding(model, Ask(n), 64, 2048) for n in (4, 8))

    assert eight > four
    assert roofline.decoding(model, Ask(4), 64, 1024) > four
    assert roofline.prefill(model, Ask(8), 2048) == pytest.approx(2 * roofline.prefill(model, Ask(4), 2048))


def test_no_step_takes_tokens_through_the_layers_faster_than_the_matrix_units() -> None:
    inner = 3_085_938_688 - 151_936 * 2048
    assert roofline.through_layers(QWEN, Ask(4)) == pytest.approx(4 * 918e12 / (2 * inner))
    assert roofline.through_layers(QWEN, Ask(4)) > roofline.prefill(QWEN, Ask(4), 1024)
