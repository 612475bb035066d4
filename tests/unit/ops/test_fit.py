"""What `python -m ops fit` prints, and its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.settings.model_config import known
from ops.__main__ import app
from tests.support.pages import Command, commands

PAGE = "docs/fit.md"
SHOWN = [command for command in commands(PAGE) if "-m ops fit" in command.text and command.prints]


def ask(*arguments: str) -> tuple[int, str]:
    """Exit code, and all that is said."""
    done = CliRunner().invoke(app, ["fit", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


def rows(said: str, slice_: str) -> list[list[str]]:
    """The cells of a slice, in each table."""
    lines = [line for line in said.splitlines() if line.startswith(f"│ {slice_} ")]
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines]


def test_model_that_fits_somewhere_is_a_success_and_its_figures_are_those_of_the_program() -> None:
    code, said = ask("--model", "hf://Qwen/Qwen2.5-3B-Instruct", "--max-model-len", "4096", "--length", "1024")

    assert code == 0
    assert "Qwen2ForCausalLM, 3.09 billion parameters, bfloat16" in said
    assert rows(said, "v6e-4")[0] == ["v6e-4", "4", "1.45", "18", "1,589,760", "32,768", "256", "256", "fits"]
    assert rows(said, "v6e-4")[1][0:2] == ["v6e-4", "1,036"]
    assert [len(rows(said, name)) for name in ("v6e-1", "v6e-4", "v6e-8")] == [2, 2, 2]


def test_one_slice_may_be_asked_for() -> None:
    code, said = ask("--model", "hf://Qwen/Qwen3-32B", "--slice", "v6e-1")

    assert code == 1
    assert rows(said, "v6e-4") == []
    assert rows(said, "v6e-1")[0][-1] == "does not fit"
    assert "v6e-1: its weights take 61.02 GiB" in said
    assert "Bound" not in said


def test_slice_that_is_too_small_has_no_bound() -> None:
    code, said = ask("--model", "hf://Qwen/Qwen3-32B")

    assert code == 0
    assert [len(rows(said, name)) for name in ("v6e-1", "v6e-4")] == [1, 2]


def test_bound_of_more_requests_than_the_cache_holds_is_not_told() -> None:
    _, said = ask("--model", "hf://meta-llama/Llama-3.3-70B-Instruct")

    assert rows(said, "v6e-8")[1][3] == "-"


def test_model_that_not_all_chips_can_share_is_told_for_fewer() -> None:
    _, said = ask("--model", "hf://microsoft/phi-4")

    assert [rows(said, name)[0][1] for name in ("v6e-4", "v6e-8")] == ["2 of 4", "2 of 8"]
    assert "Phi3ForCausalLM runs through torchax" in said


def test_half_is_what_the_program_makes_of_it() -> None:
    assert "parameters, bfloat16" in ask("--model", "hf://Qwen/Qwen3-8B", "--dtype", "half")[1]
    assert "parameters, float32" in ask("--model", "hf://Qwen/Qwen3-8B", "--dtype", "float32")[1]


def test_model_that_this_release_does_not_start_is_told() -> None:
    assert "It may not start: tpu-inference 0.27.0" in ask("--model", "hf://Qwen/Qwen2.5-7B-Instruct")[1]
    assert "may not start" not in ask("--model", "hf://Qwen/Qwen2.5-3B-Instruct")[1]


def test_file_is_judged_as_the_model_that_it_is_of(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(known()["Qwen/Qwen3-8B"]))

    code, said = ask("--config", str(file))
    assert (code, said.splitlines()[1:]) == (0, ask("--model", "hf://Qwen/Qwen3-8B")[1].splitlines()[1:])


def test_model_that_cannot_be_judged_is_neither_success_nor_failure(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"architectures": ["MambaForCausalLM"]}))
    code, said = ask("--model", "hf://a/mamba", "--config", str(file))

    assert code == 2
    assert "a/mamba cannot be judged: it has the architecture MambaForCausalLM" in said


def test_quantised_model_is_told_for_the_least_that_it_takes() -> None:
    code, said = ask("--model", "hf://openai/gpt-oss-120b")

    assert code == 0
    assert "v6e-1: its weights take at least 57.43 GiB of a chip (tensor parallelism 1, mxfp4)" in said
    assert "It is quantised (mxfp4, 4 bits): the weights are the least" in said
    assert "Some layers keep a window only" in said


def test_quantisation_that_the_release_does_not_take_is_told(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**known()["Qwen/Qwen3-8B"], "quantization": "awq"}))

    assert (
        "It may not start: tpu-inference 0.27.0 takes no awq in its own classes, but compressed-tensors fp8"
        in (ask("--config", str(file))[1])
    )


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("deepseek-ai/DeepSeek-V3", "takes latent attention only with the environment variable NEW_MODEL_DESIGN=1"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "takes every model of this architecture for Llama Guard 4"),
    ],
)
def test_architecture_that_does_not_start_as_it_is_deployed_here_is_told(model: str, says: str) -> None:
    assert says in ask("--model", f"hf://{model}")[1]


@pytest.mark.parametrize("command", SHOWN, ids=[command.text for command in SHOWN])
def test_page_shows_what_the_command_prints(command: Command) -> None:
    _, said = ask(*command.text.split("-m ops fit ")[1].split())

    assert [line.rstrip() for line in said.splitlines()] == command.prints


def test_page_shows_the_command() -> None:
    assert len(SHOWN) > 1
