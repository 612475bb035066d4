"""What the compiler's answers mean: a verdict for each program, a table for each case, an exit code for all."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

GIB = 2**30


class Row(NamedTuple):
    """One program and what came of it. `good` is whether it is what it should be; `words` are those of a refusal."""

    program: str
    tokens: int
    answer: dict[str, Any]
    good: bool
    verdict: str
    words: str = ""


def words(error: str) -> str:
    """The compiler's words, without its request for a bug report and without empty lines."""
    lines = error.partition("Please report a bug")[0].splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())


def judge(program: str, tokens: int, answer: dict[str, Any] | None, must_say: str | None = None) -> Row:
    """The verdict on a program; no answer at all is one of a check that broke off. Where `must_say` is a text, the
    program has to be refused with it, as the project does something for that reason."""
    answer = answer or {}
    error = words(answer.get("error", ""))
    if "memory" in answer and must_say is None:
        good, verdict = True, "compiles"
    elif "memory" in answer:
        good, verdict = False, "compiles now"
    elif not error:
        good, verdict = False, "not tried"
    elif must_say is None:
        good, verdict = False, "refused"
    else:
        good, verdict = must_say in error, "refused, as expected" if must_say in error else "refused otherwise"
    return Row(program, tokens, answer, good, verdict, error)


def exit_code(rows: Sequence[Row], problems: Sequence[str] = ()) -> int:
    """0 if something was checked, and all of it could be and is as it should be, else 1."""
    return int(not rows or not all(row.good for row in rows) or bool(problems))


def _gib(size: int | None) -> str:
    return "" if size is None else f"{size / GIB:.2f}"


def table(rows: Sequence[Row]) -> Table:
    """A case's programs; sizes are in GiB a chip."""
    memories = [row.answer.get("memory", {}) for row in rows]
    divided = next((memory for memory in memories if "pages" in memory), None)
    caption = divided and (
        f"A chip holds {_gib(divided['weights'])} GiB of weights and {_gib(divided['cache'])} GiB of cache, "
        f"{divided['pages']} pages."
    )
    drawn = Table(caption=caption, caption_justify="left")
    drawn.add_column("program")
    for name in ("tokens", "seconds", "peak GiB", "temporary GiB"):
        drawn.add_column(name, justify="right")
    drawn.add_column("verdict", no_wrap=True)
    for row, memory in zip(rows, memories, strict=True):
        seconds = f"{row.answer['seconds']:.1f}" if row.answer else ""
        verdict = Text(row.verdict, style="green" if row.good else "red")
        drawn.add_row(
            row.program, str(row.tokens), seconds, *map(_gib, map(memory.get, ("peak", "temporary"))), verdict
        )
    return drawn


def show(console: Console, title: str, rows: Sequence[Row]) -> None:
    """Print a case: its title, its table, and below it each refusal once."""
    console.print(Text(title, style="bold"), soft_wrap=True)
    console.print(table(rows))
    for refusal in dict.fromkeys(row.words for row in rows if row.words):
        console.print(Text(refusal), soft_wrap=True)
    console.print()
