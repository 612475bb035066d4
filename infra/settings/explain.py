"""How a problem of a stack file is told: one line, nothing secret in it, nothing invisible."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from . import extra_args

PROJECT_KEY = "gcp:project"
STACK_KEY = "pulumi:stack"
"""What the settings have the stack's name under, which no file sets."""
PROVIDERS = ("gcp:", "kubernetes:")

HIDDEN = "[secret]"
LONGEST = 400
"""Characters of a value that are shown."""

_SECRET_NAME = re.compile(r"token|secret|passw|credential|api[-_]?key", re.IGNORECASE)
_SECRETS = (
    # user, token or password of a URL, but not the name of an image before its digest
    (re.compile(r"://[^\s\"']*@(?!sha[0-9]+:)"), f"://{HIDDEN}@"),
    (re.compile(r"(?<![^\s\"'(])[^\s\"'/:@]+:[^\s\"'/@]+@(?!sha[0-9]+:)"), f"{HIDDEN}@"),
    (re.compile(r"\b(Bearer|Basic) [^\s\"']+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # in JSON, which may stand in JSON
    (
        re.compile(
            r"((?:token|secret|passw|credential|api_?key)[\w-]*\\*[\"']\s*:\s*\\*[\"'])[^\"'\\]+", re.IGNORECASE
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"([?&;][\w-]*(?:token|key|secret|passw\w*|sig\w*)=)[^\s&\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # Hugging Face, OpenAI and others, GitHub, GitLab, Slack, AWS, Google, JSON web tokens, keys in PEM
    (
        re.compile(
            r"(?<![\w-])(?:(?:hf_|api_org_|sk-|gh[pousr]_|github_pat_|glpat-|xox[abp]-)[\w-]{4,}"
            r"|AKIA[A-Z0-9]{12,}|AIza[\w-]{20,}|ya29\.[\w.-]+|eyJ[\w-]{8,}\.[\w.-]+)"
        ),
        HIDDEN,
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", re.DOTALL), HIDDEN),
    (
        re.compile(
            r"((?<![\w-])(?!--secret\b)--?[\w-]*(?:api[-_]k|hf[-_]t|secret|passw|credential)[\w-]*[= ]\s*[\"']?)"
            r"[^\s\"']+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)


def printable(text: str) -> str:
    """The text with what a terminal does not show, or shows elsewhere, written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def masked(text: str) -> str:
    """The text without what looks like a secret."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _without_secrets(value: Any) -> Any:
    """A value without what stands under the name of a secret."""
    if isinstance(value, dict):
        entries = cast(dict[Any, Any], value).items()
        return {k: HIDDEN if _SECRET_NAME.search(str(k)) else _without_secrets(v) for k, v in entries}
    if isinstance(value, list | tuple):
        return [_without_secrets(v) for v in cast(list[Any], value)]
    return value


def shown(value: Any) -> str:
    """A value as JSON, as much of it as may be seen and is worth it."""
    try:
        text = masked(json.dumps(_without_secrets(value), default=str, ensure_ascii=False))
    except (RecursionError, ValueError):
        return "what it holds"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def line(text: str) -> str:
    """A problem as it is printed."""
    return printable(masked(text))


def listed(values: Iterable[Any]) -> str:
    """The values, one after the other."""
    return ", ".join(str(v) for v in values)


MOST = 10
"""Problems of one list that are told."""


def refuse(problems: Iterable[str | None]) -> None:
    """Raise one `ValueError` with all the problems that a list has, if it has any."""
    found = [problem for problem in problems if problem]
    more = [f"has {len(found) - MOST} more problems."] if len(found) > MOST else []
    if found:
        raise ValueError(" It also ".join(found[:MOST] + more))


_PROBLEMS = {
    "bool_parsing": "is neither true nor false. Use one of them.",
    "dict_type": "is not a mapping. Write `key: value` lines.",
    "greater_than_equal": "is too small. Use {ge} or more.",
    "int_from_float": "is not a whole number. Use one, without quotes.",
    "int_parsing": "is not a whole number. Use one, without quotes.",
    "int_parsing_size": "is not a whole number of a size that anything has. Use one, without quotes.",
    "int_type": "is not a whole number. Use one, without quotes.",
    "less_than_equal": "is too large. Use {le} or less.",
    "literal_error": "is not allowed. Use one of {expected}.",
    "model_type": "is not a mapping. Write `key: value` lines.",
    "string_type": "is not text. Put it in quotes.",
    "tuple_type": "is not a list. Write one, even for a single value.",
    "value_error": "{error}",
}
"""What is wrong and what to do about it, by pydantic's type of error."""


def place(parts: Iterable[int | str]) -> str:
    """Where a value stands, as `pulumi config set --path` has it: `models[0].name`."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")


def problem(error: ErrorDetails, secrets: Collection[str], parts: Mapping[str, type[BaseModel]]) -> str:
    """A problem that pydantic found, as: setting: value what is wrong and what to do.

    The values of the settings in `secrets` are not shown. `parts` are the classes of what has settings of its own, by
    its name; that of the whole has none.
    """
    where = place(error["loc"])
    if error["type"] == "missing" and where == PROJECT_KEY:
        return f"{where}: is not set. Run `pulumi config set {PROJECT_KEY} PROJECT_ID` with the project to deploy to."
    if error["type"] == "missing":
        return f"{where}: is required. Add it."
    if error["type"] == "extra_forbidden" and where.startswith(PROVIDERS):
        return (
            f"{where}: has no effect, as the program configures its providers itself. Remove it, and use an "
            "environment variable of the provider if you need it, like GOOGLE_IMPERSONATE_SERVICE_ACCOUNT."
        )
    if error["type"] == "extra_forbidden":
        path = [str(p) for p in error["loc"]]
        known = fields(next((parts[p] for p in reversed(path[:-1]) if p in parts), parts[""]))
        near = get_close_matches(path[-1], known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"Allowed: {listed(known)}."
        return f"{where}: there is no such setting. {hint} Change its name, or remove it."
    told = _PROBLEMS.get(error["type"], "is not valid: {msg}. Change it.").format(
        msg=error["msg"], **error.get("ctx", {})
    )
    value = error["input"]
    given = cast(list[object], value) if isinstance(value, list | tuple) else [value]
    encrypted = where.split(".")[0].split("[")[0] in secrets
    if encrypted and error["type"] == "value_error":  # its words may hold the value
        told = "is not right, and what is wrong with it cannot be told without it. Set it without `--secret` to see."
    hidden = encrypted or extra_args.secret(given)
    return f"{where}: {HIDDEN if hidden else shown(value)} {told}"


def fields(cls: type[BaseModel]) -> list[str]:
    """The names of a class's settings, as a stack file has them."""
    return [f.alias or name for name, f in cls.model_fields.items() if f.alias != STACK_KEY]
