"""What the stand-in for vLLM logs is read as what vLLM logs."""

from ops.diagnose.vllm_log import COMPILING, LOADING, Progress, progress
from sandbox.programs import start_log


def test_lines_are_understood() -> None:
    loading, compiling = "\n".join(start_log.loading(4)), "\n".join(start_log.compiling())
    assert progress(loading) == Progress(LOADING, "100 %, 2/2 files")
    assert progress(f"{loading}\n{compiling}") == Progress(COMPILING, "now backbone, 2048 tokens, 2 programs done")
