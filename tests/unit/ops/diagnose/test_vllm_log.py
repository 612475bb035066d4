"""How far vLLM is, read from the lines that the pinned release logs."""

import pytest

from ops.diagnose.vllm_log import COMPILING, LOADING, STARTED, progress

START = "INFO 08-16 20:23:24 [tpu_runner.py:885] Init mesh | mesh=Mesh('data': 1, 'model': 4)"
SHARDS = "Loading safetensors checkpoint shards:   0% Completed | 0/2 [00:00<?, ?it/s]\n"
SHARDS += "Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01,  1.2s/it]"
SAMPLE = "INFO 08-16 20:24:03 [compilation_manager.py:137] Precompile worker0 sample --> {'num_reqs': 128, 'a': True}"
FINISHED = (
    "INFO 08-16 20:24:03 [compilation_manager.py:188] Compilation of worker0 sample --> {} finished in 0.84 [secs]."
)
ALL = "INFO 08-16 20:24:55 [compilation_manager.py:236] Precompile all the subgraphs with possible input shapes."
ARRAY = (
    "INFO 08-16 20:24:56 [compilation_manager.py:137] Precompile worker0 backbone --> {'num_tokens': 512, 'x': [1,\n 1,"
)


@pytest.mark.parametrize(
    ("log", "step", "detail"),
    [
        ("", "", ""),
        (START, "", ""),
        (f"{START}\n{SHARDS}", LOADING, "50 %, 1/2 files"),
        (f"{SHARDS}\n{SAMPLE}", COMPILING, "now sample, 128 reqs"),
        (f"{SAMPLE}\n{FINISHED}\n{FINISHED}\n{ALL}\n{ARRAY}", COMPILING, "now backbone, 512 tokens, 2 programs done"),
        (ALL, COMPILING, ""),
        (f"{ALL}\nINFO:     Application startup complete.", STARTED, ""),
    ],
)
def test_step_is_the_last_that_the_log_shows(log: str, step: str, detail: str) -> None:
    assert progress(log) == (step, detail)
