"""What the command `load` is told; what it does is in `run.py`, imported only when it is needed."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ops.options import Folder, Stack
from ops.refusal import need_pulumi, refuse

CONCURRENCIES = (1, 5, 10, 20)
ROUNDS = 20
"""Requests of each that asks: at a concurrency of 5, there are 5 times as many."""
PLACE = Path("sandbox/routing/.venv/bin/inference-perf")


def load(
    stack: Stack,
    model: Annotated[str, typer.Option(metavar="NAME", help="the model, as NAME or NAMESPACE/NAME")] = "",
    key: Annotated[str, typer.Option(metavar="KEY", help="a key, if it is asked for (or OPENAI_API_KEY)")] = "",
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the gateway's authority (default: the stack's own)")
    ] = None,
    base: Annotated[Path | None, typer.Option(metavar="FILE", help="report.json of an earlier load")] = None,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="where to write")] = Path("load-report"),
    concurrency: Annotated[
        list[int], typer.Option(min=1, metavar="REQUESTS", help="requests at once; may be given again")
    ] = list(CONCURRENCIES),  # noqa: B006 - Typer's way to say what is there without
    rounds: Annotated[int, typer.Option(min=1, metavar="TIMES", help="requests of each that asks")] = ROUNDS,
    tokenizer: Annotated[
        str, typer.Option(metavar="NAME", help="its folder, or repository of Hugging Face (default: the model's)")
    ] = "",
    generator: Annotated[Path, typer.Option(metavar="FILE", help="inference-perf")] = PLACE,
    cwd: Folder = Path(),
) -> None:
    """How much does a model answer, how fast, and can that be true?

    It asks the model of a stack that is up, with more and more requests at once, in a mix of lengths. What cannot be
    true is refused: pages that were counted as answers, more tokens than the chips can make, more of them than requests
    account for. docs/load.md says what is asked and how to read it. It costs what the stack costs meanwhile.

    It needs `pulumi` and the stack's backend, the stack file, a way to the gateway, a key if the stack has
    `auth: tokens`, the model's tokenizer (from Hugging Face, for gated models with a token in HF_TOKEN), and
    inference-perf, which `make load` installs. It prints a table, and writes report.json, report.md and drawings. It
    exits with 0 if every request was answered and the result can be true, 1 if not, and 2 if it cannot run.
    """
    need_pulumi()
    if not generator.is_file():
        refuse(f"--generator {generator}: there is no such file. `make load` installs inference-perf")
    from .run import Asked, run

    key = key or os.environ.get("OPENAI_API_KEY", "")
    told = Asked(stack, model, key, ca, base, output, concurrency, rounds, tokenizer, generator, cwd)
    raise typer.Exit(run(told))
