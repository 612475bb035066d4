"""How long the program itself takes in a preview: `python -m sandbox.bench`.

It previews the dev stack with one model and with fifty, and beside each an empty program on the same engine, in turn.
The difference is the program's own share. Both run in one process after a warm-up, so the import of the SDKs is in
neither.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from . import cli
from .stack import REPO, Sandbox

ROUNDS = 5
LIMITS = {1: 1.0, 50: 5.0}
"""Seconds that the program's own share may take, by number of models."""


def models(count: int) -> list[dict[str, Any]]:
    """So many models like the dev stack's."""
    [model] = yaml.safe_load((REPO / "Pulumi.dev.yaml").read_text())["config"]["gke-tpu-inference:models"]
    return [{**model, "name": f"model-{i}"} for i in range(count)]


def seconds(sandbox: Sandbox) -> float:
    """The time of one preview."""
    start = time.perf_counter()
    sandbox.preview()
    return time.perf_counter() - start


def main() -> int:
    """Measure, print, and fail where a limit is exceeded."""
    cli.ensure()
    print(f"{'models':>6}  {'program':>8}  {'empty':>8}  {'own share':>9}  {'ratio':>5}  limit   (medians of {ROUNDS})")
    exceeded = False
    for count, limit in LIMITS.items():
        config = {"models": models(count), "tpuMaxNodes": count}
        with (
            tempfile.TemporaryDirectory() as folder,
            Sandbox(home=Path(folder, "program"), config=config) as program,
            Sandbox(home=Path(folder, "empty"), config=config, program=lambda: None) as empty,
        ):
            for warm_up in (program, empty):
                warm_up.preview()
            pairs = [(seconds(program), seconds(empty)) for _ in range(ROUNDS)]
        with_program, without = (statistics.median(column) for column in zip(*pairs, strict=True))
        share = statistics.median(a - b for a, b in pairs)
        exceeded |= share > limit
        print(
            f"{count:>6}  {with_program:>6.2f} s  {without:>6.2f} s  {share:>7.2f} s  "
            f"{with_program / without:>5.2f}  {limit:.0f} s"
        )
    if exceeded:
        print("the program's own share is above its limit", file=sys.stderr)
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
