"""Every known model that the compiler can be given, each once, on the smallest slice that it fits."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.settings import fit
from infra.settings.context import Context
from infra.settings.fit import Ask
from infra.settings.fitting import start_problem
from infra.settings.model import Model
from infra.settings.model_config import shape
from infra.settings.shape import Shape

from .cases import Case, CaseError, case_of
from .families import FAMILIES

LENGTH = 4096
"""Tokens of the longest context that models are asked for here, if they were made for so many."""


def alike(models: Mapping[str, dict[str, Any]]) -> dict[Shape, list[str]]:
    """The models that can be compiled and start, by their shape, which many share."""
    found: dict[Shape, list[str]] = {}
    for repository, facts in models.items():
        if FAMILIES.keys().isdisjoint(facts["architectures"]):
            continue
        of = shape(facts)
        if not start_problem(of):
            found.setdefault(of._replace(length=min(LENGTH, of.length)), []).append(repository)
    return found


def _case(repository: str, of: Shape) -> Case | CaseError | None:
    """The case of a model, or nothing if it fits no slice."""
    place = fit.smallest(of, Ask(1), fit.places())
    if place is None:
        return None
    asked = {"name": "model", "namespace": "models", "uri": f"hf://{repository}", "dtype": "bfloat16"}
    asked |= {"maxModelLen": of.length, "tensorParallelSize": place.tensor_parallel}
    try:
        return case_of(Model.model_validate(asked, context=Context(place.slice.name, 1)), place.slice)
    except CaseError as error:
        return error


def cases(models: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, Case | CaseError]]:
    """Each model, with all that are like it named, and its case. What fits no slice is left out."""
    for of, repositories in alike(models).items():
        if found := _case(repositories[0], of):
            yield ", ".join(repositories), found
