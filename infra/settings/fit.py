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
from .parameters import LANES, SMALL_HEAD, attention, divided, experts, head_size, mlp, padded, parameters
from .shape import Shape

ELEMENT = {"bfloat16": 2, "float": 4, "float32": 4}
"""Bytes of a number, by the dtypes that reach vLLM. The cache has that of the model."""

MAX_NUM_SEQS = 256
GPU_MEMORY_UTILIZATION = 0.92
"""vLLM's defaults on v6e: EngineArgs.DEFAULT_MAX_NUM_SEQS and CacheConfig in the package vllm-tpu 0.27.0."""


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

    `exact` is whether weights and cache are as tpu-inference makes them. Else the model runs through torchax, or has
    experts or quantised weights that are padded or have scales, and both are what it takes at the least, so that a
    problem is one all the same.
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


def weights(shape: Shape, ask: Ask) -> int:
    """Bytes of weights on a chip. tpu-inference's own classes give each chip a KV head of its own, unless layers differ
    in their heads (`Gemma4Attention`), and pad heads. Of quantised weights it is the least: no scale is counted, and
    whatever the method can quantise is taken for quantised."""
    chips, element = ask.tensor_parallel, ELEMENT[ask.dtype]
    if shape.quantization:
        stored = experts(shape) + (0 if shape.quantization.experts else attention(shape, shape.kv_heads, shape.head))
        stored += 0 if shape.quantization.experts else mlp(shape)
        return ((parameters(shape) - stored) * element + stored * shape.quantization.bits // 8) // chips
    if not shape.native:
        return parameters(shape) // chips * element
    spread, each = divided(shape, shape.kv_heads if shape.whole else max(shape.kv_heads, chips), head_size(shape.head))
    return (spread // chips + each) * element


def _layer_bytes(kv_heads: int, head: int, ask: Ask) -> int:
    """Bytes of cache on a chip for one token in one layer: keys and values of the chip's KV heads, at least one, in
    words of 32 bits."""
    element, chips = ELEMENT[ask.dtype], ask.tensor_parallel
    heads = max(kv_heads, chips) // chips
    rows = heads if head == SMALL_HEAD else 2 * heads
    row = LANES if head == SMALL_HEAD else head_size(head)
    return padded(rows, 4 // element) * row * element


def token_bytes(shape: Shape, ask: Ask) -> int:
    """Bytes of cache on a chip for one token, in all layers.

    Where layers differ, each has its own, and keeps every token, as windows are not made use of for such models.
    Latent attention keeps one row for all heads (`get_kv_cache_shape` in kernels/mla/v2/kernel.py), on the chip that
    has the request.
    """
    if shape.latent:
        row = padded(shape.latent.kv_rank, LANES) + padded(shape.latent.rope, LANES)
        return shape.layers * row * ELEMENT[ask.dtype]
    whole = shape.whole
    others = (shape.layers - (whole.layers if whole else 0)) * _layer_bytes(shape.kv_heads, shape.head, ask)
    return others + (whole.layers * _layer_bytes(whole.kv_heads, whole.head, ask) if whole else 0)


def indivisible(shape: Shape, chips: int) -> str | None:
    """Why a model cannot be divided over so many chips.

    Heads: `verify_with_parallel_config` in vllm/config/model.py. KV heads: `get_padded_num_heads` in
    tpu_inference/utils.py, where one has to divide the other. The MLP: jax cuts a dimension into equal parts.
    """
    if shape.heads % chips:
        return f"its {shape.heads} heads cannot be divided over {chips} chips"
    for kv_heads in (shape.kv_heads, shape.whole.kv_heads if shape.whole else shape.kv_heads):
        if max(kv_heads, chips) % min(kv_heads, chips):
            return f"its {kv_heads} KV heads cannot be divided over {chips} chips"
    width = shape.beside if shape.experts else shape.intermediate
    if shape.native and width % chips:
        return f"its MLP of {width} cannot be divided over {chips} chips"
    if shape.native and shape.tower and shape.tower.divides % chips:
        return f"the MLP of {shape.tower.divides} of what sees images cannot be divided over {chips} chips"
    return None


def gib(size: float) -> str:
    """Bytes for people."""
    return f"{size / 2**30:.2f} GiB"


def _problem(shape: Shape, ask: Ask, found: Fit) -> str | None:
    least, stored = ("at least ", shape.quantization.method) if shape.quantization else ("", ask.dtype)
    memory = (
        f"its weights take {least}{gib(found.weights)} of a chip (tensor parallelism {ask.tensor_parallel}, {stored}), "
        f"of which vLLM may use {gib(found.usable)}"
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
    inexact = shape.experts or shape.quantization or FAMILIES[shape.architecture].sliding
    exact = shape.native and not inexact
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
