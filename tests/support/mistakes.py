"""What a mistake in a stack file is, and how mistakes of a kind are drawn; hypothesis makes them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

SECRET = "hf_AbCdEf0123456789"  # noqa: S105 - made up
KEY = "sk-AbCdEf0123456789"

PREFIX = "gke-tpu-inference:"


class Bad(NamedTuple):
    """A mistake: its kind, where it is (a setting, or a field of the first model), and the value."""

    kind: str
    where: str
    value: Any


class Kind(NamedTuple):
    """A kind of mistake, and what makes them."""

    name: str
    mistakes: st.SearchStrategy[Bad]


def drawn(kind: str, where: str, values: st.SearchStrategy[Any]) -> Kind:
    """A kind with values of a strategy."""
    return Kind(f"{kind}, {where}".strip(", ."), values.map(lambda value: Bad(kind, where, value)))


def some(kind: str, where: str, *values: Any, form: Callable[[Any], Any] | None = None) -> Kind:
    """A kind with these values, each brought into a form."""
    listed = st.sampled_from(values)
    return drawn(kind, where, listed.map(form) if form else listed)


def examples(kind: Kind, count: int) -> list[Bad]:
    """So many mistakes of a kind, or as many as there are; the same in every run."""
    found: list[Bad] = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None)
    @given(kind.mistakes)
    def draw(bad: Bad) -> None:
        found.append(bad)

    draw()
    return found


def apply(values: dict[str, Any], bad: Bad) -> dict[str, Any]:
    """A configuration with a mistake in it."""
    if isinstance(bad.value, tuple):
        key, value = bad.value
        target = values["models"][0] if bad.where else values
        target[key] = value
    elif bad.where.startswith("models[0]."):
        values["models"][0][bad.where.partition(".")[2]] = bad.value
    else:
        values[bad.where.partition(".")[0]] = bad.value
    return values
