"""How long the program itself takes in a preview: `python -m sandbox.bench`.

It previews the dev stack with one model, fifty and two hundred, and the same of the prod stack with everything
on that is off there; beside each an empty program on the same engine, in turn. The difference is the program's own
share. Beside them is a plain program, of as many resources as that stack and nothing else: what the SDK and the engine
take for so many. All run in one process after a warm-up, so the import of the SDKs is in none.

The engine does not look after its state meanwhile: with a state in files (and in buckets), 3.274.1 writes it down anew
after each resource even in a preview, only to throw it away (`backend/diy/backend.go`, `DiscardPersister`), which takes
the square of the resources. That is the engine's share, whatever the program.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pulumi_gcp as gcp
import yaml
from pulumi import automation

from sandbox.engine.stack import REPO, SandboxError, SandboxStack

from .build.go import BuildError
from .engine import pulumi_cli

ROUNDS = 5
LIMITS = {"dev": {1: 0.4, 50: 1.7, 200: 6.8}, "prod": {1: 0.6, 50: 2.5, 200: 10.0}}
"""Seconds that the program's own share may take, by stack and number of models."""
EVERYTHING: dict[str, dict[str, Any]] = {
    "dev": {},
    "prod": {
        **{"compileCache": "own", "weightsCache": True, "tpuCapacity": ["on-demand", "spot"]},
        **{"alertEmails": ["team@example.com"], "budget": {"billingAccount": "012345-6789AB-CDEF01", "usd": 4000}},
    },
}
"""What is on beside what the stack file has."""


class Seconds(NamedTuple):
    """Of a preview of a stack, of a plain program with as many resources, and of an empty one."""

    program: float
    plain: float
    empty: float


def models(stack: str, count: int) -> list[dict[str, Any]]:
    """So many models like the stack's; those of prod are scaled by load."""
    [model] = yaml.safe_load((REPO / f"Pulumi.{stack}.yaml").read_text())["config"]["gke-tpu-inference:models"]
    replicas = {} if stack == "dev" else {"replicas": {"min": 1, "max": 2}}
    return [{**model, **replicas, "name": f"model-{i}"} for i in range(count)]


def plain(count: int) -> None:
    """A program with so many resources of the smallest kind, waited for as the project's own waits for its."""
    google = pulumi.ResourceOptions(provider=gcp.Provider("google", project="plain"))
    for i in range(count - 2):  # the stack and the provider count
        gcp.serviceaccount.Account(f"account-{i}", account_id=f"account-{i}", opts=google)
    pulumi.run(lambda: asyncio.sleep(0))


def seconds(sandbox: SandboxStack) -> float:
    """The time of one preview."""
    start = time.perf_counter()
    sandbox.preview()
    return time.perf_counter() - start


def measure(stack: str, count: int, rounds: int) -> tuple[int, list[Seconds]]:
    """Resources of a stack with so many models, and the seconds of previews, so many times in turn."""
    config = {**EVERYTHING[stack], "models": models(stack, count), "tpuMaxNodes": 2 * count}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stacks:

        def warm(name: str, run: Callable[[], Any] | None = None) -> tuple[SandboxStack, int]:
            made = SandboxStack(stack, home=Path(folder, name), config=config, program=run)
            return stacks.enter_context(made), sum(made.preview().change_summary.values())

        program, resources = warm("program")
        others = [warm(*other)[0] for other in (("plain", partial(plain, resources)), ("empty", lambda: None))]
        return resources, [Seconds(seconds(program), *map(seconds, others)) for _ in range(rounds)]


def run(rounds: int) -> bool:
    """Measure and print. Returns whether every limit is kept."""
    pulumi_cli.ensure()
    os.environ["PULUMI_SKIP_CHECKPOINTS"] = "true"
    print(f"stack  models  resources   program     plain     empty  own share  limit   (medians of {rounds})")
    kept = True
    for stack, count, limit in [(stack, *row) for stack, rows in LIMITS.items() for row in rows.items()]:
        resources, taken = measure(stack, count, rounds)
        program, of_as_many, without = (statistics.median(column) for column in zip(*taken, strict=True))
        share = statistics.median(each.program - each.empty for each in taken)
        kept &= share <= limit
        print(
            f"{stack:<5}  {count:>6}  {resources:>9}  {program:>6.2f} s  {of_as_many:>6.2f} s  {without:>6.2f} s  "
            f"{share:>7.2f} s  {limit:.1f} s",
            flush=True,
        )
    if not kept:
        print("the program's own share is above its limit", file=sys.stderr)
    return kept


def positive(text: str) -> int:
    """A whole number above 0, for `argparse`."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0, such as {ROUNDS}")
    return int(text)


def exit_code(work: Callable[[], bool]) -> int:
    """That of a command which measures stacks: whether it went well, and one line for what the user can fix."""
    try:
        return int(not work())
    except KeyboardInterrupt:
        return 130
    except automation.CommandError:
        return 1  # the engine has said why
    except (SandboxError, BuildError, automation.InvalidVersionError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def main() -> int:
    """Parse, measure, and fail where a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.bench", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=ROUNDS, help=f"how often to measure (default: {ROUNDS})")
    return exit_code(partial(run, parser.parse_args().rounds))


if __name__ == "__main__":
    sys.exit(main())
