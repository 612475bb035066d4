"""The flags that a stack file adds to the program's: those that vLLM takes, and that `flag_rules` allows."""

import argparse
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import NoReturn

from .flag_rules import reason, value_problem
from .flags import FLAGS, RELEASE, add_flags, combination_problem, plain

SECRET = {"--api-key", "--hf-token"}
"""What is not shown."""


class _RefusedError(Exception):
    """What argparse has to say."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _RefusedError(message)


@cache
def _parser() -> _Parser:
    parser = _Parser(prog="vllm serve", add_help=False)
    add_flags(parser)
    return parser


@cache
def _names() -> dict[str, str]:
    """Every way to write a flag whole, with the flag that it is."""
    names = {name: name for name in FLAGS}
    names |= {f"--no-{name[2:]}": name for name, flag in FLAGS.items() if flag["type"] == "bool"}
    return names | {flag["short"]: name for name, flag in FLAGS.items() if "short" in flag}


def _meant(word: str) -> dict[str, str]:
    """The names that argparse takes a word for, with their flags: itself, or those that it is the beginning of."""
    names = _names()
    if word in names:
        return {word: names[word]}
    if re.match("-O", word):
        return {"--optimization-level": "--optimization-level"}
    if not word.startswith("--") and word[:2] in names:  # -n2 is -n=2
        return {word[:2]: names[word[:2]]}
    return {name: flag for name, flag in names.items() if name.startswith(word)}


def _is_value(word: str) -> bool:
    """Whether argparse takes a word for a value, or for what stands alone, and not for a flag."""
    return not word.startswith("-") or word == "-" or bool(re.fullmatch(r"-(\d+|\d*\.\d+)", word))


def _unknown(word: str, meant: dict[str, str]) -> str:
    if len(meant) > 1:
        several = list(meant)[:5] + ["..."] * (len(meant) > 5)
        return f"contains {word}, which may be {', '.join(several)}. Write the whole name."
    near = get_close_matches(word, [name for name, flag in _names().items() if not reason(flag)], 1, 0.75)
    hint = f"Did you mean {near[0]}? Change it" if near else "Change it to one of `vllm serve --help=all`"
    return f"contains {word}, which vLLM {RELEASE} does not know. {hint}, or remove it."


def _name(word: str) -> str:
    """The flag in a word, without its value and the key in it."""
    name = re.split(r"[=\s]", word, maxsplit=1)[0].split(".")[0]
    return name.replace("_", "-") if name.startswith("--") else name


def _flag_problem(word: str) -> tuple[str | None, float]:
    """What is wrong with a flag, and how many words behind it are its values."""
    head, equals, value = word.partition("=")
    name, *spaced = re.split(r"\s", head, maxsplit=1)
    name = _name(name)
    if name == "--":
        return "contains --, which ends the flags. Remove it.", float("inf")
    meant = _meant(name)
    if name == "-h" or (not meant and "--help".startswith(name)):
        return f"contains {name}, with which vLLM prints its flags and exits. Remove it.", 0
    flags = set(meant.values())
    if len(flags) != 1:
        return _unknown(name, meant), 1
    [flag] = flags
    alone = FLAGS[flag]["type"] in ("bool", "store_true")
    problem = None
    if why := reason(flag):
        problem = f"contains {name}. Remove it: {why}."
    elif spaced:
        whole = f"{name}={spaced[0]}{equals}{value}"
        problem = f"contains {word!r}, a flag and its value in one. Write {whole!r}."
    elif equals and alone:
        problem = f"contains {name} with a value, and it takes none. Write {name}, or leave it out."
    room = float("inf") if FLAGS[flag].get("nargs") == "+" else 1
    return problem, 0 if equals or spaced or alone else room


def _word_problem(word: str) -> str | None:
    if "{{" in word:
        return template_problem(word)
    if "\0" in word:
        return f"contains {word!r}, and no command line can hold its NUL. Remove that character."
    return None


def template_problem(value: str) -> str | None:
    """What KServe would make of a text that looks like a template, and the way out."""
    if "{{" not in value:
        return None
    return (
        f"contains {value!r}, and KServe would run its {{{{ as a template. Write JSON with a space between braces "
        "({ {), and leave templates out."
    )


def problems(args: Sequence[str]) -> Iterator[str]:
    """What is wrong with the flags that a stack file adds: each that vLLM would not know, that is not allowed, or whose
    value is not, and what vLLM's parser would refuse."""
    found: list[str] = []
    room: float = 0
    hush = False
    for i, word in enumerate(args):
        if hush and _name(word) not in _names():
            continue  # behind a flag for a secret, whatever is not a flag may be the secret
        problem = _word_problem(word)
        if _is_value(word):
            if not room and not problem:
                problem = (
                    f"contains {word!r}, which belongs to no flag. Remove it, or write it as the value of one, like "
                    "--max-num-seqs=64."
                    if i
                    else f"begins with {word!r}, which is not a flag. Begin with one, like --max-num-seqs=64."
                )
            room = max(0, room - 1)
        else:
            of_flag, room = _flag_problem(word)
            problem, hush = of_flag or problem, secret([word])
        found += [problem] if problem else []
    yield from found or _refused(args)


def _refused(args: Sequence[str]) -> Iterator[str]:
    """What vLLM's parser refuses though it knows every flag, or the values that are not allowed, as it reads them."""
    why = None
    try:
        flags = parsed(args)
        why = combination_problem(flags)
        if flags.api_server_count is not None and flags.api_server_count < 1:
            why = f"--api-server-count is {flags.api_server_count}, and without one nothing answers"
        values = {f"--{name.replace('_', '-')}": value for name, value in vars(flags).items() if value is not None}
        yield from filter(None, (value_problem(flag, value) for flag, value in values.items()))
    except _RefusedError as refused:
        why = str(refused).rstrip(".")
    except (ValueError, TypeError, RecursionError):  # JSON of another shape than a flag wants
        why = "a value is not of the shape that its flag wants"
    if why:
        yield f"is refused by vLLM {RELEASE}: {why}. Change it, or remove the flag."


def parsed(args: Sequence[str]) -> argparse.Namespace:
    """Flags that have no `problems`, as vLLM reads them: by name, None where one is not given."""
    return _parser().parse_args(plain(args))


def secret(args: Sequence[object]) -> bool:
    """Whether flags hold what should not be shown: a key or a token, or what may be one."""
    for word in args:
        head = re.split(r"[=\s.]", str(word), maxsplit=1)[0].replace("_", "-")
        if not head.strip("-") or not head.startswith("-") or (head in FLAGS and head not in SECRET):
            continue
        if SECRET & set(_meant(head).values()):
            return True
        if re.search("(?i)token|secret|passw|credential|auth|key", head):
            return True
    return False
