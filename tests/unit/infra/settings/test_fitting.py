"""Which models of a stack file are refused for their size, and what stands back."""

from typing import Any

import pytest

from infra.settings import fitting
from infra.settings.context import Context
from infra.settings.load import parse
from infra.settings.model import Model
from tests.support.project import STACKS, stack_file
from tests.support.stack_settings import Values, accepted, problems, refused, stack

LLAMA, QWEN, PHI = "hf://meta-llama/Llama-3.1-8B-Instruct", "hf://Qwen/Qwen3-32B", "hf://microsoft/phi-4"
FIGURES = "docs/fit.md has the figures."


def served(uri: str, slice_: str = "v6e-1", length: int | None = None, **fields: Any) -> Values:
    """One model on a slice."""
    model = {"name": "m", "namespace": "n", "uri": uri, **({"maxModelLen": length} if length else {}), **fields}
    return {"models": [model], "tpuSlice": slice_}


def weights(gib: str, chips: int = 1, dtype: str = "bfloat16", usable: str = "28.75") -> str:
    """What is said of a model's weights."""
    of = f"of a chip (tensor parallelism {chips}, {dtype}), of which vLLM may use {usable} GiB"
    return f"its weights take {gib} GiB {of}"


BAD: dict[str, tuple[Values, str]] = {
    "weights beyond a chip": (
        served(QWEN),
        "models[0].uri: Qwen/Qwen3-32B does not fit v6e-1: "
        + weights("61.02")
        + ". Run `pulumi config set tpuSlice v6e-4`, the smallest slice that it fits. "
        + FIGURES,
    ),
    "cache below one request": (
        served(LLAMA),
        "models[0].uri: meta-llama/Llama-3.1-8B-Instruct does not fit v6e-1: "
        + weights("14.96")
        + ", and the rest holds 112896 tokens of 128 KiB, fewer than the 131072 of its longest context. Set "
        "`maxModelLen` to 112896 or less, or run `pulumi config set tpuSlice v6e-4`, the smallest slice that "
        "it fits. " + FIGURES,
    ),
    "heads that another slice divides": (
        served("hf://Qwen/Qwen2.5-1.5B-Instruct", "v6e-8"),
        "models[0].uri: Qwen/Qwen2.5-1.5B-Instruct does not fit v6e-8: its 12 heads cannot be divided over 8 "
        "chips. Set `tensorParallelSize` to 4. " + FIGURES,
    ),
    "KV heads": (
        served(PHI, "v6e-4"),
        "models[0].uri: microsoft/phi-4 does not fit v6e-4: its 10 KV heads cannot be divided over 4 chips. "
        "Set `tensorParallelSize` to 2. " + FIGURES,
    ),
    "another slice, and fewer of its chips": (
        served(PHI, "v6e-1"),
        "models[0].uri: microsoft/phi-4 does not fit v6e-1: "
        + weights("27.31")
        + ", and the rest holds 7552 tokens of 200 KiB, fewer than the 16384 of its longest context. Set "
        "`maxModelLen` to 7552 or less, or run `pulumi config set tpuSlice v6e-4` and set "
        "`tensorParallelSize` to 2, the smallest slice that it fits. " + FIGURES,
    ),
    "tensor parallelism of one chip of many": (
        served(QWEN, "v6e-4", tensorParallelSize=1),
        "models[0].uri: Qwen/Qwen3-32B does not fit v6e-4: "
        + weights("61.02")
        + ". Set `tensorParallelSize` to 4. "
        + FIGURES,
    ),
    "quantised model": (
        served("hf://openai/gpt-oss-120b"),
        "models[0].uri: openai/gpt-oss-120b does not fit v6e-1: its weights take at least 57.43 GiB of a chip (tensor "
        "parallelism 1, mxfp4), of which vLLM may use 28.75 GiB. Run `pulumi config set tpuSlice v6e-4`, the smallest "
        "slice that it fits. " + FIGURES,
    ),
    "no slice": (
        served("hf://Qwen/Qwen3-235B-A22B", "v6e-8"),
        "models[0].uri: Qwen/Qwen3-235B-A22B does not fit v6e-8: "
        + weights("54.74", 8)
        + ". Serve another model, as it fits no slice of one host. "
        + FIGURES,
    ),
    "float32": (
        served("hf://Qwen/Qwen3-8B", dtype="float32"),
        "models[0].uri: Qwen/Qwen3-8B does not fit v6e-1: "
        + weights("30.51", 1, "float32")
        + ". Run `pulumi config set tpuSlice v6e-4`, the smallest slice that it fits. "
        + FIGURES,
    ),
    "less of the memory": (
        served("hf://Qwen/Qwen3-8B", extraArgs=["--gpu-memory-utilization=0.4"]),
        "models[0].uri: Qwen/Qwen3-8B does not fit v6e-1: "
        + weights("15.26", 1, "bfloat16", "12.50")
        + ". Run `pulumi config set tpuSlice v6e-4`, the smallest slice that it fits. "
        + FIGURES,
    ),
}

