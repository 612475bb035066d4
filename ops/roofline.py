"""How fast a model can be at the most on its chips: the roofline, in tokens a second.

A step takes at least as long as its chips need to read what it reads, and to multiply what it multiplies. Nothing else
is counted: not the all-reduces between chips, of which there are two a layer, not sampling, not the host. It is a bound
that no real run passes, and what one is to be compared with; it says nothing of how near one comes.
"""

from typing import NamedTuple

from infra.google import slices
from infra.settings import fit
from infra.settings.fit import Ask
from infra.settings.model_config import Shape

BATCHES = (1, 64, 256)
"""Requests that are decoded at once."""


class Step(NamedTuple):
    """What a step reads of each chip's memory, in bytes, and multiplies on each chip, in operations."""

    read: float
    flops: float

    @property
    def seconds(self) -> float:
        """The time that neither memory nor matrix units can do it in less."""
        return max(self.read / slices.V6E.bandwidth, self.flops / slices.V6E.flops)


def _output(shape: Shape) -> int:
    return shape.vocabulary * shape.hidden


def _read(shape: Shape, ask: Ask, batch: int) -> float:
    """Bytes of weights that a step reads: of embeddings only some rows, of experts those that any request takes, which
    are spread evenly over the requests here."""
    taken = 1 - (1 - shape.experts_a_token / shape.experts) ** batch if shape.experts else 1
    experts = shape.layers * 3 * shape.hidden * shape.intermediate * shape.experts
    spared = experts * (1 - taken) + (0 if shape.tied else _output(shape))
    return fit.weights(shape, ask) - spared / ask.tensor_parallel * fit.ELEMENT[ask.dtype]


def _attended(shape: Shape, tokens: float) -> float:
    """Operations of one token that looks at so many, in all layers: with keys, and with values."""
    return 4 * shape.layers * shape.heads * shape.head * tokens


def decoding(shape: Shape, ask: Ask, batch: int, context: int) -> float:
    """Tokens a second of so many requests, each with so many tokens in the cache."""
    read = _read(shape, ask, batch) + batch * context * fit.token_bytes(shape, ask)
    flops = batch * (2 * fit.active_parameters(shape) + _attended(shape, context)) / ask.tensor_parallel
    return batch / Step(read, flops).seconds


def prefill(shape: Shape, ask: Ask, context: int) -> float:
    """Tokens of prompts of this length a second. Only a prompt's last token goes through the output layer."""
    inner = fit.active_parameters(shape) - _output(shape)
    flops = (context * (2 * inner + _attended(shape, context / 2)) + 2 * _output(shape)) / ask.tensor_parallel
    return context / Step(_read(shape, ask, context), flops).seconds
