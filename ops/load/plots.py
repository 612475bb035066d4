"""Draws a report: `PYTHON ops/load/plots.py report.json FOLDER`, with the Python of the load generator.

matplotlib lies beside inference-perf in a virtualenv of its own, so that `python -m ops` stays small; this file imports
nothing else that is not Python's own.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # pyright: ignore[reportMissingImports] - it is in the generator's virtualenv

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "load"  # the same report is the same file
from matplotlib import pyplot as plt  # noqa: E402 # pyright: ignore[reportMissingImports]

SIZE = (7, 4)
"""Inches."""


def _draw(file: Path, title: str, across: str, up: str, lines: dict[str, tuple[list[float], list[float]]]) -> None:
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    for label, (xs, ys) in lines.items():
        axes.plot(xs, ys, marker="o", label=label)
    axes.set(title=title, xlabel=across, ylabel=up)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def draw(report: dict[str, Any], folder: Path) -> None:
    """The three drawings of a report, those of `report.PICTURES`. A stage in which all failed has only errors."""
    stages = [stage for stage in report["stages"] if stage["latency"] and stage["seconds"]]
    tokens = [stage["answer_tokens"] / stage["seconds"] for stage in stages]
    shares = (("median", "median"), ("p95", "95 %"), ("p99", "99 %"))
    answers = {label: (tokens, [stage["latency"][name] for stage in stages]) for name, label in shares}
    _draw(folder / "throughput.svg", "Answers", "tokens a second", "seconds to the end of an answer", answers)
    timed = [stage for stage in stages if stage["first"]]
    first = {
        label: ([stage["concurrency"] for stage in timed], [1000 * stage["first"][name] for stage in timed])
        for name, label in shares
    }
    _draw(folder / "first-token.svg", "First tokens", "requests at once", "milliseconds to the first token", first)
    asked = [stage for stage in report["stages"] if stage["requests"]]
    lost = [100 * stage["failed"] / stage["requests"] for stage in asked]
    failed = {"failed": ([stage["concurrency"] for stage in asked], lost)}
    _draw(folder / "errors.svg", "Errors", "requests at once", "% of requests", failed)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
