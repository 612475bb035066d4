"""How long the program itself takes in a preview: `python -m sandbox.bench`.

It previews the dev stack with one model, with fifty and with two hundred, and beside each an empty program on the same
engine, in turn. The difference is the program's own share. Both run in one process after a warm-up, so the import of
the SDKs is in neither.

The engine does not look after its state meanwhile: with a state in files (and in buckets), 3.274.1 writes it down anew
after each resource even in a preview, only to throw it away (`backend/diy/backend.go`, `DiscardPersister`), which takes
the square of the resources. That is the engine's share, whatever the program.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from sandbox.engine.stack import REPO, SandboxError, SandboxStack

from .build.go import BuildError
from .engine import pulumi_cli

ROUNDS = 5
LIMITS = {1: 0.4, 50: 1.7, 200: 6.8}
"""Seconds that the program's own share may take, by number of models."""


def models(count: int) -> list[dict[str, Any]]:
    """So many models like the dev stack's."""
    [model] = yaml.safe_load((REPO / "Pulumi.dev.yaml").read_text())["config"]["gke-tpu-inference:models"]
    return [{**model, "name": f"model-{i}"} for i in range(count)]


def seconds(sandbox: SandboxStack) -> float:
    """The time of one preview."""
    start = time.perf_counter()
    sandbox.preview()
    return time.perf_counter() - start


def measure(count: int, rounds: int) -> list[tuple[float, float]]:
    """Seconds of a preview with so many models, and of one of an empty program, so many times in turn."""
    config = {"models": models(count), "tpuMaxNodes": count}
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxStack(home=Path(folder, "program"), config=config) as program,
        SandboxStack(home=Path(folder, "empty"), config=config, program=lambda: None) as empty,
    ):
        for warm_up in (program, empty):
            warm_up.preview()
        return [(seconds(program), seconds(empty)) for _ in range(rounds)]


def run(rounds: int) -> bool:
    """Measure and print. Returns whether every limit is kept."""
    pulumi_cli.ensure()
    os.environ["PULUMI_SKIP_CHECKPOINTS"] = "true"
    print(f"{'models':>6}  {'program':>8}  {'empty':>8}  {'own share':>9}  {'ratio':>5}  limit   (medians of {rounds})")
    kept = True
    for count, limit in LIMITS.items():
        pairs = measure(count, rounds)
        with_program, without = (statistics.median(column) for column in zip(*pairs, strict=True))
        share = statistics.median(a - b for a, b in pairs)
        kept &= share <= limit
        print(
            f"{count:>6}  {with_program:>6.2f} s  {without:>6.2f} s  {share:>7.2f} s  "
            f"{with_program / without:>5.2f}  {limit:.1f} s"
        )
    return kept


def positive(text: str) -> int:
    """A whole number above 0, for `argparse`."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0, such as {ROUNDS}")
    return int(text)


def main() -> int:
    """Parse, measure, and fail where a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.bench", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=ROUNDS, help=f"how often to measure (default: {ROUNDS})")
    arguments = parser.parse_args()
    try:
        kept = run(arguments.rounds)
    except KeyboardInterrupt:
        return 130
    except automation.CommandError:
        return 1  # the engine has said why
    except (SandboxError, BuildError, automation.InvalidVersionError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not kept:
        print("the program's own share is above its limit", file=sys.stderr)
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
