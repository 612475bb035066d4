"""Flags of one's own: those that vLLM takes, and that are allowed."""

import contextlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.settings import extra_args, flag_rules
from infra.settings.flags import FLAGS
from infra.settings.load import parse
from sandbox.programs import vllm_flags
from tests.support.stack_settings import Values, accepted, refused, stack

TEMPLATE = (
    "and KServe would run its {{ as a template. Write JSON with a space between braces ({ {), and leave templates out."
)

BAD: dict[str, tuple[Values, str]] = {
    "no flag": (
        {"models[0].extraArgs": ["foo"]},
        "models[0].extraArgs: [\"foo\"] begins with 'foo', which is not a flag. Begin with one, like "
        "--max-num-seqs=64.",
    ),
    "flag and value in one item": (
        {"models[0].extraArgs": ["--max-num-seqs 8"]},
        "models[0].extraArgs: [\"--max-num-seqs 8\"] contains '--max-num-seqs 8', a flag and its value in one. Write "
        "'--max-num-seqs=8'.",
    ),
    # That the program sets
    "own flag": (
        {"models[0].extraArgs": ["--dtype=float32"]},
        'models[0].extraArgs: ["--dtype=float32"] contains --dtype. Remove it: the field `dtype` sets it.',
    ),
    "own flag, value apart": (
        {"models[0].extraArgs": ["--dtype", "float32"]},
        'models[0].extraArgs: ["--dtype", "float32"] contains --dtype. Remove it: the field `dtype` sets it.',
    ),
    "own flag with underscores": (
        {"models[0].extraArgs": ["--max_model_len=1"]},
        'models[0].extraArgs: ["--max_model_len=1"] contains --max-model-len. Remove it: the field '
        "`maxModelLen` sets it.",
    ),
    "own flag with both hyphen and underscore": (
        {"models[0].extraArgs": ["--tensor-parallel_size=2"]},
        'models[0].extraArgs: ["--tensor-parallel_size=2"] contains --tensor-parallel-size. Remove it: the '
        "field `tensorParallelSize` sets it.",
    ),
    "flag that the grace period goes with": (
        {"models[0].extraArgs": ["--shutdown-timeout=600"]},
        'models[0].extraArgs: ["--shutdown-timeout=600"] contains --shutdown-timeout. Remove it: it goes together '
        "with the Pod's grace period, which the program sets.",
    ),
    "own flag in short": (
        {"models[0].extraArgs": ["-tp", "2"]},
        'models[0].extraArgs: ["-tp", "2"] contains -tp. Remove it: the field `tensorParallelSize` sets it.',
    ),
    "own flag in short, with its value": (
        {"models[0].extraArgs": ["-tp=2"]},
        'models[0].extraArgs: ["-tp=2"] contains -tp. Remove it: the field `tensorParallelSize` sets it.',
    ),
    "own flag after others": (
        {"models[0].extraArgs": ["--seed=1", "--served-model-name", "qwen"]},
        'models[0].extraArgs: ["--seed=1", "--served-model-name", "qwen"] contains --served-model-name. Remove it: '
        "the field `servedNames` sets it.",
    ),
    "own flag, abbreviated": (
        {"models[0].extraArgs": ["--tensor-parallel=2"]},
        'models[0].extraArgs: ["--tensor-parallel=2"] contains --tensor-parallel. Remove it: the field '
        "`tensorParallelSize` sets it.",
    ),
    "pipeline parallelism": (
        {"models[0].extraArgs": ["-pp", "2"]},
        'models[0].extraArgs: ["-pp", "2"] contains -pp. Remove it: a Pod has one host, and `tensorParallelSize` uses '
        "its chips.",
    ),
    "data parallelism": (
        {"models[0].extraArgs": ["--data_parallel_size=2"]},
        'models[0].extraArgs: ["--data_parallel_size=2"] contains --data-parallel-size. Remove it: a Pod has one host; '
        "use `replicas`.",
    ),
    "flag for a file of flags": (
        {"models[0].extraArgs": ["--config", "/etc/vllm.yaml"]},
        'models[0].extraArgs: ["--config", "/etc/vllm.yaml"] contains --config. Remove it: a file of flags would '
        "override the fields.",
    ),
    "flag for the weights": (
        {"models[0].extraArgs": ["--model=/other"]},
        'models[0].extraArgs: ["--model=/other"] contains --model. Remove it: the field `uri` sets it.',
    ),
    "flag that moves the port": (
        {"models[0].extraArgs": ["--port=9000"]},
        'models[0].extraArgs: ["--port=9000"] contains --port. Remove it: routes and probes rely on port 8000.',
    ),
    "flag that hides the port": (
        {"models[0].extraArgs": ["--host=127.0.0.1"]},
        'models[0].extraArgs: ["--host=127.0.0.1"] contains --host. Remove it: probes rely on every interface.',
    ),
    "flag that turns TLS on": (
        {"models[0].extraArgs": ["--ssl_certfile=/crt"]},
        'models[0].extraArgs: ["--ssl_certfile=/crt"] contains --ssl-certfile. Remove it: probes '
        "and gateway speak plain HTTP to vLLM.",
    ),
    "flag for the key of TLS": (
        {"models[0].extraArgs": ["--ssl-keyfile", "/key"]},
        'models[0].extraArgs: ["--ssl-keyfile", "/key"] contains --ssl-keyfile. Remove it: probes '
        "and gateway speak plain HTTP to vLLM.",
    ),
    # Templates
    "template in a flag": (
        {"models[0].extraArgs": ["--chat-template={{ x }}"]},
        f"models[0].extraArgs: [\"--chat-template={{{{ x }}}}\"] contains '--chat-template={{{{ x }}}}', {TEMPLATE}",
    ),
    "template in the value of a flag": (
        {"models[0].extraArgs": ["--chat-template", "{{- x -}}"]},
        f'models[0].extraArgs: ["--chat-template", "{{{{- x -}}}}"] contains \'{{{{- x -}}}}\', {TEMPLATE}',
    ),
    "template in a served name": (
        {"models[0].servedNames": ["{{x}}"]},
        f"models[0].servedNames: [\"{{{{x}}}}\"] contains '{{{{x}}}}', {TEMPLATE}",
    ),
}

