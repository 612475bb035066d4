"""The configuration of a stack: how it is read, and one message for all that is wrong with it.

Names, types, defaults and descriptions stand in Pulumi.yaml, and the engine refuses a scalar of the wrong type before
the program runs. Everything else is checked before any resource is declared. `bootstrap` reads its own in this way.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from typing import Any, NamedTuple, TypeVar, cast

import pulumi
from pydantic import BaseModel, ValidationError

from .explain import PROVIDERS, line, problem

NEAR = 0.8
"""How much of a namespace's letters are those of the project's, from 0 to 1, if it is a slip of the pen."""

Settings = TypeVar("Settings", bound=BaseModel)


class SettingsError(pulumi.RunError):
    """Every problem of a stack's configuration, one a line. A `RunError`, so that the engine prints no traceback."""


class Configuration(NamedTuple):
    """The values by the settings' names, which of them are encrypted, and the keys of other namespaces."""

    values: dict[str, Any]
    secrets: set[str]
    others: list[str]


def read(structured: Collection[str]) -> Configuration:
    """The configuration of the running stack. The engine passes all of it as text, what is `structured` as JSON."""
    prefix = f"{pulumi.get_project()}:"
    config = {**pulumi.runtime.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    values: dict[str, Any] = {k.removeprefix(prefix): v for k, v in config.items() if k.startswith(prefix)}
    for key in structured & values.keys():
        with suppress(ValueError, RecursionError):  # what is not JSON stays text, which is refused by name
            values[key] = json.loads(values[key])
    values |= {k: v for k, v in config.items() if k.startswith(PROVIDERS) and k != "gcp:disableGlobalProjectWarning"}
    secrets = {k for k in values if pulumi.runtime.is_config_secret(k if k in config else prefix + k)}
    return Configuration(values, secrets, [k for k in config if not k.startswith((prefix, *PROVIDERS))])


def _half_characters(value: object) -> bool:
    """Whether a text has half of a character that UTF-16 would write as two, which is no text for any other program."""
    if isinstance(value, str):
        return any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return any(map(_half_characters, (x for kv in cast(dict[Any, Any], value).items() for x in kv)))
    return isinstance(value, list) and any(map(_half_characters, cast(list[Any], value)))


def sound(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are text through and through."""
    return {key: value for key, value in values.items() if not _half_characters([key, value])}


def check(
    cls: type[Settings],
    values: Mapping[str, Any],
    *,
    secrets: Collection[str] = (),
    parts: Mapping[str, type[BaseModel]] = {},
    context: object = None,
) -> tuple[Settings | None, list[str]]:
    """The settings of a class, if they can be made of the values, and what is wrong, a line for each problem.

    The values of `secrets` are not shown. `parts` are the classes of settings that have settings of their own.
    """
    good = sound(values)
    broken = values.keys() - good.keys()
    problems = [f"{key}: holds half a character (of a pair like \\ud83d\\ude00). Write the whole." for key in broken]
    try:
        return cls.model_validate(good, context=context), problems
    except ValidationError as failed:
        return None, problems + [
            problem(error, secrets, {"": cls, **parts})
            for error in failed.errors(include_url=False)
            if not (error["type"] == "missing" and error["loc"][0] in broken)
        ]


def misplaced(keys: Iterable[str], project: str) -> Iterator[str]:
    """Why some keys of other namespaces are probably meant to be the project's, and the way out."""
    for key in keys:
        namespace, _, name = key.partition(":")
        if SequenceMatcher(None, namespace.lower().replace("_", "-"), project).ratio() >= NEAR:
            yield (
                f"{key}: is no setting of this project, whose namespace is {project}. Write {project}:{name}, or "
                "remove it."
            )


def refused(stack: str, problems: Collection[str]) -> SettingsError:
    """The error that tells all problems of a stack file."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = "\n".join(f"  {line(p)}" for p in problems)
    return SettingsError(f"Pulumi.{stack}.yaml has {count}; nothing was changed.\n{lines}")
