"""The processes of this machine, by what they run."""

from pathlib import Path

import psutil


def only_process(program: str) -> psutil.Process:
    """The one process of a program. What has ended and waits to be collected runs nothing."""
    running = [p for p in psutil.process_iter(["exe"]) if Path(p.info["exe"] or "").name == program]
    assert len(running) == 1, f"{program} runs {len(running)} times"
    return running[0]