GOOD: dict[str, Values] = {
    "flags of one's own": {"models[0].extraArgs": ["--max-num-seqs=64", "--seed", "1"]},
    "JSON that closes two braces": {"models[0].extraArgs": ['--hf-overrides={"a":{"b":{}}}']},
    "several values": {"models[0].extraArgs": ["--kv-cache-dtype-skip-layers", "0", "1", "--seed", "-1"]},
    "JSON by its path": {"models[0].extraArgs": ["--hf-overrides.a.b", "1"]},
    "beginning of one flag": {"models[0].extraArgs": ["--max-num-seq=8"]},
    "short, and switched off": {"models[0].extraArgs": ["-q", "int8", "--no-enable-prefix-caching"]},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


@pytest.mark.parametrize("args", [["-ac.backend=X"], ["-ac.backend", "X"], ["--attention-config.backend=X"]])
def test_key_inside_a_flag_is_taken_as_vllm_takes_it(args: list[str]) -> None:
    assert parse(stack({"models[0].extraArgs": args})).models[0].extra_args == tuple(args)


# Drawn, and compared with the sandbox's reading of the release's list, which is argparse's alone

DRAWN = settings(max_examples=25, derandomize=True, database=None, deadline=None)
"""The same flags in every run."""
WORDS = [
    *(
        "--seed",
        "--seed=1",
        "-1",
        "x",
        "--no-enforce-eager",
        "--enforce-eager=1",
        "-q",
        "-qx",
        "--max-num",
        "-O3",
        "-O",
        "--",
    ),
    *(
        "--additional-config.a.b=1",
        "--additional_config",
        "{}",
        "--kv-cache-dtype-skip-layers",
        "a=b",
        "--no-seed",
        "-",
        "-tp2",
    ),
]


def good_flag() -> st.SearchStrategy[list[str]]:
    """A flag that vLLM takes and that is allowed, with a value if it wants one."""
    values = {"int": "1", "float": "0.5", "str": "x", "size": "1k", "lower": "x", "json": "{}", "json_or_str": "{}"}
    few = {"--generation-config": "vllm", "--load-format": "auto", "--spec-method": "ngram"}

    def words(name: str) -> list[str]:
        flag = FLAGS[name]
        value = few.get(name) or (flag["choices"][0] if "choices" in flag else values.get(flag["type"]))
        return [name] if value is None else [name, value]

    needs = {"--enable-auto-tool-choice", "--enable-log-outputs"}
    return st.sampled_from(sorted(flag_rules.ALLOWED.keys() - needs)).map(words)


@DRAWN
@given(st.lists(good_flag(), min_size=1, max_size=4, unique_by=lambda words: words[0].partition("=")[0]))
def test_flags_that_vllm_takes_are_taken(flags: list[list[str]]) -> None:
    args = [word for words in flags for word in words]
    vllm_flags.parse(["serve", "/mnt/models", *args])

    assert list(extra_args.problems(args)) == []


@DRAWN
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
def test_flags_that_vllm_refuses_are_refused(args: list[str]) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            vllm_flags.parse(["serve", "/mnt/models", *args])
        except SystemExit as refused:
            taken = refused.code == 0
        else:
            taken = True

    assert taken or list(extra_args.problems(args))
