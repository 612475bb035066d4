"""What a build of Go tells while it runs."""

import pytest

from sandbox.build.progress import describe


def test_what_is_not_counted_has_no_bar() -> None:
    assert describe("go: downloading a v1\n# a warning\n", 0, 2) == "   2 s  1 modules downloaded"


@pytest.mark.parametrize(
    ("log", "seconds", "said"),
    [
        ("", 1, "   1 s  0 modules downloaded"),
        ("go: downloading a v1\ngo: downloading b v1\n", 20, "  20 s  2 modules downloaded"),
        (
            "go: downloading a v1\n" + "a/b\n" * 25,
            30,
            "  30 s  [######..................]  25 of 100 packages compiled, about 2 minutes left",
        ),
        ("a/b\n" * 75, 60, "  60 s  [##################......]  75 of 100 packages compiled, about a minute left"),
        ("a/b\n" * 101, 80, "  80 s  [########################]  101 of 100 packages compiled, about a minute left"),
    ],
    ids=["nothing yet", "modules", "minutes", "a minute", "linking"],
)
def test_bar_and_estimate_are_of_the_packages(log: str, seconds: float, said: str) -> None:
    assert describe(log, 100, seconds) == said
