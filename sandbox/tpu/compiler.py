"""Compiles cases, in the virtualenv of `environment.py`: `python -m sandbox.tpu.compiler < CASES.json`.

A case is one of `cases.py`, as JSON, and the list `programs` of [name, tokens]. Prints one line of JSON for each
program, as soon as it is done: `case` (its place in the list), `program`, `tokens`, `seconds` for tracing and
compiling, `processor`, the same in processor time, and `memory`, in bytes a chip, with `flops`, or `error`, in the
words of whoever refused it, or neither, if it was not tried after what was refused before it. What is no refusal but a
fault of this check ends it with a traceback.
"""
# pyright: reportMissingImports=false
# The packages are in another virtualenv than the one that pyright looks at.

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from infra.settings import architectures

from . import stubs

OURS = (stubs.StubError, ImportError, AttributeError, NameError, TypeError)
"""Exceptions that say something of this check and nothing of the model."""


DRAFTS = {"DFlashDraftModel", "DFlashForCausalLM", "Eagle3LlamaForCausalLM", "Gemma4MTPModel"}
"""Models that only guess for another."""


def check_pins() -> None:
    """tpu-inference is installed without its dependencies, so nothing else sees that the compiler is its own."""
    wanted = dict(pin.split("==") for pin in metadata.requires("tpu-inference") or () if pin.count("==") == 1)
    for name in ("flax", "jax", "jaxlib", "libtpu"):
        if metadata.version(name) != wanted[name]:
            raise stubs.StubError(
                f"{name} {metadata.version(name)} is installed, and tpu-inference {metadata.version('tpu-inference')} "
                f"pins {wanted[name]}: move it in pyproject.toml, and run `make lock`"
            )


def check_architectures() -> None:
    """What settings take for native has to be what tpu-inference does. Its module is read, as it imports vLLM."""
    source = Path(
        str(metadata.distribution("tpu-inference").locate_file("tpu_inference/models/common/model_loader.py"))
    )
    text = source.read_text()
    registered = set(re.findall(r'_MODEL_REGISTRY\[\s*"(\w+)"\s*\] =', text))
    preferred = re.search(r"_VLLM_PREFERRED_ARCHITECTURES: .*?\{(.*?)\}", text, re.DOTALL)
    if not registered or not preferred:
        raise stubs.StubError(f"{source} has changed: see what it registers, and infra/settings/architectures.py")
    native = registered - set(re.findall(r'"(\w+)"', preferred[1])) - DRAFTS
    if native != architectures.NATIVE:
        release, named = metadata.version("tpu-inference"), ", ".join(sorted(native))
        raise stubs.StubError(
            f"tpu-inference {release} has classes of its own for {named}: correct NATIVE in "
            "infra/settings/architectures.py"
        )


def compiled(model: Any, program: Any) -> dict[str, Any]:
    """The compiler's account of a program on one chip: its memory in bytes, and operations, but for its kernels'."""
    import jax  # noqa: PLC0415 - after the stand-ins

    with jax.set_mesh(model.mesh):
        done = program.lower().compile(compiler_options=program.options)
    memory = done.memory_analysis()
    return {
        "arguments": memory.argument_size_in_bytes,
        "temporary": memory.temp_size_in_bytes,
        "peak": memory.peak_memory_in_bytes,
        "flops": done.cost_analysis()["flops"],
    }


def answers(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the compiler says to each program of a case. Nothing is tried after attention was refused, or a start."""
    from .model import Model, UnfitError  # noqa: PLC0415 - after the stand-ins

    model, stopped = None, False
    divided: dict[str, int] = {}
    for name, tokens in case["programs"]:
        start, processor = time.perf_counter(), time.process_time()
        answer: dict[str, Any] = {"program": name, "tokens": tokens}
        try:
            if not stopped:
                model = model or Model(case)
                if name != "attention" and not divided:
                    model.build()
                    divided = {"weights": model.weights, "cache": model.cache, "pages": model.pages}
                answer["memory"] = compiled(model, getattr(model, name)(tokens)) | divided
        except OURS:
            raise
        except UnfitError as error:
            answer["error"], stopped = f"vLLM would not start: {error}", True
        except Exception as error:
            answer["error"], stopped = f"{type(error).__name__}: {error}", name == "attention"
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        yield answer | {"seconds": round(seconds, 1), "processor": round(processor, 1)}


def main() -> None:
    """Read, compile, print."""
    cases = json.load(sys.stdin)
    # libtpu writes where it likes: standard output is kept for the answers.
    with os.fdopen(os.dup(1), "w", buffering=1) as out:
        os.dup2(2, 1)
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.environ["TPU_SKIP_MDS_QUERY"] = "1"  # there is no metadata server to ask which TPU this is
        os.environ["ALLOW_MULTIPLE_LIBTPU_LOAD"] = "1"  # there is none to share either: others may compile beside this
        os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)  # what is read from a cache is not compiled
        check_pins()
        check_architectures()
        stubs.install()
        for number, case in enumerate(cases):
            for answer in answers(case):
                print(json.dumps({"case": number, **answer}), file=out)


if __name__ == "__main__":
    main()
