"""Which known models `make tpu-check ALL=1` compiles, and where."""

from typing import Any

from infra.settings.model_config import known
from sandbox.tpu import catalogue
from sandbox.tpu.cases import Case

FOUND = dict(catalogue.cases(known()))


def where(*repositories: str) -> tuple[Any, ...]:
    """Where the first of models is compiled, of which all have the same shape."""
    [(names, case)] = [(names, case) for names, case in FOUND.items() if repositories[0] in names.split(", ")]
    assert isinstance(case, Case)
    assert set(repositories) <= set(names.split(", "))
    return case.slice, case.tensor_parallel_size, case.max_model_len


def test_model_is_compiled_on_the_smallest_slice_that_it_fits() -> None:
    assert where("Qwen/Qwen3-8B") == ("v6e-1", 1, 4096)
    assert where("Qwen/Qwen3-32B") == ("v6e-4", 4, 4096)


def test_models_of_the_same_shape_are_compiled_once() -> None:
    same = "meta-llama/Llama-3.1-70B", "meta-llama/Llama-3.3-70B-Instruct", "deepseek-ai/DeepSeek-R1-Distill-Llama-70B"

    assert where(*same) == ("v6e-8", 8, 4096)


def test_each_family_that_the_compiler_can_be_given_is_there() -> None:
    assert {case.config["architectures"][0] for case in FOUND.values() if isinstance(case, Case)} == set(
        catalogue.FAMILIES
    )


def test_what_does_not_start_fits_nowhere_or_cannot_be_given_is_left_out() -> None:
    left_out = "Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.1-405B", "google/gemma-4-31B-it"

    assert not [name for name in left_out if any(name in names.split(", ") for names in FOUND)]
