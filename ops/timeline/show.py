"""A timeline as a table with a bar for each task, for the terminal and as SVG."""

import io
import re
from collections.abc import Iterable
from pathlib import Path

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .tasks import Task, critical, slack

CRITICAL, OTHER = "red", "blue"
BAR = 36
"""Columns of the bars."""
WIDTH = 130
"""Columns of a drawing."""


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def path(tasks: Iterable[Task]) -> str:
    """The critical path in words."""
    return " > ".join(f"{task.name} {clock(task.seconds)}" for task in critical(tasks))


def table(tasks: Iterable[Task], *, least: float = 1.0, title: str = "") -> Table:
    """Every task that took at least so many seconds, in the order of their begin. A `*` and a red bar are the critical
    path; the others say how much longer they could have taken, if that is known."""
    tasks = sorted(tasks, key=lambda task: (task.begin, task.end, task.name))
    held, spare = {task.key for task in critical(tasks)}, slack(tasks)
    end = max((task.end for task in tasks), default=0.0) or 1.0
    drawn = Table(title=title or None, title_justify="left")
    drawn.add_column("")
    drawn.add_column("what", no_wrap=True, max_width=52)
    for name in ("from", "takes", "spare"):
        drawn.add_column(name, justify="right")
    drawn.add_column(f"0:00 to {clock(end)}", width=BAR)
    for task in tasks:
        if task.seconds < least and task.key not in held:
            continue
        on_path = task.key in held
        style = CRITICAL if on_path else OTHER
        drawn.add_row(
            Text("*" if on_path else "", style=style),
            Text(task.name, style="bold" if on_path else ""),
            clock(task.begin),
            clock(task.seconds),
            "" if on_path or task.key not in spare else clock(spare[task.key]),
            Bar(end, task.begin, task.end, width=BAR, color=style),
        )
    return drawn


def svg(tasks: Iterable[Task], file: Path, title: str) -> None:
    """Write the same as a drawing, without rich's fonts, which whoever opens it would fetch. Raises `OSError`."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    console.print(table(tasks))
    file.write_text(re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title=title), flags=re.DOTALL))
