"""What a diagnosis is made of."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from .observed import Observed


class Sign(NamedTuple):
    """What was seen of a cause: of what, in whose words, since when. `more` is said beside it."""

    what: str
    said: str = ""
    since: datetime | None = None
    more: str = ""


Look = Callable[[Observed, str], Iterator[Sign]]
"""The signs of a cause for the model at `namespace/name`; none if it is not the cause."""


class Cause(NamedTuple):
    """One reason for which a model is not Ready.

    `next` is what to do, with `{namespace}` and `{name}` of the model. `entry` is the heading of
    docs/troubleshooting.md that has the whole of it. `passing`: it is on its way, and nothing is to be done. `around`:
    it is about what stands around the models, and is told of one that is Ready too.
    """

    name: str
    look: Look
    next: str
    entry: str
    passing: bool = False
    around: bool = False


class Finding(NamedTuple):
    """A cause that was found for a model."""

    model: str
    cause: Cause
    sign: Sign

    @property
    def next(self) -> str:
        """What to do."""
        namespace, name = self.model.split("/")
        return self.cause.next.format(namespace=namespace, name=name)
