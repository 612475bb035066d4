"""How far a model is, from what it logs while it starts.

The lines are those of the pinned release: tpu-inference 0.27.0 of PyPI (`runner/compilation_manager.py`: "Precompile
all the subgraphs ...", "Precompile NAME --> {'num_tokens': 16, ...}", "Compilation of NAME finished in ..."; `runner/
tpu_runner.py`: "Init mesh | ...", "Init model | hbm=..."; `models/jax/utils/weight_utils.py`: "Loading weights from
FILE"), vLLM (`model_executor/model_loader/weight_utils.py`: "Loading safetensors checkpoint shards: 25% Completed |
1/4 [...]"; `v1/engine/core.py`: "init engine (...) took ..."), uvicorn ("Application startup complete."), and of the
download `huggingface_hub` ("Fetching 12 files:  25%|...| 3/12 [...]"). A log of all of them in order is in
https://github.com/keras-team/keras-io (guide keras_hub/serving_with_vllm).
"""

import re
from typing import NamedTuple

LOADING, COMPILING, STARTED = "loading weights", "compiling", "started"
SHARDS = re.compile(r"Loading safetensors checkpoint shards:\s*(\d+)% Completed \| (\d+/\d+)")
FILE = re.compile(r"Loading weights from (\S+)")
PROGRAM = re.compile(r"Precompile (?!all)(?:worker\d+ )?(.+?) --> \{(?:'(\w+)': (\d+))?")
COMPILE = re.compile(r"Precompile all the subgraphs|Precompile |Compilation of .* finished in|Warm-up call pass")
LOADED = re.compile(r"Init model \| hbm=(\S.*)")
DONE = re.compile(r"Application startup complete")
FETCHED = re.compile(r"Fetching \d+ files:\s*(\d+)%\|[^|]*\| (\d+/\d+)")


class Progress(NamedTuple):
    """What vLLM is doing, and how far it is, in words; both empty if its log does not say."""

    step: str = ""
    detail: str = ""


def _last(pattern: re.Pattern[str], log: str) -> "re.Match[str] | None":
    return next(reversed(list(pattern.finditer(log))), None)


def compiled(log: str) -> str:
    """Which program is compiled now, and how many are done of those that the log still has."""
    done, now = len(re.findall(r"Compilation of .* finished in", log)), _last(PROGRAM, log)
    what = f"{now[1]}, {now[3]} {now[2].removeprefix('num_')}" if now and now[2] else now[1] if now else ""
    return ", ".join(filter(None, [f"now {what}" if what else "", f"{done} programs done" if done else ""]))


def progress(log: str) -> Progress:
    """How far vLLM is: the last of its steps that the log shows."""
    if DONE.search(log):
        return Progress(STARTED)
    if COMPILE.search(log):
        return Progress(COMPILING, compiled(log))
    if LOADED.search(log):
        return Progress(COMPILING, "weights are on the chips")
    if shards := _last(SHARDS, log):
        return Progress(LOADING, f"{shards[1]} %, {shards[2]} files")
    if file := _last(FILE, log):
        return Progress(LOADING, file[1].rsplit("/", 1)[-1])
    return Progress()


def fetched(log: str) -> str:
    """How far the storage initializer's download is, empty if its log does not say."""
    found = _last(FETCHED, log)
    return f"{found[1]} %, {found[2]} files" if found else ""
