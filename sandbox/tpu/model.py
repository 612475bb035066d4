"""One case as tpu-inference would run it: its own class for the model, on the slice's chips, with abstract weights.

What is done here by hand is what tpu-inference 0.27.0 does in `models/common/model_loader.py` (get_flax_model),
`runner/tpu_runner.py` (_create_2d_mesh), `runner/kv_cache_manager.py` (get_kv_cache_spec) and
`runner/compilation_manager.py` (the shapes of _precompile_backbone_helper and _precompile_compute_logits), for a model
whose layers all have full attention. There every step has room for `max_num_seqs` requests, however few its tokens are.
"""
# pyright: reportMissingImports=false
# The packages are in another virtualenv than the one that pyright looks at.

import importlib
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.experimental import topologies
from jax.sharding import NamedSharding, PartitionSpec

from infra.google import slices

from .families import FAMILIES

HBM = slices.V6E.memory

INDIFFERENT = {"hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 1_000_000.0}
"""Facts of a config.json that a catalogue may lack: constants in the program, the same for what compiles and fits."""


class UnfitError(Exception):
    """vLLM would not start, for what is known before anything is compiled."""


class Program(NamedTuple):
    """One of the programs that vLLM compiles while it starts. `lower` traces it, with the mesh set."""

    name: str
    tokens: int
    lower: Callable[[], Any]
    options: dict[str, str] | None = None


def _config(facts: dict[str, Any]) -> SimpleNamespace:
    """What transformers would make of a config.json."""
    known = {**INDIFFERENT, **facts}
    heads = known["num_attention_heads"]
    return SimpleNamespace(
        **{"head_dim": known["hidden_size"] // heads, "rope_scaling": None, **known},
        rope_parameters={"rope_type": "default", "rope_theta": known["rope_theta"]},
    )


class Model:
    """The programs of a case, and how its chips' memory is divided. Bytes are those of one chip."""

    def __init__(self, case: dict[str, Any]) -> None:
        x, y, z = map(int, case["chips_per_host_bounds"].split(","))
        topology = topologies.get_topology_desc(
            topology_name=f"v6e:{x}x{y}x{z}", platform="tpu", chips_per_host_bounds=(x, y, z)
        )
        # Kernels ask for the first device to know which TPU it is, and would find a CPU.
        jax.devices = jax.local_devices = lambda *_, **__: list(topology.devices)
        from tpu_inference.distributed import jax_parallel_state  # noqa: PLC0415 - after the line above
        from tpu_inference.layers.common.sharding import ShardingAxisName  # noqa: PLC0415
        from tpu_inference.utils import (  # noqa: PLC0415
            get_padded_head_dim,
            get_padded_num_heads,
            make_optimized_mesh,
            to_jax_dtype,
        )

        self.case, self.axis = case, ShardingAxisName
        self.config = _config(case["config"])
        chips = case["tensor_parallel_size"]
        self.mesh = make_optimized_mesh((1, chips), ("data", "model"), devices=topology.devices[:chips])
        self.dtype = to_jax_dtype(case["dtype"])
        heads, kv_heads = self.config.num_attention_heads, self.config.num_key_value_heads
        if heads % chips or max(kv_heads, chips) % min(kv_heads, chips):
            raise UnfitError(f"{heads} heads and {kv_heads} KV heads do not divide over {chips} chips")
        self.heads = get_padded_num_heads(self.config.num_attention_heads, chips)
        self.kv_heads = get_padded_num_heads(self.config.num_key_value_heads, chips)
        self.head = get_padded_head_dim(self.config.head_dim)
        jax_parallel_state.init_pp_distributed_environment("", 0, 1, None, need_pp=False)

    def _sharded(self, *axes: Any) -> NamedSharding:
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    def _array(self, shape: tuple[int, ...], dtype: Any, *axes: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, dtype, sharding=self._sharded(*axes))

    def _on_a_chip(self, arrays: list[jax.ShapeDtypeStruct]) -> int:
        shards = (jax.ShapeDtypeStruct(a.sharding.shard_shape(a.shape), a.dtype) for a in arrays)
        return sum(shard.size * shard.dtype.itemsize for shard in shards)

    def _vllm_config(self) -> SimpleNamespace:
        """What of vLLM's configuration tpu-inference's classes read."""
        from tpu_inference.layers.jax.quantization.unquantized import UnquantizedConfig  # noqa: PLC0415

        return SimpleNamespace(
            model_config=SimpleNamespace(
                hf_config=self.config,
                dtype=self.dtype,
                get_vocab_size=lambda: self.config.vocab_size,
                runner_type="generate",
            ),
            cache_config=SimpleNamespace(cache_dtype="auto"),
            parallel_config=SimpleNamespace(tensor_parallel_size=self.case["tensor_parallel_size"]),
            speculative_config=None,
            quant_config=UnquantizedConfig({}),
        )

    def _state(self) -> Any:
        """The model's weights, abstract, as tpu-inference's own class makes them."""
        [architecture] = self.config.architectures
        module = importlib.import_module(f"tpu_inference.models.jax.{FAMILIES[architecture]}")
        make = partial(getattr(module, architecture), self._vllm_config(), jax.random.PRNGKey(0), self.mesh)
        try:
            with jax.set_mesh(self.mesh):
                self.graph, state = nnx.split(nnx.eval_shape(make, graph_updates=False))
                return state
        except AttributeError as error:
            if error.obj is not self.config or error.name != "text_config":
                raise
            # transformers gives it to configurations of multimodal models alone, so this is no fault of the one above.
            raise UnfitError(
                f"tpu-inference's {architecture} looks for `text_config`, which a config.json for text alone does not "
                "have; 0.27.0 does so where word embeddings are not tied "
                "(https://github.com/vllm-project/tpu-inference/pull/3098)"
            ) from error

    def build(self) -> None:
        """Make the model and its weights, all abstract, and the cache that vLLM would make beside them.

        Raises `UnfitError` where vLLM would find too little memory.
        """
        state = self._state()
        leaves, self.tree = jax.tree_util.tree_flatten(state)
        is_spec = lambda x: isinstance(x, PartitionSpec | NamedSharding)  # noqa: E731
        specs = jax.tree_util.tree_leaves(nnx.get_partition_spec(state), is_leaf=is_spec)
        self.leaves = [
            jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=spec if isinstance(spec, NamedSharding) else self._sharded(*spec)
            )
            for leaf, spec in zip(leaves, specs, strict=True)
        ]
        self.weights = self._on_a_chip(self.leaves)
        layer_page = self._on_a_chip([self._cache(1)])
        self.pages = int(HBM * self.case["utilization"] - self.weights) // (layer_page * self.config.num_hidden_layers)
        self.cache = self.pages * layer_page * self.config.num_hidden_layers
        if self.pages * self.case["block_size"] < self.case["max_model_len"]:
            raise UnfitError(
                f"of {HBM / 2**30:.2f} GiB a chip vLLM uses {self.case['utilization']:.0%}; the weights take "
                f"{self.weights / 2**30:.2f}, and what is left holds {max(self.pages, 0) * self.case['block_size']} "
                f"tokens, fewer than a request's {self.case['max_model_len']}"
            )

    def _cache(self, pages: int) -> jax.ShapeDtypeStruct:
        """A layer's cache."""
        from tpu_inference.runner.kv_cache import get_kv_cache_shape_with_mesh  # noqa: PLC0415

        shape = get_kv_cache_shape_with_mesh(
            self.mesh, pages, self.case["block_size"], self.kv_heads, self.head, self.dtype
        )
        return self._array(shape, self.dtype, self.axis.BATCH, self.axis.KV_CONTEXT, self.axis.KV_HEAD)

    def _metadata(self, tokens: int) -> Any:
        from tpu_inference.layers.common.attention_metadata import AttentionMetadata  # noqa: PLC0415

        slots = self.case["slots"]
        pages = -(-self.case["max_model_len"] // self.case["block_size"])
        integers = lambda size: self._array((size,), jnp.int32, self.axis.BATCH)  # noqa: E731
        return AttentionMetadata(
            input_positions=self._array((tokens,), jnp.int32, self.axis.ATTN_DATA),
            block_tables=integers(slots * pages),
            seq_lens=integers(slots),
            query_start_loc=integers(slots + 1),
            request_distribution=integers(3),
            padded_num_reqs=slots,
        )

    def attention(self, tokens: int) -> Program:
        """One layer's attention by itself: the kernel whose faults are the hardest to read in a whole step."""
        from tpu_inference.layers.common.attention_interface import attention  # noqa: PLC0415

        def lower() -> Any:
            q, k = (
                self._array((tokens, heads, self.head), self.dtype, None, self.axis.ATTN_HEAD, None)
                for heads in (self.heads, self.kv_heads)
            )
            run = lambda cache, q, k, v, metadata: attention(  # noqa: E731
                cache, q, k, v, metadata, self.mesh, self.config.head_dim
            )
            return jax.jit(run, donate_argnums=0).lower(self._cache(64), q, k, k, self._metadata(tokens))

        return Program("attention", tokens, lower)

    def step(self, tokens: int) -> Program:
        """The whole model on so many tokens, with the cache that vLLM would make."""
        from tpu_inference.models.common.compiler_options import get_step_fn_compiler_options  # noqa: PLC0415

        def lower() -> Any:
            cache, hidden = self._cache(1).sharding, self._sharded(self.axis.ATTN_DATA, None)
            step = jax.jit(
                lambda leaves, *arguments: self._merged(leaves)(*arguments),
                out_shardings=(cache, hidden, hidden, None),
                donate_argnums=1,
                static_argnums=(6, 9, 10),
                keep_unused=True,  # an output head of its own lies there as well, while a step runs
            )
            metadata = self._metadata(tokens)
            caches = [self._cache(self.pages)] * self.config.num_hidden_layers
            tokens_ = self._array((tokens,), jnp.int32, self.axis.BATCH)
            positions = metadata.input_positions
            return step.lower(self.leaves, caches, tokens_, metadata, None, positions, (), None, None, True, True)

        with jax.set_mesh(self.mesh):
            return Program("step", tokens, lower, get_step_fn_compiler_options())

    def logits(self, rows: int) -> Program:
        """The scores of every word of the vocabulary, for so many requests."""

        def lower() -> Any:
            out = self._sharded(self.axis.MLP_DATA, self.axis.MLP_TENSOR)
            logits = jax.jit(lambda leaves, hidden: self._merged(leaves).compute_logits(hidden), out_shardings=out)
            hidden = self._array((rows, self.config.hidden_size), self.dtype, self.axis.ATTN_DATA, None)
            return logits.lower(self.leaves, hidden)

        return Program("logits", rows, lower)

    def _merged(self, leaves: list[Any]) -> Any:
        return nnx.merge(self.graph, jax.tree_util.tree_unflatten(self.tree, leaves))
