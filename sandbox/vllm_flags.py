"""The command line of `vllm serve`, so that a flag that vLLM would refuse is refused in the sandbox too.

`vllm_flags.json` has one flag a line: those of vLLM 0.27.0 as in the PyPI package `vllm-tpu` 0.27.0, which is released
with the image `vllm/vllm-tpu:v0.27.0`. The package `vllm` 0.27.0 has one more, `--mamba-ssu-algorithm`.
To make the file anew, unpack the sdist of another `vllm-tpu` (pip wants VLLM_TARGET_DEVICE=tpu and
VLLM_VERSION_OVERRIDE=<version> for it), build `make_arg_parser(FlexibleArgumentParser())` of
`vllm/entrypoints/openai/cli_args.py`, with empty modules for torch and other heavy packages, and write down the option
strings, type, nargs and choices of each action. `type` is a key of `TYPES`, `bool` for a flag with a `--no-` twin, or
`store_true`; `optional` means that None is a value; `fields` are those of the class `config` that the JSON is for.

Values are checked as far as vLLM's parser does it. What vLLM finds wrong when it loads the model is not noticed.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

RELEASE = "0.27.0"
FLAGS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("vllm_flags.json").read_text())


def human_readable_int(text: str) -> int:
    """An integer, also with a suffix: 1k is 1000, 1K is 1024."""
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([kmgt])", text.strip(), re.IGNORECASE):
        power = "kmgt".index(match[2].lower()) + 1
        return int(float(match[1]) * 1000**power) if match[2].islower() else int(match[1]) * 1024**power
    return int(text)


def human_readable_int_or_auto(text: str) -> int:
    """The same, or -1 for auto."""
    return -1 if text.strip().lower() == "auto" else human_readable_int(text)


def union_dict_and_str(text: str) -> Any:
    """A JSON object, or any other text as it is."""
    return json.loads(text) if re.fullmatch(r"(?s)\s*{.*}\s*", text) else text


# argparse names the function in its message, so these have the names of vLLM's.
TYPES: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "json": json.loads,
    "json_or_str": union_dict_and_str,
    "size": human_readable_int,
    "size_or_auto": human_readable_int_or_auto,
    "lower": lambda text: text.lower().replace("-", "_"),
}


def _type(flag: dict[str, Any]) -> Callable[[str], Any]:
    of, optional, fields = TYPES[flag["type"]], flag.get("optional"), flag.get("fields")
    if not optional and not fields:
        return of

    def convert(text: str) -> Any:
        if optional and text in ("", "None"):
            return None
        try:
            value = of(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"Value {text} cannot be converted to {of}.") from error
        if fields and (unknown := sorted(set(value) - set(fields))):
            raise argparse.ArgumentTypeError(f"{flag['config']}: Unexpected keyword argument: {', '.join(unknown)}")
        return value

    return convert


def _leaf(text: str) -> Any:
    for read in (json.loads, human_readable_int):
        with suppress(ValueError):
            return read(text)
    return text


def _merge(into: dict[str, Any], tree: dict[str, Any]) -> None:
    for key, value in tree.items():
        old = into.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            _merge(old, value)
        else:
            into[key] = old + value if isinstance(value, list) and isinstance(old, list) else value


def _from_file(path: str) -> Iterator[str]:
    for key, value in yaml.safe_load(Path(path).read_text()).items():
        if value is not False and value != []:
            yield f"--{key}"
        if isinstance(value, list):
            yield from map(str, value)
        elif not isinstance(value, bool):
            yield json.dumps(value) if isinstance(value, dict) else str(value)


def _plain(args: list[str]) -> list[str]:
    """The arguments as argparse takes them: the file of --config in its place, --a_b as --a-b, and the settings that
    --json.key=value or --json.list+=value make, as one JSON object."""
    if "--config" in args:
        at = args.index("--config")
        front = 1 if args[1].startswith("-") else 2
        args = [*args[:front], *_from_file(args[at + 1]), *args[front:at], *args[at + 2 :]]
    plain: list[str] = []
    trees: dict[str, dict[str, Any]] = {}
    rest = iter(args)
    for arg in rest:
        name, equals, value = arg.partition("=")
        name, *path = name.split(".") if name.startswith("-") else [name]
        if name.startswith("--"):
            name = name.replace("_", "-")
        if path:
            value = value if equals else next(rest, "")
            if path[-1].endswith("+"):
                path[-1], value = path[-1][:-1], json.dumps(value.split(","))
            leaf = _leaf(value)
            for key in reversed(path):
                leaf = {key: leaf}
            _merge(trees.setdefault(name, {}), leaf)
        elif match := re.match("-O=?", arg):
            plain += ["--optimization-level", *filter(None, [arg[match.end() :]])]
        else:
            plain.append(name + equals + value)
    return plain + [word for name, tree in trees.items() for word in (name, json.dumps(tree))]


def parse(args: list[str]) -> argparse.Namespace:
    """The arguments after `vllm`, read as vLLM does. SystemExit 2 with argparse's words for what vLLM's parser refuses,
    and 1 for a combination that vLLM refuses right after."""
    named = any(re.match(r"--served[-_]model[-_]name(=|$)", arg) for arg in args)
    if named and args[1].startswith("-") and "--config" not in args:
        sys.exit("ValueError: `model` should be provided as the first positional argument when using `vllm serve`.")
    parser = argparse.ArgumentParser(prog="vllm")
    serve = parser.add_subparsers(required=True).add_parser("serve", usage="vllm serve [model_tag] [options]")
    serve.add_argument("model_tag", nargs="?")
    for name, flag in FLAGS.items():
        names = [name, flag["short"]] if "short" in flag else [name]
        if flag["type"] == "bool":
            serve.add_argument(*names, action=argparse.BooleanOptionalAction)
        elif flag["type"] == "store_true":
            serve.add_argument(*names, action="store_true")
        else:
            given = {key: flag[key] for key in ("nargs", "choices") if key in flag}
            action = "append" if flag.get("append") else "store"
            const = True if flag.get("nargs") == "?" else None
            serve.add_argument(*names, action=action, type=_type(flag), const=const, **given)
    # vLLM's own defaults, but for the length, which vLLM takes from the model: this is Qwen2.5-3B-Instruct's.
    serve.set_defaults(
        model="Qwen/Qwen3-0.6B", port=8000, tensor_parallel_size=1, max_model_len=32768, shutdown_timeout=0
    )
    parsed = parser.parse_args(_plain(args))
    if parsed.enable_auto_tool_choice and not parsed.tool_call_parser:
        sys.exit("TypeError: Error: --enable-auto-tool-choice requires --tool-call-parser")
    parsed.model = parsed.model_tag or parsed.model
    parsed.served_model_name = parsed.served_model_name or [parsed.model]
    if parsed.max_model_len == -1:
        parsed.max_model_len = serve.get_default("max_model_len")
    return parsed


def block_size(args: argparse.Namespace) -> int:
    """Tokens in a block of the cache. Unless it is set, the longest context and the number of requests decide.

    See `get_page_size` and `get_min_page_size` in tpu_inference/layers/vllm/backends/flash_attn.py.
    """
    if args.block_size:
        return args.block_size
    longest, requests = args.max_model_len, args.max_num_seqs or 256
    page = 16 if longest > 8192 else min(max((1 << (longest - 1).bit_length()) // 16, 16), 256)
    fewest = math.ceil(longest / (1024 * 1024 // 2 // requests // 4))  # scalar memory holds so many blocks of a request
    return max(page, 1 << (fewest - 1).bit_length())
