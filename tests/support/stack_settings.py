"""The dev stack's configuration as the engine hands it to the program, changed, and what is said about it.

A change is written the way `pulumi config set --path` writes it: `models[0].name`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra.settings.configuration import SettingsError
from infra.settings.load import parse

from .project import defaults, stack_file

REMOVED = object()
"""In place of the value of a setting that is taken out."""

Values = dict[str, Any]


def stack(changes: Values | None = None) -> Values:
    """The dev stack's configuration, once a project is set, with changes."""
    values = {**defaults(), "gcp:project": "my-project", **stack_file("dev")}
    for path, value in (changes or {}).items():
        of_model = re.fullmatch(r"models\[0\]\.(\w+)", path)
        target, key = (values["models"][0], of_model[1]) if of_model else (values, path)
        target[key] = value
        if value is REMOVED:
            del target[key]
    return values


def model(**fields: Any) -> Values:
    """An entry of `models`."""
    return {"namespace": "apps", "uri": "hf://Qwen/Qwen3-8B", **fields}


def problems(values: Values) -> list[str]:
    """The lines of the error that these settings get, without its header."""
    with pytest.raises(SettingsError) as error:
        parse(values)
    return [line.removeprefix("  ") for line in str(error.value).splitlines()[1:]]


def refused(bad: Mapping[str, tuple[Values, str]]) -> Callable[..., None]:
    """A test of each: with these changes, the stack gets this line and no other."""

    @pytest.mark.parametrize(("changes", "line"), bad.values(), ids=bad)
    def test(changes: Values, line: str) -> None:
        assert problems(stack(changes)) == [line]

    return test


def accepted(good: Mapping[str, Values]) -> Callable[..., None]:
    """A test of each: with these changes, there is no problem."""

    @pytest.mark.parametrize("changes", good.values(), ids=good)
    def test(changes: Values) -> None:
        parse(stack(changes))

    return test
