"""What of a model decides how much memory it takes, as plain numbers: sizes are numbers of elements."""

from typing import NamedTuple

from .architectures import NATIVE


class Whole(NamedTuple):
    """Attention of layers that look at everything, where the others look at a window only and have other heads.
    `matrices` is 1 where the keys are the values too."""

    layers: int
    kv_heads: int
    head: int
    matrices: int


class Latent(NamedTuple):
    """Multi-head latent attention: queries, and keys with values, go through a narrow layer each, and of a token the
    cache keeps what leaves the second one, `kv_rank` numbers, with a position of `rope`."""

    q_rank: int
    kv_rank: int
    nope: int
    rope: int
    value: int


class Tower(NamedTuple):
    """What sees images, beside the decoder: numbers that the chips divide, and those that each has. `divides` is a
    dimension that the chips have to divide."""

    divided: int
    each: int
    divides: int


class Quantization(NamedTuple):
    """How weights are stored: `method` as vLLM calls it, and bits of a number, without its scales. `experts` is whether
    those of the experts alone are stored so."""

    method: str
    bits: int
    experts: bool = False


class Shape(NamedTuple):
    """A decoder: `layers`, each of attention and a gated MLP, and what some have instead or beside that.

    `intermediate` is the width of the MLP, or of each of `experts` if there are any, of which a token takes
    `experts_a_token`, beside an MLP as wide as `beside`. The `dense_layers` have no experts, but an MLP of `dense`.
    `length` is the longest context that the model was made for, in tokens.
    """

    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head: int
    intermediate: int
    vocabulary: int
    length: int
    tied: bool
    experts: int = 0
    experts_a_token: int = 0
    beside: int = 0
    dense_layers: int = 0
    dense: int = 0
    whole: Whole | None = None
    latent: Latent | None = None
    tower: Tower | None = None
    quantization: Quantization | None = None

    @property
    def native(self) -> bool:
        """Whether tpu-inference has a class of its own for it."""
        return self.architecture in NATIVE