GOOD: dict[str, Values] = {
    "known model that fits": served("hf://Qwen/Qwen3-8B"),
    "shorter context": served(LLAMA, length=112896),
    "branch main": served("hf://Qwen/Qwen3-8B:main"),
    "unknown model": served("hf://some/model"),
    "image": served("oci://registry.io/Qwen/Qwen3-32B:1".lower()),
    "claim": served("pvc://claim/Qwen/Qwen3-32B"),
    "quantised by a flag": served(QWEN, extraArgs=["--quantization=fp8"]),
    "another config": served(QWEN, extraArgs=['--hf-overrides={"num_hidden_layers": 1}']),
    "smaller cache": served(LLAMA, extraArgs=["--kv-cache-dtype=fp8"]),
    "cache of another size": served(LLAMA, extraArgs=["--kv-cache-memory-bytes=20G"]),
    "requests beyond what is computed": served(LLAMA, extraArgs=["--max-num-seqs=1000000"]),
    "another revision": served(f"{QWEN}:{'0' * 40}"),
    "cache of the model's dtype by name": served(LLAMA, length=2048, extraArgs=["--kv-cache-dtype=auto"]),
}

test_model_that_cannot_run_is_refused_with_this_line_and_no_other = refused(BAD)
test_model_that_fits_or_is_not_known_is_accepted = accepted(GOOD)


@pytest.mark.parametrize("name", STACKS)
def test_no_committed_stack_is_warned(name: str) -> None:
    settings = parse({**stack(), **stack_file(name)})

    assert list(fitting.warnings(settings.models, settings.tpu_slice)) == []


def test_model_is_judged_beside_mistakes_of_other_settings() -> None:
    found = problems(stack({**served(QWEN), "tpuZones": ["mars-a"]}))

    assert [line.partition(":")[0] for line in found] == ["tpuZones", "models[0].uri"]


def test_each_of_several_models_is_judged_and_a_wrong_one_left_to_its_own_mistakes() -> None:
    entries = [served(uri)["models"][0] | {"name": name} for name, uri in [("a", QWEN), ("b", "ftp://x"), ("c", PHI)]]
    found = problems(stack({"models": entries, "tpuSlice": "v6e-1", "tpuMaxNodes": 3}))

    assert [line.partition(":")[0] for line in found] == ["models[1].uri", "models[0].uri", "models[2].uri"]


@pytest.mark.parametrize("models", [None, "qwen", [1], [{}]])
def test_what_is_no_list_of_models_is_told_elsewhere(models: Any) -> None:
    assert list(fitting.problems(models, Context("v6e-1", 1))) == []


def test_model_is_judged_on_its_own_slice_and_told_to_name_another() -> None:
    found = problems(stack(served(QWEN, "v6e-8", slice="v6e-1")))

    assert [line.partition(" (tensor")[0] for line in found] == [
        "models[0].uri: Qwen/Qwen3-32B does not fit v6e-1: its weights take 61.02 GiB of a chip"
    ]
    assert "Set its `slice` to v6e-4, the smallest slice that it fits." in found[0]
    assert problems(stack(served(QWEN, "v6e-1", slice="v6e-3")))[0].startswith(
        'models[0].slice: "v6e-3" is not a slice'
    )
    parse(stack(served(QWEN, "v6e-1", slice="v6e-4")))


def test_slice_that_does_not_exist_is_told_elsewhere() -> None:
    assert list(fitting.problems(served(QWEN)["models"], Context("v6e-3", 1))) == []


# Warnings


def warnings(values: Values) -> list[str]:
    models = [Model.model_validate(entry, context=Context(values["tpuSlice"], 1)) for entry in values["models"]]
    return list(fitting.warnings(models, values["tpuSlice"]))


def test_model_of_a_revision_that_is_not_known_is_warned_of_with_the_figures_of_main() -> None:
    [warning] = warnings(served(f"{QWEN}:{'0' * 40}"))

    assert warning.startswith(
        "models[0].uri: as far as the branch main of its repository shows, Qwen/Qwen3-32B does not fit v6e-1: its "
        "weights take 61.02 GiB"
    )


def test_model_without_a_class_of_tpu_inference_is_warned_of_only_if_its_size_fits() -> None:
    [warning] = warnings(served("hf://Qwen/Qwen3-30B-A3B", "v6e-4"))

    assert "Qwen3MoeForCausalLM, of which tpu-inference has no class" in warning
    assert "runs through torchax" not in warnings(served("hf://Qwen/Qwen3-30B-A3B"))[0]


def test_qwen_2_with_untied_embeddings_is_warned_of_as_this_release_does_not_start_it() -> None:
    [warning] = warnings(served("hf://Qwen/Qwen2.5-7B-Instruct", "v6e-4"))

    assert "Qwen/Qwen2.5-7B-Instruct may not start" in warning
    assert "pull/3098" in warning
    assert warnings(served("hf://Qwen/Qwen2.5-3B-Instruct", "v6e-4")) == []


def test_context_beyond_the_models_own_is_warned_of() -> None:
    [warning] = warnings(served("hf://Qwen/Qwen3-8B", "v6e-4", length=40961))

    assert warning.startswith("models[0].maxModelLen: 40961 tokens are more than the 40960 of Qwen/Qwen3-8B")
    assert warnings(served("hf://Qwen/Qwen3-8B", "v6e-4", length=40960)) == []


def test_settings_tell_these_warnings_among_theirs() -> None:
    settings = parse(stack(served("hf://Qwen/Qwen2.5-7B-Instruct", "v6e-4")))

    assert any("may not start" in warning for warning in settings.warnings)


@pytest.mark.parametrize("flag", fitting.CHANGES_THE_PROGRAM)
def test_flag_that_changes_what_is_computed_is_one_that_vllm_has(flag: str) -> None:
    """Else a flag of another name would not make the check stand back."""
    assert hasattr(fitting.extra_args.parsed([]), flag)
