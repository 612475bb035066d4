"""Which cases a stack gives `make tpu-check`."""

from pathlib import Path
from typing import Any

import pytest

from infra.models import pod
from infra.settings.model import Model
from infra.settings.model_config import known
from sandbox.tpu import cases
from sandbox.tpu.cases import Case, CaseError
from tests.support.project import ROOT, STACKS
from tests.support.tpu_cases import MODEL, QWEN, V6E_4, WEIGHTS, case


def with_facts(**facts: Any) -> Case:
    """The case of the model with other facts in the catalogue."""
    return cases.case_of(Model.model_validate({**MODEL, "dtype": "auto"}), V6E_4, {QWEN: known()[QWEN] | facts})


@pytest.mark.parametrize("stack", STACKS)
def test_committed_stack_gives_a_case_for_each_of_its_models(stack: str) -> None:
    found = [found for _, found in cases.cases_of([stack])]
    assert [(c.repository, c.slice, c.max_model_len) for c in found if isinstance(c, Case)] == [(QWEN, "v6e-4", 2048)]


def test_case_is_what_the_programs_flags_say(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--dtype=half", "--tensor-parallel-size=2", "--max-model-len=4096", "--max-num-seqs=64", "--block-size=32"]
    monkeypatch.setattr(pod, "args", lambda *_: [*flags, "--gpu-memory-utilization=0.5"])
    found = case()
    assert (found.dtype, found.tensor_parallel_size, found.max_model_len) == ("float16", 2, 4096)
    assert (found.slots, found.block_size, found.utilization) == (64, 32, 0.5)


def test_length_that_is_not_set_is_the_models_own() -> None:
    assert case(maxModelLen=None).max_model_len == 32768


@pytest.mark.parametrize(
    ("seqs", "tokens", "steps", "rows"),
    [
        (256, 2048, [16, 256, 2048], [8, 256]),
        (100, 1000, [16, 128, 1024], [8, 100]),
        (4, 4, [16], [8]),
        (256, 256, [16, 256], [8, 256]),
    ],
)
def test_first_largest_decoding_and_last_bucket_are_compiled(
    seqs: int, tokens: int, steps: list[int], rows: list[int]
) -> None:
    programs = case(extraArgs=[f"--max-num-seqs={seqs}", f"--max-num-batched-tokens={tokens}"]).programs
    assert programs == [("attention", 16), *(("step", n) for n in steps), *(("logits", n) for n in rows)]


@pytest.mark.parametrize(
    ("changes", "tokens"), [({}, 2048), ({"maxModelLen": 4, "extraArgs": ["--max-num-seqs=8"]}, 32)]
)
def test_steps_take_2048_tokens_unless_all_requests_have_fewer(changes: dict[str, Any], tokens: int) -> None:
    assert case(**changes).batched_tokens == tokens


def test_what_is_computed_is_of_the_case() -> None:
    found = case(maxModelLen=4096, extraArgs=["--gpu-memory-utilization=0.5", "--block-size=32"]).fit

    assert (found.length, found.page, found.usable, found.weights) == (4096, 32, 33_550_237_696 // 2, WEIGHTS)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"uri": "hf://some/model"}, "nothing is known of its config.json"),
        ({"uri": "oci://registry.io/model:1"}, "nothing is known of its config.json"),
        ({"extraArgs": ["--quantization=fp8"]}, "what --quantization makes of it is not known"),
        ({"extraArgs": ["--kv-cache-dtype=fp8"]}, "what --kv-cache-dtype makes of it is not known"),
    ],
)
def test_model_that_cannot_be_checked_says_why(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(CaseError, match=says):
        case(**changes)


def test_architecture_that_cannot_be_built_is_named() -> None:
    with pytest.raises(CaseError, match="its architecture is OtherForCausalLM"):
        with_facts(architectures=["OtherForCausalLM"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with Pulumi.yaml and one stack, `mine`, like dev."""
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.mine.yaml").write_text((ROOT / "Pulumi.dev.yaml").read_text())
    return tmp_path


def test_encrypted_values_of_a_stack_do_not_matter(folder: Path) -> None:
    with (folder / "Pulumi.mine.yaml").open("a") as file:
        file.write("  gke-tpu-inference:huggingFaceToken:\n    secure: AAAA\n")
    [(_, found)] = cases.cases_of(["mine"], folder)
    assert isinstance(found, Case)


def test_wrong_setting_of_a_stack_is_told_as_the_program_tells_it(folder: Path) -> None:
    with (folder / "Pulumi.mine.yaml").open("a") as file:
        file.write("  gke-tpu-inference:tpuSlice: v6e-3\n")
    [(_, found)] = cases.cases_of(["mine"], folder)
    assert "tpuSlice" in str(found)
    assert isinstance(found, CaseError)


def test_stack_without_a_file_is_named(folder: Path) -> None:
    [(_, found)] = cases.cases_of(["other"], folder)
    assert "there is no Pulumi.other.yaml" in str(found)


def test_vllm_compiles_a_step_for_each_power_of_two() -> None:
    assert case().token_buckets == [16, 32, 64, 128, 256, 512, 1024, 2048]
    assert case(extraArgs=["--max-num-batched-tokens=1000"]).token_buckets[-1] == 1024


def test_chip_multiplies_with_its_share_of_the_weights_and_a_kv_head_of_its_own() -> None:
    """36 layers of 2048, with 16 heads and, over four chips, four KV heads in place of two."""
    attention, mlp = 2 * 2048 * 128 * (16 + 4), 3 * 2048 * 11_008
    assert case().flops("step", 16) == pytest.approx(2 * 16 * 36 * (attention + mlp) / 4, rel=1e-4)
    assert case().flops("logits", 8) == 2 * 8 * 151_936 * 2048 / 4
    assert case().flops("attention", 16) is None


@pytest.mark.parametrize(("repository", "tied"), [("Qwen/Qwen3-14B", False), ("Qwen/Qwen3-0.6B", True)])
def test_compiler_is_told_whether_embeddings_are_tied_also_where_the_file_does_not_say(
    repository: str, tied: bool
) -> None:
    assert case(uri=f"hf://{repository}").config["tie_word_embeddings"] is tied
