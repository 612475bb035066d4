"""Whether a model fits a slice: what vLLM will make of the memory of its chips, before there are any.

The arithmetic is that of tpu-inference 0.27.0: `models/jax/` for the weights, `get_kv_cache_spec` in
`runner/kv_cache_manager.py` and `get_kv_cache_shape` of its two attention kernels for the cache, and
`determine_available_memory` in `worker/tpu_worker.py` for what is left to it. `make tpu-check` compares it with the
TPU compiler's own. It knows nothing of what a step needs beside weights and cache: that has to fit what
`--gpu-memory-utilization` leaves free, which only the compiler can tell.

Bytes are those of one chip. A model runs on as many chips as its tensor parallelism says, however many a slice has.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from infra.google import slices

from .architectures import FAMILIES
from .model_config import Shape

ELEMENT = {"bfloat16": 2, "float": 4, "float32": 4}
"""Bytes of a number, by the dtypes that reach vLLM. The cache has that of the model."""

MAX_NUM_SEQS = 256
GPU_MEMORY_UTILIZATION = 0.92
"""vLLM's defaults on v6e: EngineArgs.DEFAULT_MAX_NUM_SEQS and CacheConfig in the package vllm-tpu 0.27.0."""

LANES = 128
"""Numbers of a row of the TPU's memory, to which the size of a head is rounded up."""
SMALL_HEAD = 64
"""A head of this size has a kernel of its own, which keeps key and value side by side in one row."""


class Ask(NamedTuple):
    """What vLLM is started with. `length` is the longest context in tokens, `requests` the most at once, `utilization`
    the share of a chip's memory that it may take, `page` the tokens of a block of the cache: None is vLLM's own."""

    tensor_parallel: int
    dtype: str = "bfloat16"
    length: int | None = None
    requests: int = MAX_NUM_SEQS
    utilization: float = GPU_MEMORY_UTILIZATION
    page: int | None = None


