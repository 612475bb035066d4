"""How long each part takes: the rows of durations.yaml."""

from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

FILE = Path(__file__).with_name("durations.yaml")


class UnknownError(Exception):
    """A resource has no row; the message says where to add one."""


class Bounds(BaseModel):
    """Seconds, at the least and at the most, with the reason for them and its source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    high: float
    why: str
    source: str

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}: they are no bounds")
        return self


class OfResource(Bounds):
    """How long resources of a type take, with a name those of that name alone; both may be patterns, with `*`."""

    type: str
    name: str = ""


class Durations(BaseModel):
    """The whole file: rows for resources, and for what goes on in the cluster by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resources: tuple[OfResource, ...]
    cluster: Mapping[str, Bounds]

    def of(self, resource: Mapping[str, Any]) -> Bounds:
        """The row of a resource of the state: of its type and name, of its type, or the first pattern that fits.
        Raises `UnknownError`."""
        kind, name = resource["type"], resource["urn"].split("::")[-1]
        rows = [row for row in self.resources if fnmatch(kind, row.type) and fnmatch(name, row.name or "*")]
        if not rows:
            raise UnknownError(f"{kind} {name} has no row in {FILE.name}: add how long it takes, and the source")
        return max(rows, key=lambda row: (bool(row.name), row.type == kind))


@cache
def durations() -> Durations:
    """The file as it stands. Raises `pydantic.ValidationError` for what is not a row."""
    return Durations.model_validate(yaml.safe_load(FILE.read_text()))
