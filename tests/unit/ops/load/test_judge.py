"""What cannot be true is refused, each for its own reason; what can be is not."""

from typing import Any

import pytest

from ops.load.judge import impossible, incomparable
from ops.load.measured import Bound
from ops.load.workload import Lengths, Mix
from tests.support.loads import report, spread, stage

WIDE = Bound(answers=10_000, tokens=100_000)


def test_stages_that_grow_as_they_ask_are_possible() -> None:
    assert impossible([stage(1), stage(5), stage(20)], [WIDE] * 3) == []


def test_stages_of_a_model_that_is_not_bounded_are_possible() -> None:
    assert impossible([stage(1), stage(5)]) == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"answered": 19}, "of 20 requests 19 were answered and 0 failed, which is not all"),
        ({"answered": 0, "failed": 20, "answer_tokens": 0}, "no request was answered"),
        (
            {"uncounted": 20},
            "20 of 20 answers came without vLLM's count of tokens: what was counted as an answer was a page of "
            "something else",
        ),
        ({"shortest": 0}, "an answer without a token was counted as one"),
        (
            {"latency": spread(2.0)},
            "1.00 answers a second of 2.000 s each are 2.0 requests at once, and 1 asked",
        ),
        ({"first": spread(1.5)}, "first tokens came after 1.500 s and whole answers after 1.000 s"),
    ],
)
def test_stage_that_cannot_be_true_is_refused(wrong: dict[str, Any], reason: str) -> None:
    assert impossible([stage(1, **wrong)]) == [f"at 1 at once: {reason}"]


def test_pages_of_a_gateway_are_no_answers() -> None:
    """As in a benchmark of this pattern that was built by hand, where 100 of 100 answers had been 426."""
    page = {"uncounted": 100, "shortest": 0, "answer_tokens": 0, "prompt_tokens": 0, "first": None}
    found = impossible([stage(5, **page)])
    assert [reason.partition(":")[0] for reason in found] == ["at 5 at once"] * 2


def test_no_more_tokens_than_the_roofline_come() -> None:
    bound = Bound(answers=99, tokens=1000)
    assert impossible([stage(1)], [bound]) == []  # 100 a second: within the slack of clocks
    assert impossible([stage(1)], [Bound(answers=95, tokens=1000)]) == [
        "at 1 at once: 100 tokens a second of answers are more than the 95 of the roofline"
    ]


def test_no_more_prompts_are_read_than_the_matrix_units_can_take() -> None:
    assert impossible([stage(1)], [Bound(answers=1000, tokens=470)]) == [
        "at 1 at once: 500 tokens a second are more than the 470 that the matrix units can take"
    ]


def test_tokens_do_not_grow_faster_than_those_who_ask() -> None:
    faster = stage(5, seconds=10.0, latency=spread(0.5), first=spread(0.1))
    assert impossible([stage(1), faster]) == [
        "at 5 at once: 5 times as many asked as at 1, and 10.00 times as many tokens a second came"
    ]


def test_pods_that_come_make_the_next_stage_faster() -> None:
    faster = stage(5, seconds=10.0, latency=spread(0.5), first=spread(0.1))
    assert impossible([stage(1), faster], steady=False) == []


def test_chance_makes_a_stage_a_little_faster() -> None:
    assert impossible([stage(1), stage(5, seconds=18.0, latency=spread(0.9))]) == []


def test_stages_that_do_not_ask_more_are_not_compared() -> None:
    assert impossible([stage(5), stage(1, seconds=10.0, latency=spread(0.5))]) == []


def test_reports_of_the_same_can_be_compared() -> None:
    assert incomparable(report(), report(stack="prod")) == []


def test_reports_of_other_models_mixes_and_pods_cannot() -> None:
    other = Mix(prompts=Lengths(mean=1, spread=1, least=1, most=1))
    assert incomparable(report(), report(uri="hf://a/b", mix=other, pods=2)) == [
        "of another model",
        "in another mix",
        "on another number of Pods",
    ]
