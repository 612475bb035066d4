"""The command line of `vllm serve`, so that a flag that vLLM would refuse is refused in the sandbox too.

The flags are those of `infra/settings/flags.py`. Values are checked as far as vLLM's parser does it. Of what vLLM finds
wrong when it loads the model, only too few blocks for the cache are noticed, if their number is set.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from infra.settings import fit
from infra.settings.flags import RELEASE, add_flags, combination_problem, plain

__all__ = ["RELEASE", "parse"]


def _from_file(path: str) -> Iterator[str]:
    for key, value in yaml.safe_load(Path(path).read_text()).items():
        if value is not False and value != []:
            yield f"--{key}"
        if isinstance(value, list):
            yield from map(str, value)
        elif not isinstance(value, bool):
            yield json.dumps(value) if isinstance(value, dict) else str(value)


def _with_file(args: list[str]) -> list[str]:
    """The arguments with the file of --config in its place."""
    if "--config" not in args:
        return args
    at = args.index("--config")
    front = 1 if args[1].startswith("-") else 2
    return [*args[:front], *_from_file(args[at + 1]), *args[front:at], *args[at + 2 :]]


TOKEN = 36 * 2 * 2 * 128 * 2
"""Bytes of a token in the cache, in the message about its size: Qwen2.5-3B-Instruct's 36 layers, keys and values, 2
heads of 128 numbers in bfloat16."""
BLOCKS = 4096
"""Of the cache, unless a flag says otherwise, or the longest request needs more."""


def parse(args: list[str]) -> argparse.Namespace:
    """The arguments after `vllm`, read as vLLM does. SystemExit 2 with argparse's words for what vLLM's parser refuses,
    and 1 for a combination that vLLM refuses right after."""
    named = any(re.match(r"--served[-_]model[-_]name(=|$)", arg) for arg in args)
    if named and args[1].startswith("-") and "--config" not in args:
        sys.exit("ValueError: `model` should be provided as the first positional argument when using `vllm serve`.")
    parser = argparse.ArgumentParser(prog="vllm")
    serve = parser.add_subparsers(required=True).add_parser("serve", usage="vllm serve [model_tag] [options]")
    serve.add_argument("model_tag", nargs="?")
    add_flags(serve)
    # vLLM's own defaults, but for the length, which vLLM takes from the model: this is Qwen2.5-3B-Instruct's.
    serve.set_defaults(
        model="Qwen/Qwen3-0.6B", port=8000, tensor_parallel_size=1, max_model_len=32768, shutdown_timeout=0
    )
    parsed = parser.parse_args(plain(_with_file(args)))
    if problem := combination_problem(parsed):
        sys.exit(f"TypeError: Error: {problem}")
    parsed.model = parsed.model_tag or parsed.model
    parsed.served_model_name = parsed.served_model_name or [parsed.model]
    if parsed.max_model_len == -1:
        parsed.max_model_len = serve.get_default("max_model_len")
    return parsed


def most_requests(args: argparse.Namespace) -> int:
    """How many requests run at once at most."""
    return args.max_num_seqs or fit.MAX_NUM_SEQS


def block_size(args: argparse.Namespace) -> int:
    """Tokens in a block of the cache, as set or as `fit.page_size` has it."""
    return args.block_size or fit.page_size(args.max_model_len, most_requests(args))


def blocks(args: argparse.Namespace) -> int:
    """How many blocks the cache has."""
    return args.num_gpu_blocks_override or max(BLOCKS, math.ceil(args.max_model_len / block_size(args)))


def cache_problem(args: argparse.Namespace) -> str | None:
    """Why vLLM would not start with so few blocks: one request of the greatest length has to fit, as of
    https://github.com/vllm-project/vllm/pull/41069. The words begin as those of `_check_enough_kv_cache_memory` in
    vllm/v1/core/kv_cache_utils.py do, with bytes of one model for every model. Left out: vLLM sets `auto` to what fits,
    where this takes the model's own length."""
    size = block_size(args)
    needed, there = math.ceil(args.max_model_len / size) * size, blocks(args) * size
    if needed <= there:
        return None
    gib = [round(tokens * TOKEN / 2**30, 2) for tokens in (needed, there)]
    return (
        f"ValueError: To serve at least one request with the model's max seq len ({args.max_model_len}), ({gib[0]} GiB "
        f"KV cache is needed, which is larger than the available KV cache memory ({gib[1]} GiB). Based on the "
        f"available memory, the estimated maximum model length is {there}."
    )
