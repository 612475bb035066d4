"""What the compiler's answers mean: a verdict for each program, a table for each case, an exit code for all."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.google import slices
from infra.settings.fit import Fit

GIB = 2**30
TOLERANCE = 0.01
"""How far what is computed may be from what the compiler says, as a share of it."""
FLOPS_TOLERANCE = 0.03
"""The same of operations: the compiler also counts norms, positions and activations, which are 0.3 % of a step of
Qwen2.5 3B, and more the narrower a model is."""


class Row(NamedTuple):
    """One program and what came of it. `good` is whether it is what it should be; `words` are those of a refusal,
    `flops` what the roofline counts."""

    program: str
    tokens: int
    answer: dict[str, Any]
    good: bool
    verdict: str
    words: str = ""
    flops: float | None = None


def words(error: str) -> str:
    """The compiler's words, without its request for a bug report and without empty lines."""
    lines = error.partition("Please report a bug")[0].splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())


def miscomputed(memory: dict[str, int], computed: Fit) -> str:
    """What the program computes otherwise than the compiler has it: the weights, or weights and cache, which are a
    step's arguments. Nothing, if it does not."""
    pairs = {
        "weights": (memory["weights"], computed.weights),
        "weights and cache": (memory["arguments"], computed.weights + computed.cache_tokens * computed.token),
    }
    return "; ".join(
        f"{name} are {ours / GIB:.3f} GiB a chip in infra/settings/fit.py, and {theirs / GIB:.3f} to the compiler"
        for name, (theirs, ours) in pairs.items()
        if abs(ours - theirs) > TOLERANCE * theirs
    )


def miscounted(theirs: float, ours: float) -> str:
    """What the roofline counts otherwise than the compiler: operations of a chip. Nothing, if it does not."""
    if abs(ours - theirs) <= FLOPS_TOLERANCE * theirs:
        return ""
    return f"a chip multiplies {ours / 1e9:.2f} GFLOP in ops/roofline.py, and {theirs / 1e9:.2f} to the compiler"


def judge(
    program: str,
    tokens: int,
    answer: dict[str, Any] | None,
    must_say: str | None = None,
    computed: Fit | None = None,
    *,
    flops: float | None = None,
) -> Row:
    """The verdict on a program; no answer at all is one of a check that broke off. Where `must_say` is a text, the
    program has to be refused with it, as the project does something for that reason. A step has to take what is
    `computed`, and a program to have so many `flops`."""
    answer = answer or {}
    error = words(answer.get("error", ""))
    if "memory" in answer and must_say is None:
        memory = answer["memory"]
        found = [miscomputed(memory, computed) if computed and program == "step" else ""]
        found.append(miscounted(memory["flops"], flops) if flops else "")
        error = "; ".join(filter(None, found))
        good, verdict = not error, "not as computed" if error else "compiles"
    elif "memory" in answer:
        good, verdict = False, "compiles now"
    elif not error:
        good, verdict = False, "not tried"
    elif must_say is None:
        good, verdict = False, "refused"
    else:
        good, verdict = must_say in error, "refused, as expected" if must_say in error else "refused otherwise"
    return Row(program, tokens, answer, good, verdict, error, flops)


def exit_code(rows: Sequence[Row], problems: Sequence[str] = ()) -> int:
    """0 if something was checked, and all of it could be and is as it should be, else 1."""
    return int(not rows or not all(row.good for row in rows) or bool(problems))


def _gib(size: int | None) -> str:
    return "" if size is None else f"{size / GIB:.2f}"


def _caption(memories: Sequence[dict[str, int]], computed: Fit | None) -> str | None:
    """What a chip holds, and how long a context it has room for."""
    divided = next((memory for memory in memories if "pages" in memory), None)
    if divided is None:
        return None
    held = (
        f"A chip holds {_gib(divided['weights'])} GiB of weights and {_gib(divided['cache'])} GiB of cache, "
        f"{divided['pages']} pages."
    )
    if computed is None:
        return held
    peak = max(memory.get("peak", 0) for memory in memories)
    return (
        f"{held} Computed: {_gib(computed.weights)} and {_gib(computed.cache_tokens * computed.token)}, "
        f"{computed.cache_tokens} tokens; the longest context is {computed.longest}. "
        f"{_gib(slices.V6E.memory - peak)} GiB are free at most."
    )


def _flops(row: Row, memory: dict[str, Any]) -> tuple[str, str]:
    """What the compiler counts, and how much that is of what the roofline does."""
    if row.flops is None or "flops" not in memory:
        return "", ""
    return f"{memory['flops'] / 1e9:.2f}", f"{memory['flops'] / row.flops:.1%}"


def table(rows: Sequence[Row], computed: Fit | None = None) -> Table:
    """A case's programs; sizes are in GiB a chip."""
    memories = [row.answer.get("memory", {}) for row in rows]
    drawn = Table(caption=_caption(memories, computed), caption_justify="left")
    drawn.add_column("program")
    for name in ("tokens", "seconds", "peak GiB", "temporary GiB", "GFLOP", "of computed"):
        drawn.add_column(name, justify="right")
    drawn.add_column("verdict", no_wrap=True)
    for row, memory in zip(rows, memories, strict=True):
        seconds = f"{row.answer['seconds']:.1f}" if row.answer else ""
        verdict = Text(row.verdict, style="green" if row.good else "red")
        sizes = map(_gib, map(memory.get, ("peak", "temporary")))
        drawn.add_row(row.program, str(row.tokens), seconds, *sizes, *_flops(row, memory), verdict)
    return drawn


def show(console: Console, title: str, rows: Sequence[Row], computed: Fit | None = None) -> None:
    """Print a case: its title, its table, how long it was compiled in all, and each refusal once."""
    console.print(Text(title, style="bold"), soft_wrap=True)
    console.print(table(rows, computed))
    seconds, processor = (sum(row.answer.get(name, 0) for row in rows) for name in ("seconds", "processor"))
    console.print(f"compiled in {seconds:.0f} s here, {processor:.0f} s of processor time", highlight=False)
    for refusal in dict.fromkeys(row.words for row in rows if row.words):
        console.print(Text(refusal), soft_wrap=True)
