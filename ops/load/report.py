"""A load as tables, for the terminal and in Markdown, and beside an earlier one."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.table import Table

from .measured import Bound, Range, Report, Spread, Stage

SPEEDS = ("answers/s", "tokens/s", "of the roofline")
TIMES = ("first token ms, median", "95 %", "answer s, median", "95 %")
HEADS = ("at once", "requests", "failed", *SPEEDS, *TIMES)
COMPARED = ("at once", "tokens/s", "first token, 95 %", "answer, 95 %")
PICTURES = {
    "throughput.svg": "How long an answer takes, by how many tokens come a second",
    "first-token.svg": "Time to the first token, by how many ask at once",
    "errors.svg": "Requests that failed, by how many ask at once",
}


def _two(spread: Spread | None, scale: float, digits: int) -> list[str]:
    times = (spread.median, spread.p95) if spread else (None, None)
    return ["-" if time is None else f"{time * scale:,.{digits}f}" for time in times]


def row(stage: Stage, bound: Bound | None) -> list[str]:
    """A stage, as `HEADS` has it."""
    tokens = stage.rate(stage.answer_tokens)
    return [
        str(stage.concurrency),
        f"{stage.requests:,}",
        f"{stage.failed:,}",
        f"{stage.rate(stage.answered):.2f}",
        f"{tokens:,.0f}",
        f"{tokens / bound.answers:.1%}" if bound else "-",
        *_two(stage.first, 1000, 0),
        *_two(stage.latency, 1, 2),
    ]


def rows(report: Report) -> list[list[str]]:
    """Every stage of a report. What share of the roofline came is not known if the number of Pods is not."""
    bounds = report.bounds if isinstance(report.pods, int) else []
    return [row(stage, bound) for stage, bound in zip_longest(report.stages, bounds)]


def bounded(report: Report) -> Iterator[str]:
    """What is not told of the roofline, and why."""
    if not report.bounds:
        yield "No roofline is known for this model, so none was held against it."
    elif isinstance(report.pods, Range):
        yield (
            f"The model has {report.pods.words} Pods, and how many there were is not known: so no share of the "
            f"roofline is told, and only what {report.pods.most} Pods cannot do is refused."
        )


def _change(now: float | None, before: float | None) -> str:
    return f"{now / before - 1:+.0%}" if now is not None and before else "-"


def changes(report: Report, base: Report) -> list[list[str]]:
    """What has changed since an earlier report, of the numbers at once that both have; as `COMPARED` has it."""
    of_base = {stage.concurrency: stage for stage in base.stages}
    found: list[list[str]] = []
    for stage in report.stages:
        if before := of_base.get(stage.concurrency):
            tokens = (one.rate(one.answer_tokens) for one in (stage, before))
            first = (one.first and one.first.p95 for one in (stage, before))
            whole = (one.latency and one.latency.p95 for one in (stage, before))
            found.append([str(stage.concurrency), _change(*tokens), _change(*first), _change(*whole)])
    return found


def table(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """For the terminal."""
    shown = Table(title=title, title_justify="left")
    for head in heads:
        shown.add_column(head, justify="right")
    for line in lines:
        shown.add_row(*line)
    return shown


def _markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --: |' * len(heads)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"
    yield ""


def reasons(report: Report) -> list[str]:
    """Why requests failed, and how many."""
    found = [(label, count, stage) for stage in report.stages for label, count in stage.errors.items()]
    return [f"at {stage.concurrency} at once: {count} of {stage.requests}: {label}" for label, count, stage in found]


def markdown(report: Report, base: Report | None = None) -> str:
    """The whole report as a page, with its drawings beside it."""
    mix = report.mix
    pods = f"{report.pods.words} Pods" if isinstance(report.pods, Range) else f"{report.pods} Pod(s)"
    lines = [f"# Load on {report.model} of {report.stack}, {report.made:%Y-%m-%d %H:%M} UTC", ""]
    if report.problems:
        lines += ["**This is no result: it cannot be true.**", "", *(f"- {why}" for why in report.problems), ""]
    lines += [
        f"{report.uri} on {pods}, asked by {report.generator}. Prompts have {mix.prompts.least} to "
        f"{mix.prompts.most} tokens, {mix.prompts.mean} in the mean, answers {mix.answers.least} to "
        f"{mix.answers.most}, {mix.answers.mean} in the mean. No prompt is asked twice.",
        "",
        *_markdown(HEADS, rows(report)),
        *(f"- {why}" for why in reasons(report)),
    ]
    if base:
        lines += [f"## Since {base.made:%Y-%m-%d %H:%M} UTC", "", *_markdown(COMPARED, changes(report, base))]
    for file, what in PICTURES.items():
        lines += [f"![{what}]({file})", ""]
    return "\n".join(lines)
