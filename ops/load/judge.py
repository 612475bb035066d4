"""Whether what was measured can be true. Pure functions: a stage, or several, and the reasons why not.

A load test that counts pages of a gateway as answers, or whose clock is wrong, looks better than one that is right. So
each number is held against another one, or against the chips: https://en.wikipedia.org/wiki/Little%27s_law says how
many requests can have been under way, the roofline how many tokens.
"""

from collections.abc import Iterator, Sequence

from .measured import Bound, Report, Stage

SLACK = 1.05
"""By how much a sum may be above what it cannot pass: clocks of two processes, and requests at the edges."""
GROWTH = 1.15
"""By how much a request may be faster with more of them at once: chance, in stages that take a minute."""


def _counts(stage: Stage) -> Iterator[str]:
    if stage.answered + stage.failed != stage.requests:
        yield f"of {stage.requests} requests {stage.answered} were answered and {stage.failed} failed, which is not all"
    if not stage.answered:
        yield "no request was answered"
        return
    if stage.uncounted:
        yield (
            f"{stage.uncounted} of {stage.answered} answers came without vLLM's count of tokens: what was counted as "
            "an answer was a page of something else"
        )
    if stage.shortest < 1:
        yield "an answer without a token was counted as one"


def _times(stage: Stage) -> Iterator[str]:
    if stage.latency is None:
        return
    under_way = stage.rate(stage.answered) * stage.latency.mean
    if under_way > stage.concurrency * SLACK:
        yield (
            f"{stage.rate(stage.answered):.2f} answers a second of {stage.latency.mean:.3f} s each are {under_way:.1f} "
            f"requests at once, and {stage.concurrency} asked"
        )
    if stage.first and stage.first.median > stage.latency.median * SLACK:
        yield f"first tokens came after {stage.first.median:.3f} s and whole answers after {stage.latency.median:.3f} s"


def _speed(stage: Stage, bound: Bound | None) -> Iterator[str]:
    if bound is None:
        return
    answers, tokens = stage.rate(stage.answer_tokens), stage.rate(stage.answer_tokens + stage.prompt_tokens)
    if answers > bound.answers * SLACK:
        yield f"{answers:,.0f} tokens a second of answers are more than the {bound.answers:,.0f} of the roofline"
    if tokens > bound.tokens * SLACK:
        yield f"{tokens:,.0f} tokens a second are more than the {bound.tokens:,.0f} that the matrix units can take"


def _growth(before: Stage, after: Stage) -> Iterator[str]:
    """With more requests at once none is faster, so tokens grow by no more than the requests do."""
    slower, faster = (stage.rate(stage.answer_tokens) / stage.concurrency for stage in (before, after))
    if slower and faster > slower * GROWTH:
        yield (
            f"{after.concurrency / before.concurrency:g} times as many asked as at {before.concurrency}, and "
            f"{after.rate(after.answer_tokens) / before.rate(before.answer_tokens):.2f} times as many tokens a second "
            "came"
        )


def impossible(stages: Sequence[Stage], bounds: Sequence[Bound] = (), *, steady: bool = True) -> list[str]:
    """Why stages cannot be true, in the order in which they were run; `bounds` has one for each, or none. `steady` is
    whether the number of Pods was: those that come make the next stage faster."""
    found: list[str] = []
    for at, stage in enumerate(stages):
        bound = bounds[at] if bounds else None
        reasons = [*_counts(stage), *_times(stage), *_speed(stage, bound)]
        if steady and at and stage.concurrency > stages[at - 1].concurrency:
            reasons += _growth(stages[at - 1], stage)
        found += [f"at {stage.concurrency} at once: {reason}" for reason in reasons]
    return found


def incomparable(now: Report, base: Report) -> list[str]:
    """Why two reports cannot be compared."""
    named = (
        ("of another model", now.uri, base.uri),
        ("in another mix", now.mix, base.mix),
        ("on another number of Pods", now.pods, base.pods),
    )
    return [what for what, here, there in named if here != there]
