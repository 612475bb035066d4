"""The command line of `vllm serve`, so that a flag that vLLM would refuse is refused in the sandbox too.

The flags are those of `infra/settings/flags.py`. Values are checked as far as vLLM's parser does it. What vLLM finds
wrong when it loads the model is not noticed.
"""

import argparse
import json
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


def block_size(args: argparse.Namespace) -> int:
    """Tokens in a block of the cache, as set or as `fit.page_size` has it."""
    return args.block_size or fit.page_size(args.max_model_len, args.max_num_seqs or fit.MAX_NUM_SEQS)
