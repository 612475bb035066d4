"""Whether the models of a stack fit its slice, as far as that is known before anything is created.

A model is judged if it comes from Hugging Face, `known_models.json` has the facts of its config.json, and no flag
changes what is computed from them. What is not judged passes without a word, as the program asks no network.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from infra.google import slices

from . import architectures, extra_args, fit, model_config, quantization, uris
from .context import Context
from .fit import Ask, Fit
from .model import Model
from .model_config import UnknownError
from .shape import Shape

CHANGES_THE_PROGRAM = (
    *("additional_config", "attention_backend", "attention_config", "compilation_config", "config_format"),
    *("decode_context_parallel_size", "enable_expert_parallel", "enable_lora", "hf_config_path", "hf_overrides"),
    *("kv_cache_dtype_skip_layers", "kv_cache_memory_bytes", "kv_transfer_config", "model_impl"),
    *("num_gpu_blocks_override", "override_attention_dtype", "prefill_context_parallel_size", "quantization"),
    *("quantization_config", "runner", "spec_method", "speculative_config"),
)
"""Flags after which vLLM compiles something else, or divides the memory otherwise, than what is computed here."""

MOST_REQUESTS = 1024 * 1024 // 2 // 4
"""Requests at once, for which the kernel's scalar memory holds a page each."""


class Judged(NamedTuple):
    """A model on a slice. `certain` is whether the facts are those of the very revision that is served."""

    repository: str
    shape: Shape
    ask: Ask
    fit: Fit
    certain: bool


def start_problem(shape: Shape) -> str | None:
    """Why the pinned release does not start a model, whatever the slice, as far as that is known."""
    if why := architectures.start_problem(shape.architecture, shape.tied):
        return why
    return quantization.start_problem(shape.quantization, shape.native) if shape.quantization else None


def other(flags: Any) -> list[str]:
    """Those of `CHANGES_THE_PROGRAM` that parsed flags hold, and the dtype of the cache, if it is not the model's."""
    named = [name for name in CHANGES_THE_PROGRAM if getattr(flags, name) is not None]
    return [*named, *(["kv_cache_dtype"] if flags.kv_cache_dtype not in (None, "auto") else [])]


def _ask(model: Model, slice_: slices.Slice) -> Ask | None:
    """What vLLM is started with, if nothing else changes what is computed."""
    flags = extra_args.parsed(model.extra_args)
    requests = flags.max_num_seqs or fit.MAX_NUM_SEQS
    utilization = flags.gpu_memory_utilization or fit.GPU_MEMORY_UTILIZATION
    sound = 0 < requests <= MOST_REQUESTS and 0 < utilization <= 1 and (flags.block_size or 1) > 0
    if other(flags) or not sound:
        return None
    chips = model.tensor_parallel_size or slice_.chips
    return Ask(chips, model.tpu_dtype, model.max_model_len, requests, utilization, flags.block_size)


def judged(model: Model, slice_: slices.Slice, config: Mapping[str, Any] | None = None) -> Judged | None:
    """What becomes of a model on a slice, or nothing if it is not known. `config` is its own config.json, if somebody
    has it; else it is looked up."""
    found = uris.repository(model.uri)
    known = model_config.known().get(found.name) if found else None
    facts = known if config is None else config
    ask = _ask(model, slice_)
    if facts is None or ask is None:
        return None
    try:
        shape = model_config.shape(facts)
    except UnknownError:
        return None
    certain = found is not None and model_config.is_known(facts, found.revision)
    return Judged(found.name if found else model.uri, shape, ask, fit.fit(shape, ask), certain)


def _way_out(found: Judged, slice_: slices.Slice, model: Model) -> str:
    """What to set instead."""
    place = fit.smallest(found.shape, found.ask, [p for p in fit.places() if p.slice.chips >= slice_.chips])
    place = place or fit.smallest(found.shape, found.ask, fit.places())
    shorter = found.fit.longest if found.fit.weights < found.fit.usable else 0
    ways = [f"set `maxModelLen` to {shorter} or less"] if 0 < shorter < found.fit.length else []
    if place and place.slice == slice_:
        ways.append(f"set `tensorParallelSize` to {place.tensor_parallel}")
    elif place:
        split = place.tensor_parallel != place.slice.chips or found.ask.tensor_parallel != slice_.chips
        with_size = f" and set `tensorParallelSize` to {place.tensor_parallel}" if split else ""
        name = place.slice.name
        larger = f"set its `slice` to {name}" if model.slice else f"run `pulumi config set tpuSlice {name}`"
        ways.append(f"{larger}{with_size}, the smallest slice that it fits")
    else:
        ways.append("serve another model, as it fits no slice of one host")
    ways[0] = ways[0][0].upper() + ways[0][1:]
    return f"{', or '.join(ways)}. docs/fit.md has the figures."


def _problem(found: Judged, slice_: slices.Slice, model: Model) -> str | None:
    why = found.fit.problem
    return why and f"{found.repository} does not fit {slice_.name}: {why}. {_way_out(found, slice_, model)}"


def problems(models: object, context: Context) -> Iterator[str]:
    """Why models cannot run on their own slice, or on the stack's. It looks at the raw values, so that it speaks of a
    model even if other settings have problems; a model that has some of its own is left to them."""
    for i, entry in enumerate(cast(list[Any], models) if isinstance(models, list) else []):
        try:
            model = Model.model_validate(entry, context=context)
        except ValidationError:
            continue
        slice_ = slices.SLICES.get(model.slice or context.tpu_slice)
        found = judged(model, slice_) if slice_ else None
        if slice_ and found and found.certain and (problem := _problem(found, slice_, model)):
            yield f"models[{i}].uri: {problem}"


def _warnings(found: Judged, model: Model, slice_: slices.Slice) -> Iterator[str]:
    if problem := _problem(found, slice_, model):
        yield f"uri: as far as the branch main of its repository shows, {problem}"
    elif not found.shape.native:
        yield (
            f"uri: {found.repository} is a {found.shape.architecture}, of which tpu-inference has no class of its own "
            "that it prefers, so vLLM's runs through torchax. Its size fits; whether it compiles is not known here."
        )
    if why := start_problem(found.shape):
        yield f"uri: {found.repository} may not start: {why}. Serve another model, or wait for a release that does."
    if model.max_model_len and model.max_model_len > found.shape.length:
        yield (
            f"maxModelLen: {model.max_model_len} tokens are more than the {found.shape.length} of "
            f"{found.repository}, and vLLM does not start with more than a model's config.json allows. Set it to "
            f"{found.shape.length} or less."
        )


def warnings(models: Iterable[Model], slice_name: str) -> Iterator[str]:
    """What may keep models from running on their own slice, or on the stack's, which is of this name."""
    for i, model in enumerate(models):
        slice_ = slices.SLICES[model.slice or slice_name]
        if found := judged(model, slice_):
            for warning in _warnings(found, model, slice_):
                yield f"models[{i}].{warning}"
