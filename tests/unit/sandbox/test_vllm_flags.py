"""The command line of vLLM's stand-in: what it takes and how it is read."""

from typing import Any

import pytest

from infra.google import slices
from infra.models import pod
from infra.releases import pins
from infra.settings.model import Model
from sandbox.programs import vllm_flags
from tests.support.model_server import NAMES, SERVE
from tests.support.project import stack_file


@pytest.mark.parametrize("slice_", slices.SLICES.values(), ids=list(slices.SLICES))
def test_every_flag_of_the_program_is_accepted(slice_: slices.Slice) -> None:
    model = Model.model_validate(stack_file("dev")["models"][0])
    args = vllm_flags.parse([*SERVE, *pod.args(model, slice_)])
    assert args.served_model_name == NAMES
    assert (args.model, args.port, args.dtype, args.max_model_len) == ("/mnt/models", 8000, "bfloat16", 2048)
    assert args.tensor_parallel_size == slice_.chips


def test_flags_are_those_of_the_image() -> None:
    assert pins.VLLM_TPU_IMAGE.endswith(f":v{vllm_flags.RELEASE}")


@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        ("--max_num_seqs=4", "max_num_seqs", 4),
        ("--max-num-seqs 4", "max_num_seqs", 4),
        ("-tp 2", "tensor_parallel_size", 2),
        ("--max-model-len=8k", "max_model_len", 8000),
        ("--max-model-len=8K", "max_model_len", 8192),
        ("--max-model-len=auto", "max_model_len", 32768),
        ("--no-enable-prefix-caching", "enable_prefix_caching", False),
        ("--enable_prefix_caching", "enable_prefix_caching", True),
        ("--hf-token", "hf_token", True),
        ("--revision=None", "revision", None),
        ("--gpu-memory-utilization=0.9", "gpu_memory_utilization", 0.9),
        ("-O3", "optimization_level", "3"),
        ("--middleware a --middleware b", "middleware", ["a", "b"]),
        ('--hf-overrides {"a":1}', "hf_overrides", {"a": 1}),
        ("--compilation_config.mode=3", "compilation_config", {"mode": 3}),
        ("-cc.pass_config.fuse_x true -cc.compile_sizes+=1,2", "compilation_config",
         {"pass_config": {"fuse_x": True}, "compile_sizes": ["1", "2"]}),
        ("--kv-transfer-config.kv_buffer_size 1k", "kv_transfer_config", {"kv_buffer_size": 1000}),
        ("--moe-backend Deep-GEMM", "moe_backend", "deep_gemm"),
    ],
)  # fmt: skip
def test_flags_are_read_as_vllm_reads_them(flags: str, name: str, value: Any) -> None:
    assert getattr(vllm_flags.parse([*SERVE, *flags.split()]), name) == value


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--max-model-length=2048", "vllm: error: unrecognized arguments: --max-model-length=2048"),
        ("--swap-space=4", "unrecognized arguments: --swap-space=4"),
        ("--port 8000 extra", "unrecognized arguments: extra"),
        ("--dtype=fp8", "vllm serve: error: argument --dtype: invalid choice: 'fp8' (choose from"),
        ("-tp two", "argument --tensor-parallel-size/-tp: invalid int value: 'two'"),
        ("--max-num-seqs=1k", "invalid int value: '1k'"),
        ("--max-cpu-loras=x", "Value x cannot be converted to <class 'int'>."),
        ("--max-num-seqs", "argument --max-num-seqs: expected one argument"),
        ("--max", "ambiguous option: --max could match"),
        ("--enable-prefix-caching=yes", "ignored explicit argument 'yes'"),
        ("--compilation-config.level=3", "CompilationConfig: Unexpected keyword argument: level"),
    ],
)
def test_flags_that_vllm_does_not_know_are_refused(flags: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        vllm_flags.parse([*SERVE, *flags.split()])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_model_after_its_names_would_be_taken_for_one_of_them() -> None:
    with pytest.raises(SystemExit, match="should be provided as the first positional argument"):
        vllm_flags.parse(["serve", "--served-model-name", "a", "/mnt/models"])


def test_file_of_flags_is_read_and_gives_way_to_the_command_line(tmp_path: Any) -> None:
    file = tmp_path / "flags.yaml"
    file.write_text("served-model-name: [a, b]\nmax_num_seqs: 4\nenforce-eager: true\nspeculative-config: {x: 1}\n")
    args = vllm_flags.parse([*SERVE, "--config", str(file), "--max-num-seqs=8"])
    assert (args.served_model_name, args.max_num_seqs, args.enforce_eager) == (["a", "b"], 8, True)
    assert args.speculative_config == {"x": 1}


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        (["--max-model-len=2048"], 128),
        (["--max-model-len=64"], 16),
        (["--max-model-len=4096"], 256),
        (["--max-model-len=8192"], 256),
        (["--max-model-len=8193", "--max-num-seqs=8"], 16),
        (["--max-model-len=8193"], 32),
        (["--max-model-len=32768"], 64),  # 16 would be more blocks than scalar memory holds, for 256 requests
        (["--max-model-len=2048", "--block-size=32"], 32),
    ],
)
def test_block_size_is_the_tpu_backends(flags: list[str], size: int) -> None:
    assert vllm_flags.block_size(vllm_flags.parse([*SERVE, *flags])) == size


@pytest.mark.parametrize(
    ("flags", "fits"),
    [
        (["--max-model-len=256", "--num-gpu-blocks-override=4", "--block-size=64"], True),
        (["--max-model-len=257", "--num-gpu-blocks-override=4", "--block-size=64"], False),
        (["--max-model-len=1000000", "--block-size=16"], True),
    ],
)
def test_longest_request_fits_the_blocks_that_are_set_and_there_are_enough_if_none_are(
    flags: list[str], fits: bool
) -> None:
    assert (vllm_flags.cache_problem(vllm_flags.parse([*SERVE, *flags])) is None) == fits
