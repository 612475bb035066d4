"""How fast a model can be at the most on its chips: the roofline, in tokens a second.

A step takes at least as long as its chips need to read what it reads, and to multiply what it multiplies. Nothing else
is counted: not the all-reduces between chips, of which there are two a layer, not sampling, not the host. It is a bound
that no real run passes, and what one is to be compared with; it says nothing of how near one comes.
"""

from typing import NamedTuple

from infra.google import slices
from infra.settings import fit, parameters
from infra.settings.fit import Ask
from infra.settings.shape import Shape

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
    element = fit.ELEMENT[ask.dtype]
    stored = shape.quantization.bits / 8 if shape.quantization else element
    spared = parameters.experts(shape) * (1 - taken) * stored + (0 if shape.tied else _output(shape) * element)
    seeing = shape.tower.divided / ask.tensor_parallel + shape.tower.each if shape.tower else 0
    return fit.weights(shape, ask) - spared / ask.tensor_parallel - seeing * element


def _attended(shape: Shape, tokens: float) -> float:
    """Operations of one token that looks at so many, in all layers: with keys, and with values. Layers with a window
    are taken for such as look at everything, but where the others have heads of their own."""
    if shape.latent:
        return 2 * shape.layers * shape.heads * (2 * shape.latent.kv_rank + shape.latent.rope) * tokens
    whole = shape.whole.layers if shape.whole else 0
    numbers = (shape.layers - whole) * shape.head + (whole * shape.whole.head if shape.whole else 0)
    return 4 * shape.heads * numbers * tokens


def multiplied(shape: Shape, tokens: int, rows: int) -> int:
    """Operations of all chips with weights: so many tokens through the layers, and rows through the output layer.

    `make tpu-check` compares it with the compiler's own count, which has attention's kernels in it with nothing.
    """
    inner = parameters.active_parameters(shape) - _output(shape)
    return 2 * (tokens * inner + rows * _output(shape))


def decoding(shape: Shape, ask: Ask, batch: int, context: int) -> float:
    """Tokens a second of so many requests, each with so many tokens in the cache."""
    read = _read(shape, ask, batch) + batch * context * fit.token_bytes(shape, ask)
    flops = (multiplied(shape, batch, batch) + batch * _attended(shape, context)) / ask.tensor_parallel
    return batch / Step(read, flops).seconds


def prefill(shape: Shape, ask: Ask, context: int) -> float:
    """Tokens of prompts of this length a second. Only a prompt's last token goes through the output layer."""
    flops = (multiplied(shape, context, 1) + context * _attended(shape, context / 2)) / ask.tensor_parallel
    return context / Step(_read(shape, ask, context), flops).seconds


def through_layers(shape: Shape, ask: Ask) -> float:
    """Tokens a second, of prompts and answers together, that the matrix units can take through the layers, however
    many are in a step: weights alone, neither attention nor the output layer."""
    return slices.V6E.flops * ask.tensor_parallel / multiplied(shape, 1, 0)
