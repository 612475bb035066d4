"""The flags of `vllm serve` that the pinned release takes.

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
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

RELEASE = "0.27.0"
FLAGS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("vllm_flags.json").read_text("utf-8"))


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


def _lower(text: str) -> str:
    return text.lower().replace("-", "_")


# argparse names the function in its message, so these have the names of vLLM's.
TYPES: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "json": json.loads,
    "json_or_str": union_dict_and_str,
    "size": human_readable_int,
    "size_or_auto": human_readable_int_or_auto,
    "lower": _lower,
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


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Make a parser take every flag of the release, as vLLM's own does."""
    for name, flag in FLAGS.items():
        names = [name, flag["short"]] if "short" in flag else [name]
        if flag["type"] == "bool":
            parser.add_argument(*names, action=argparse.BooleanOptionalAction)
        elif flag["type"] == "store_true":
            parser.add_argument(*names, action="store_true")
        else:
            given = {key: flag[key] for key in ("nargs", "choices") if key in flag}
            action = "append" if flag.get("append") else "store"
            const = True if flag.get("nargs") == "?" else None
            parser.add_argument(*names, action=action, type=_type(flag), const=const, **given)


def _leaf(text: str) -> Any:
    for read in (json.loads, human_readable_int):
        with suppress(ValueError):
            return read(text)
    return text


def _merge(into: dict[str, Any], tree: dict[str, Any]) -> None:
    for key, value in tree.items():
        old = into.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            _merge(cast(dict[str, Any], old), cast(dict[str, Any], value))
        else:
            into[key] = old + value if isinstance(value, list) and isinstance(old, list) else value


def plain(args: Sequence[str]) -> list[str]:
    """The arguments as argparse takes them: --a_b as --a-b, and the settings that --json.key=value or
    --json.list+=value make, as one JSON object."""
    found: list[str] = []
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
            found += ["--optimization-level", *filter(None, [arg[match.end() :]])]
        else:
            found.append(name + equals + value)
    return found + [word for name, tree in trees.items() for word in (name, json.dumps(tree))]


def combination_problem(parsed: argparse.Namespace) -> str | None:
    """What vLLM refuses right after parsing, in its words (`validate_parsed_serve_args` of cli_args.py)."""
    if parsed.enable_auto_tool_choice and not parsed.tool_call_parser:
        return "--enable-auto-tool-choice requires --tool-call-parser"
    if parsed.enable_log_outputs and not parsed.enable_log_requests:
        return "--enable-log-outputs requires --enable-log-requests"
    return None
