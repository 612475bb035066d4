"""What a build of Go tells while it runs."""

import pytest

from sandbox.build.progress import describe


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
        ("a/b\n" * 75, 60, "  60 s  [##################......]  75 of 100 packages compiled, about 20 seconds left"),
        ("a/b\n" * 100, 80, "  80 s  100 packages compiled, linking"),
    ],
    ids=["nothing yet", "modules", "minutes", "seconds", "all"],
)
def test_bar_and_estimate_are_of_the_packages(log: str, seconds: float, said: str) -> None:
    assert describe(log, 100, seconds) == said
