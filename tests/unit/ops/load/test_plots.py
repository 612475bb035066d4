"""What is drawn of a report, with matplotlib replaced: it is in the load generator's virtualenv."""

import runpy
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ops.load.report import PICTURES
from ops.load.run import PLOTS
from tests.support.loads import report, stage

Lines = dict[str, list[tuple[list[float], list[float]]]]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """The lines of each picture of a report of three stages; all requests of the last have failed."""
    pyplot, found = MagicMock(), Lines()

    def subplots(**_: object) -> tuple[MagicMock, MagicMock]:
        figure, axes = MagicMock(), MagicMock()
        figure.savefig = lambda file, **_: found.update({file.name: [call.args for call in axes.plot.mock_calls]})
        return figure, axes

    pyplot.subplots = subplots
    monkeypatch.setitem(sys.modules, "matplotlib", MagicMock(pyplot=pyplot))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    failed = stage(20, answered=0, failed=400, answer_tokens=0, latency=None, first=None)
    stages = [stage(1), stage(5, answered=75, failed=25), failed]
    runpy.run_path(str(PLOTS))["draw"](report(stages=stages).model_dump(mode="json"), Path("out"))
    return found


def test_every_picture_of_the_page_is_drawn(drawn: Lines) -> None:
    assert drawn.keys() == PICTURES.keys()


def test_stage_in_which_everything_failed_is_among_the_errors(drawn: Lines) -> None:
    assert drawn["errors.svg"] == [([1, 5, 20], [0, 25, 100])]


def test_times_are_of_stages_that_were_answered(drawn: Lines) -> None:
    assert drawn["first-token.svg"][0] == ([1, 5], [100, 100])
    assert drawn["throughput.svg"][0] == ([100, 500], [1, 1])
