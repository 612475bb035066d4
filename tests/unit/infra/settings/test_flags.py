"""How vLLM reads the words of its flags."""

import argparse
import json
from typing import Any

import pytest

from infra.settings import flags


def parsed(*args: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    flags.add_flags(parser)
    return parser.parse_args(args)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("7", 7), ("1k", 1000), ("1K", 1024), (" 2k ", 2000), ("1.5k", 1500), ("12.25k", 12250)),
        *(("1m", 10**6), ("1g", 10**9), ("1t", 10**12), ("3M", 3 * 2**20), ("1G", 2**30), ("1T", 2**40)),
    ],
)
def test_number_may_have_a_suffix_small_for_thousands_and_large_for_powers_of_two(text: str, number: int) -> None:
    assert flags.human_readable_int(text) == number


@pytest.mark.parametrize("text", ["1.5K", "k", "1x", "1.k"])
def test_what_has_another_suffix_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal"):
        flags.human_readable_int(text)


@pytest.mark.parametrize(("text", "number"), [("auto", -1), (" AUTO ", -1), ("2k", 2000)])
def test_size_may_be_left_to_vllm(text: str, number: int) -> None:
    assert flags.human_readable_int_or_auto(text) == number


@pytest.mark.parametrize(("text", "value"), [('{"a": 1}', {"a": 1}), (' {\n"a": [2]} ', {"a": [2]}), ("[1]", "[1]")])
def test_text_in_braces_is_json(text: str, value: Any) -> None:
    assert flags.union_dict_and_str(text) == value


@pytest.mark.parametrize(
    ("args", "plain"),
    [
        (["--max_num_seqs=8"], ["--max-num-seqs=8"]),
        (["--max_num_seqs", "a_b"], ["--max-num-seqs", "a_b"]),
        (["-q", "x.y"], ["-q", "x.y"]),
        (["-O3"], ["--optimization-level", "3"]),
        (["-O=3"], ["--optimization-level", "3"]),
        (["-O", "3"], ["--optimization-level", "3"]),
        (["--x.a=1"], ["--x", {"a": 1}]),
        (["--x.a", "1"], ["--x", {"a": 1}]),
        (["--x.a"], ["--x", {"a": ""}]),
        (["--x_y.a_b=1"], ["--x-y", {"a_b": 1}]),
        (["-x.a.b=text"], ["-x", {"a": {"b": "text"}}]),
        (["--x.a=2k"], ["--x", {"a": 2000}]),
        (["--x.a=true", "--seed=1", "--x.b=2"], ["--seed=1", "--x", {"a": True, "b": 2}]),
        (["--x.a.b=1", "--x.a.c=2"], ["--x", {"a": {"b": 1, "c": 2}}]),
        (["--x.a=1", "--x.a=2"], ["--x", {"a": 2}]),
        (["--x.a=1", "--x.a.b=2"], ["--x", {"a": {"b": 2}}]),
        (["--x.a+=p,q"], ["--x", {"a": ["p", "q"]}]),
        (["--x.a+=p", "--x.a+", "q"], ["--x", {"a": ["p", "q"]}]),
        (["--x.a=1", "--x.a+=p"], ["--x", {"a": ["p"]}]),
        (["--x.a=1", "--y.a=2"], ["--x", {"a": 1}, "--y", {"a": 2}]),
    ],
)
def test_words_are_brought_into_the_form_that_argparse_takes(args: list[str], plain: list[Any]) -> None:
    read = [json.loads(word) if word.startswith("{") else word for word in flags.plain(args)]
    assert read == plain


@pytest.mark.parametrize(
    ("args", "name", "value"),
    [
        (["--enable-lora"], "enable_lora", True),
        (["--no-enable-lora"], "enable_lora", False),
        (["--lora-modules", "a=/x", "b=/y"], "lora_modules", ["a=/x", "b=/y"]),
        (["-q", "int8"], "quantization", "int8"),
        (["--max-num-seqs", "1"], "max_num_seqs", 1),
        (["--max-num-scheduled-tokens", "None"], "max_num_scheduled_tokens", None),
        (["--max-num-scheduled-tokens", ""], "max_num_scheduled_tokens", None),
        (["--max-num-scheduled-tokens", "1k"], "max_num_scheduled_tokens", 1000),
        (["--max-num-batched-tokens", "1K"], "max_num_batched_tokens", 1024),
        (["--max-model-len", "auto"], "max_model_len", -1),
        (["--moe-backend", "Flashinfer-TRTLLM"], "moe_backend", "flashinfer_trtllm"),
        (["--middleware", "a", "--middleware", "b"], "middleware", ["a", "b"]),
        (["--hf-token"], "hf_token", True),
        (["--grpc"], "grpc", True),
        (["--hf-overrides", '{"a": 1}'], "hf_overrides", {"a": 1}),
    ],
)
def test_flag_is_read_by_its_type(args: list[str], name: str, value: Any) -> None:
    assert getattr(parsed(*args), name) == value


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--attention-config", '{"b": 1, "a": 1}'], "AttentionConfig: Unexpected keyword argument: a, b$"),
        (["--max-num-scheduled-tokens", "x"], "Value x cannot be converted to <function human_readable_int at"),
        (["--kv-cache-dtype", "fp99"], "invalid choice: 'fp99'"),
    ],
)
def test_value_of_another_kind_is_refused(args: list[str], why: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=why):
        parsed(*args)
