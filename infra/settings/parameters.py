"""Of how many numbers a model consists, and how tpu-inference divides them over chips.

What is counted is what the classes of tpu-inference 0.27.0 in `models/jax/` make, each named where it differs from the
others, and for the rest what vLLM's make. `make tpu-check` compares what the compiler can be given.
"""

from .architectures import FAMILIES
from .shape import Latent, Shape

LANES = 128
"""Numbers of a row of the TPU's memory, to which the size of a head is rounded up."""
SMALL_HEAD = 64
"""A head of this size has a kernel of its own, which keeps key and value side by side in one row."""


def padded(size: int, to: int) -> int:
    """A size rounded up to a multiple."""
    return -(-size // to) * to


def head_size(head: int) -> int:
    """A head's size as it is stored."""
    return head if head == SMALL_HEAD else padded(head, LANES)


def _latent(shape: Shape, latent: Latent) -> int:
    """Attention of a layer: `DeepseekV3BaseAttention` in models/jax/deepseek_v3.py."""
    queries = latent.q_rank * (shape.hidden + shape.heads * (latent.nope + latent.rope))
    keys = shape.hidden * (latent.kv_rank + latent.rope)
    return (
        queries
        + keys
        + latent.kv_rank * shape.heads * (latent.nope + latent.value)
        + shape.heads * latent.value * shape.hidden
    )


def attention(shape: Shape, kv_heads: int, head: int) -> int:
    """The matrices of attention, and the biases of queries, keys and values, in all layers."""
    if shape.latent:
        return shape.layers * _latent(shape, shape.latent)
    whole = shape.whole.layers if shape.whole else 0
    numbers = (shape.layers - whole) * 2 * shape.hidden * head * (shape.heads + kv_heads)
    if shape.whole:  # `Gemma4Attention` in models/jax/gemma4.py
        pairs = 2 * shape.heads + shape.whole.matrices * shape.whole.kv_heads
        numbers += whole * shape.hidden * shape.whole.head * pairs
    bias = head * (shape.heads + 2 * kv_heads) if FAMILIES[shape.architecture].qkv_bias else 0
    return numbers + shape.layers * bias


def experts(shape: Shape) -> int:
    """The matrices of all experts, in all layers."""
    return (shape.layers - shape.dense_layers) * 3 * shape.hidden * shape.intermediate * shape.experts


def mlp(shape: Shape) -> int:
    """The matrices of what is no expert, in all layers."""
    width = shape.beside if shape.experts else shape.intermediate
    return 3 * shape.hidden * ((shape.layers - shape.dense_layers) * width + shape.dense_layers * shape.dense)


def _small(shape: Shape, head: int) -> int:
    """Norms, routers, and the biases of some: what each chip has, in all layers."""
    family, mixed = FAMILIES[shape.architecture], shape.layers - shape.dense_layers if shape.experts else 0
    whole = shape.whole.layers if shape.whole else 0
    heads = (shape.layers - whole) * head + (whole * shape.whole.head if shape.whole else 0)
    norms = shape.layers * (family.norms * shape.hidden + family.scalars)
    ranks = shape.layers * (shape.latent.q_rank + shape.latent.kv_rank) if shape.latent else 0
    router = mixed * (shape.experts * (shape.hidden + family.expert_scalars) + family.router_norms * shape.hidden)
    biases = shape.layers * (shape.hidden + shape.heads) + mixed * shape.experts * (
        2 * shape.intermediate + shape.hidden
    )
    return norms + (2 * heads if family.qk_norm else 0) + ranks + router + (biases if family.biased else 0)


def divided(shape: Shape, kv_heads: int, head: int) -> tuple[int, int]:
    """Numbers that are divided over the chips, and those that each chip has, with so many KV heads of such a size."""
    embeddings = shape.vocabulary * shape.hidden
    output = 0 if shape.tied else embeddings
    spread = attention(shape, kv_heads, head) + experts(shape) + mlp(shape) + embeddings
    each = _small(shape, head) + shape.hidden
    if shape.tower:
        spread, each = spread + shape.tower.divided, each + shape.tower.each
    whole_head = FAMILIES[shape.architecture].whole_head
    return (spread, each + output) if whole_head else (spread + output, each)


def parameters(shape: Shape) -> int:
    """Numbers that a model consists of, as it is published."""
    return sum(divided(shape, shape.kv_heads, shape.head))


def active_parameters(shape: Shape) -> int:
    """Numbers that a token is multiplied with: of experts those that it takes, of embeddings the output's alone, and
    nothing of what sees images."""
    return parameters(shape._replace(experts=shape.experts_a_token, tied=True, tower=None))
