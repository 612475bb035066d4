"""What vLLM logs while it starts, as far as people and `ops.diagnose` read it to see how far it is.

The lines are those of tpu-inference 0.27.0 of PyPI and of vLLM: see `ops/diagnose/vllm_log.py`, which names the file of
each. Left out: everything else that is logged, arguments of a compilation that are arrays, and true times.
"""

import time
from collections.abc import Iterator

FILES = 2
BUCKETS = (16, 2048)
"""Tokens of the smallest and the largest program of the backbone."""


def _line(where: str, message: str) -> str:
    return f"INFO {time.strftime('%m-%d %H:%M:%S')} [{where}] {message}"


def loading(chips: int) -> Iterator[str]:
    """The weights come onto the chips."""
    yield _line("tpu_runner.py:885", f"Init mesh | mesh=Mesh('data': 1, 'model': {chips}, axis_types=(Auto, Auto))")
    for done in range(FILES + 1):
        share = 100 * done // FILES
        yield f"Loading safetensors checkpoint shards: {share:3}% Completed | {done}/{FILES} [00:00<00:00,  1.00it/s]"


def compiling() -> Iterator[str]:
    """Programs are compiled, one for each number of tokens."""
    yield _line("compilation_manager.py:236", "Precompile all the subgraphs with possible input shapes.")
    for tokens in BUCKETS:
        name = f"worker0 backbone --> {{'num_tokens': {tokens}, 'num_reqs': 256}}"
        yield _line("compilation_manager.py:137", f"Precompile {name}")
        yield _line("compilation_manager.py:188", f"Compilation of {name} finished in 0.00 [secs].")
