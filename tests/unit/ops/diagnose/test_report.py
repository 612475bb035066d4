"""What is printed of a diagnosis, and when all is well."""

from io import StringIO

from rich.console import Console

from ops.diagnose.observed import Observed
from ops.diagnose.report import report
from tests.support.diagnosed import ASLEEP, PAUSED, SCALE_UP, unscheduled
from tests.support.observations import seen, well


def told(observed: Observed) -> tuple[bool, str]:
    to = Console(width=120, record=True, file=StringIO())
    return report(observed, to), to.export_text()


def test_ready_model_is_well() -> None:
    assert told(well())[0]


def test_cause_is_not_well_and_has_whose_words_and_the_next_command() -> None:
    is_well, text = told(unscheduled("FailedScaleUp", SCALE_UP.format("GCE out of resources")))
    assert not is_well
    assert "GCE out of resources" in text
    assert "next  wait" in text


def test_model_that_sleeps_is_well_and_what_wakes_it_is_told() -> None:
    is_well, text = told(ASLEEP)
    assert is_well
    assert "llm-d/qwen: asleep" in text
    assert "ask for a completion, which wakes it within minutes" in text


def test_paused_model_is_well_and_the_way_back_is_told() -> None:
    is_well, text = told(seen(models=[PAUSED], pods=[]))
    assert is_well
    assert "llm-d/qwen: paused" in text
    assert "python -m ops resume llm-d/qwen --stack NAME --up" in text