class Fit(NamedTuple):
    """How a chip's memory is divided, in bytes and tokens. `length` is the longest context that is asked for,
    `longest` the one that the cache can hold, at most the model's own. `problem` is why vLLM will not start, if so.

    `exact` is whether weights and cache are as tpu-inference makes them. Else the model runs through torchax, and both
    are what it takes at the least, so that a problem is one all the same.
    """

    usable: int
    weights: int
    token: int
    cache_tokens: int
    page: int
    length: int
    longest: int
    requests: int
    exact: bool
    problem: str | None

    def at_once(self, length: int) -> int:
        """How many requests of a length run at once; a further one waits."""
        pages = -(-length // self.page)
        return min(self.requests, self.cache_tokens // self.page // pages)


def page_size(longest: int, requests: int) -> int:
    """Tokens in a block of the cache, unless it is set, for the longest context and the most requests at once.

    See `get_page_size` and `get_min_page_size` in tpu_inference/layers/vllm/backends/flash_attn.py.
    """
    page = 16 if longest > 8192 else min(max((1 << (longest - 1).bit_length()) // 16, 16), 256)
    fewest = math.ceil(longest / (1024 * 1024 // 2 // requests // 4))  # scalar memory holds so many blocks of a request
    return max(page, 1 << (fewest - 1).bit_length())


def _padded(size: int, to: int) -> int:
    return -(-size // to) * to


def head_size(head: int) -> int:
    """A head's size as it is stored."""
    return head if head == SMALL_HEAD else _padded(head, LANES)


def parameters(shape: Shape) -> int:
    """Numbers that a model consists of, as it is published."""
    whole, each = _parameters(shape, shape.kv_heads, shape.head)
    return whole + each


def active_parameters(shape: Shape) -> int:
    """Numbers that a token is multiplied with: of experts those that it takes, of embeddings the output's alone."""
    return parameters(shape._replace(experts=shape.experts_a_token, tied=True))


def _parameters(shape: Shape, kv_heads: int, head: int) -> tuple[int, int]:
    """Numbers that are divided over the chips, and those that each chip has."""
    family = FAMILIES[shape.architecture]
    attention = 2 * shape.hidden * head * (shape.heads + kv_heads)
    bias = head * (shape.heads + 2 * kv_heads) if family.qkv_bias else 0
    mlp = 3 * shape.hidden * shape.intermediate * (shape.experts or 1)
    embeddings = shape.vocabulary * shape.hidden
    output = 0 if shape.tied else embeddings
    norms = family.norms * shape.hidden + (2 * head if family.qk_norm else 0)
    router = shape.hidden * shape.experts
    divided = shape.layers * (attention + bias + mlp) + embeddings
    each = shape.layers * (norms + router) + shape.hidden
    return (divided, each + output) if family.whole_head else (divided + output, each)


def weights(shape: Shape, ask: Ask) -> int:
    """Bytes of weights on a chip. tpu-inference's own classes give each chip a KV head of its own, and pad heads."""
    chips = ask.tensor_parallel
    if shape.native:
        divided, each = _parameters(shape, max(shape.kv_heads, chips), head_size(shape.head))
    else:
        divided, each = parameters(shape), 0
    return (divided // chips + each) * ELEMENT[ask.dtype]


def token_bytes(shape: Shape, ask: Ask) -> int:
    """Bytes of cache on a chip for one token, in all layers: keys and values of the chip's KV heads, at least one, in
    words of 32 bits."""
    element = ELEMENT[ask.dtype]
    heads = max(shape.kv_heads, ask.tensor_parallel) // ask.tensor_parallel
    rows = heads if shape.head == SMALL_HEAD else 2 * heads
    row = LANES if shape.head == SMALL_HEAD else head_size(shape.head)
    return shape.layers * _padded(rows, 4 // element) * row * element


def indivisible(shape: Shape, chips: int) -> str | None:
    """Why a model cannot be divided over so many chips.

    Heads: `verify_with_parallel_config` in vllm/config/model.py. KV heads: `get_padded_num_heads` in
    tpu_inference/utils.py, where one has to divide the other. The MLP: jax cuts a dimension into equal parts.
    """
    if shape.heads % chips:
        return f"its {shape.heads} heads cannot be divided over {chips} chips"
    if max(shape.kv_heads, chips) % min(shape.kv_heads, chips):
        return f"its {shape.kv_heads} KV heads cannot be divided over {chips} chips"
    if shape.native and shape.intermediate % chips:
        return f"its MLP of {shape.intermediate} cannot be divided over {chips} chips"
    return None


def gib(size: float) -> str:
    """Bytes for people."""
    return f"{size / 2**30:.2f} GiB"


def _problem(shape: Shape, ask: Ask, found: Fit) -> str | None:
    memory = (
        f"its weights take {gib(found.weights)} of a chip (tensor parallelism {ask.tensor_parallel}, {ask.dtype}), of "
        f"which vLLM may use {gib(found.usable)}"
    )
    if found.weights >= found.usable:
        return memory
    if found.longest < found.length and not FAMILIES[shape.architecture].sliding:
        return (
            f"{memory}, and the rest holds {found.longest} tokens of {found.token / 1024:g} KiB, fewer than the "
            f"{found.length} of its longest context"
        )
    return None


def _longest(ask: Ask, cache: int, token: int, most: int) -> int:
    """The longest context that so much cache holds: the size of a page depends on it, so it is asked twice."""
    longest = min(cache // token, most)
    for _ in range(2):
        page = ask.page or page_size(max(longest, 1), ask.requests)
        longest = min(cache // (token * page) * page, most)
    return longest


def fit(shape: Shape, ask: Ask) -> Fit:
    """What becomes of the memory of a chip."""
    usable = int(slices.V6E.memory * ask.utilization)
    length = ask.length or shape.length
    page = ask.page or page_size(length, ask.requests)
    held, token = weights(shape, ask), token_bytes(shape, ask)
    cache = max(usable - held, 0)
    exact = shape.native and not FAMILIES[shape.architecture].sliding
    tokens = cache // (token * page) * page
    most = max(shape.length, length)
    longest = max(_longest(ask, cache, token, most), min(tokens, most))
    found = Fit(usable, held, token, tokens, page, length, longest, ask.requests, exact, None)
    return found._replace(problem=indivisible(shape, ask.tensor_parallel) or _problem(shape, ask, found))


class Place(NamedTuple):
    """A slice, and over how many of its chips a model is split there."""

    slice: slices.Slice
    tensor_parallel: int


def places(of: Iterable[slices.Slice] = slices.SLICES.values()) -> list[Place]:
    """Every way to run a model: slices as they stand, from the smallest, each with all of its chips first."""
    return [Place(s, n) for s in of for n in reversed(slices.tensor_parallel_sizes(s.chips))]


def smallest(shape: Shape, ask: Ask, of: Iterable[Place]) -> Place | None:
    """The first place that a model fits."""
    return next((p for p in of if not fit(shape, ask._replace(tensor_parallel=p.tensor_parallel)).problem), None)
