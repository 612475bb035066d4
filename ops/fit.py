"""Does a model fit, on which slice, and how fast can it be there? docs/fit.md has what is computed, and from what."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from infra.google import slices
from infra.settings import fit, model_config, parameters
from infra.settings.architectures import FAMILIES
from infra.settings.fit import Ask, Fit, Place
from infra.settings.fitting import start_problem
from infra.settings.model import TPU_DTYPES
from infra.settings.model_config import UnknownError
from infra.settings.shape import Shape

from . import roofline
from .config_json import of_model
from .console import console
from .refusal import refuse


def places(shape: Shape, ask: Ask, of: Iterable[slices.Slice]) -> list[tuple[Place, Fit]]:
    """A way to run a model on each slice: over as many of its chips as it fits, or else over all."""
    found: list[tuple[Place, Fit]] = []
    for slice_ in of:
        ways = fit.places([slice_])
        way = fit.smallest(shape, ask, ways) or ways[0]
        found.append((way, fit.fit(shape, ask._replace(tensor_parallel=way.tensor_parallel))))
    return found


def _chips(place: Place) -> str:
    whole = place.tensor_parallel == place.slice.chips
    return str(place.slice.chips) if whole else f"{place.tensor_parallel} of {place.slice.chips}"


def memory(found: list[tuple[Place, Fit]], length: int) -> Table:
    """What becomes of the memory of a chip on each slice."""
    asked = found[0][1].length
    table = Table("slice", title="Memory of a chip", title_justify="left")
    for name in ("chips", "weights GiB", "cache KiB a token", "tokens of cache", "longest context"):
        table.add_column(name, justify="right")
    for tokens in dict.fromkeys((asked, length)):
        table.add_column(f"requests of {tokens}", justify="right")
    table.add_column("verdict", no_wrap=True)
    for place, it in found:
        at_once = [str(it.at_once(tokens)) for tokens in dict.fromkeys((asked, length))]
        verdict = "[red]does not fit[/]" if it.problem else "[green]fits[/]"
        sizes = [f"{it.weights / 2**30:.2f}", f"{it.token / 1024:g}", f"{it.cache_tokens:,}", f"{it.longest:,}"]
        table.add_row(place.slice.name, _chips(place), *sizes, *at_once, verdict)
    return table


def bound(shape: Shape, ask: Ask, found: list[tuple[Place, Fit]], length: int) -> Table:
    """How many tokens a second each slice can make at the most."""
    table = Table("slice", title=f"Bound of tokens a second, at {length} tokens a request", title_justify="left")
    for name in (*(f"{batch} at once" for batch in roofline.BATCHES), "prompts"):
        table.add_column(name, justify="right")
    for place, it in found:
        of = ask._replace(tensor_parallel=place.tensor_parallel)
        rates = [
            f"{roofline.decoding(shape, of, batch, length):,.0f}" if it.at_once(length) >= batch else "-"
            for batch in roofline.BATCHES
        ]
        table.add_row(place.slice.name, *rates, f"{roofline.prefill(shape, of, length):,.0f}")
    return table


def _notes(shape: Shape, ask: Ask, found: list[tuple[Place, Fit]]) -> Iterable[str]:
    for place, it in found:
        if it.problem:
            yield f"{place.slice.name}: {it.problem}."
    if not shape.native:
        yield (
            f"{shape.architecture} runs through torchax, as tpu-inference has no class of its own for it that it "
            "prefers: the figures are the least that it takes, and whether it compiles is not known."
        )
    elif shape.experts:
        yield "The figures are the least that it takes: kernels may want the experts' matrices padded."
    if FAMILIES[shape.architecture].sliding:
        yield "Some layers keep a window only: the cache holds more than is computed here."
    if shape.quantization:
        yield (
            f"It is quantised ({shape.quantization.method}, {shape.quantization.bits} bits): the weights are the least "
            "that it takes, without scales and with all quantised that may be, and the bound is that of "
            f"{ask.dtype}, in which v6e multiplies."
        )
    if shape.latent:
        yield "Latent attention keeps a token's cache on one chip: the tokens are those of each chip's own requests."
    if why := start_problem(shape):
        yield f"It may not start: {why}."
    yield "The bound counts memory and matrix units alone; no real run passes it."


def _shape(name: str, config: Mapping[str, Any]) -> Shape:
    try:
        return model_config.shape(config)
    except UnknownError as why:
        refuse(f"{name} cannot be judged: it {why}")


def run(uri: str, file: Path | None, *, slice_name: str, dtype: str, length: int | None, request: int) -> int:
    """Compute, print; the exit code."""
    name, config = of_model(uri, file)
    shape = _shape(name, config)
    ask = Ask(1, TPU_DTYPES.get(dtype, dtype), length)
    found = places(shape, ask, [slices.SLICES[slice_name]] if slice_name else slices.SLICES.values())
    fitting = [(place, it) for place, it in found if not it.problem]
    to = console()
    billions = parameters.parameters(shape) / 1e9
    to.print(
        f"{name}: {shape.architecture}, {billions:.2f} billion parameters, {ask.dtype}", highlight=False, soft_wrap=True
    )
    to.print(memory(found, request))
    if fitting:
        to.print(bound(shape, ask, fitting, request))
    for note in _notes(shape, ask, found):
        to.print(note, highlight=False, soft_wrap=True, markup=False)
    return int(not fitting)
