"""What the compiler's answers mean."""

from typing import Any

import pytest
from rich.console import Console

from sandbox.tpu import report
from tests.support.tpu_cases import CACHE, MEMORY, WEIGHTS, case


def answers(*found: str | dict[str, int]) -> dict[tuple[int, str, int], dict[str, Any]]:
    """Of the first job: an error for text, memory for a mapping."""
    programs = case().programs
    return {
        (0, *program): {"seconds": 1.0, "memory" if isinstance(answer, dict) else "error": answer}
        for program, answer in zip(programs, found, strict=False)
    }


@pytest.mark.parametrize(
    ("answer", "must_say", "good", "verdict"),
    [
        ({"memory": MEMORY}, None, True, "compiles"),
        ({"error": "no"}, None, False, "refused"),
        ({"seconds": 0}, None, False, "not tried"),
        (None, None, False, "not tried"),
        ({"error": "Mosaic says no"}, "Mosaic", True, "refused, as expected"),
        ({"error": "out of memory"}, "Mosaic", False, "refused otherwise"),
        ({"memory": MEMORY}, "Mosaic", False, "compiles now"),
        (None, "Mosaic", False, "not tried"),
    ],
)
def test_verdict(answer: dict[str, Any] | None, must_say: str | None, good: bool, verdict: str) -> None:
    row = report.judge("step", 16, answer, must_say)
    assert (row.good, row.verdict) == (good, verdict)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"weights": int(WEIGHTS * 1.009)}, ""),
        (
            {"weights": int(WEIGHTS * 1.02)},
            "weights are 1.455 GiB a chip in infra/settings/fit.py, and 1.484 to the compiler",
        ),
        (
            {"arguments": int((WEIGHTS + CACHE) * 0.98)},
            "weights and cache are 28.745 GiB a chip in infra/settings/fit.py, and 28.170 to the compiler",
        ),
    ],
)
def test_step_has_to_take_what_is_computed(changes: dict[str, int], says: str) -> None:
    row = report.judge("step", 16, {"memory": MEMORY | changes}, computed=case().fit)
    assert (row.good, row.verdict, row.words) == (not says, "not as computed" if says else "compiles", says)


@pytest.mark.parametrize(
    ("counted", "says"),
    [
        (1.0e9, ""),
        (1.03e9, ""),
        (1.04e9, "a chip multiplies 1.00 GFLOP in ops/roofline.py, and 1.04 to the compiler"),
        (0.96e9, "a chip multiplies 1.00 GFLOP in ops/roofline.py, and 0.96 to the compiler"),
    ],
)
def test_program_has_to_multiply_what_the_roofline_counts(counted: float, says: str) -> None:
    row = report.judge("logits", 8, {"memory": MEMORY | {"flops": counted}}, flops=1e9)
    assert (row.good, row.words) == (not says, says)


def test_how_much_the_compiler_counts_of_what_the_roofline_does_is_shown() -> None:
    console = Console(record=True, width=160)
    answer = {"seconds": 7.6, "memory": MEMORY | {"flops": 1.003e9}}
    with console.capture() as shown:
        report.show(console, "title", [report.judge("step", 16, answer, flops=1e9)])
    assert "1.00" in shown.get()
    assert "100.3%" in shown.get()


def test_other_programs_hold_no_cache_and_are_not_compared() -> None:
    assert report.judge("logits", 8, {"memory": {"arguments": 1}}, computed=case().fit).good


def test_what_is_computed_and_what_is_left_is_told_below() -> None:
    console = Console(record=True, width=120)
    with console.capture() as shown:
        report.show(console, "title", [report.judge("step", 16, {"seconds": 7.6, "memory": MEMORY})], case().fit)
    said = " ".join(shown.get().split())
    assert "Computed: 1.45 and 27.29, 1589760 tokens; the longest context is 32768. 2.50 GiB are free at most." in said
    assert "compiled in 8 s here" in said


GOOD, BAD = report.judge("step", 16, {"memory": MEMORY}), report.judge("step", 16, {"error": "no"})


@pytest.mark.parametrize(
    ("rows", "problems", "code"), [([GOOD], [], 0), ([GOOD, BAD], [], 1), ([GOOD], ["x"], 1), ([], [], 1)]
)
def test_exit_code_is_0_only_if_all_was_checked_and_is_good(
    rows: list[report.Row], problems: list[str], code: int
) -> None:
    assert report.exit_code(rows, problems) == code


def test_refusal_is_shown_once_in_the_compilers_words_and_in_full() -> None:
    console = Console(record=True, width=80, quiet=True)
    error = f"Mosaic {'x' * 200}\n\nsecond line\nPlease report a bug at: https://example.com\n"
    refused = [report.judge("step", n, {"seconds": 1.0, "error": error}) for n in (16, 256)]
    report.show(console, "title", refused)
    console.quiet = False
    with console.capture() as shown:
        report.show(console, "title", refused)
    assert shown.get().count(f"Mosaic {'x' * 200}\nsecond line\n") == 1
    assert "Please report" not in shown.get()
