"""What is printed of a diagnosis, and when all is well."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ops.diagnose import run
from ops.diagnose.look import Look
from ops.diagnose.observed import Observed
from ops.diagnose.report import report
from tests.support.diagnosed import ASLEEP, PAUSED, SCALE_UP, unscheduled
from tests.support.observations import model, pod, seen, well


def told(observed: Observed) -> tuple[bool | None, str]:
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


REFUSED = "pods: 403, no right to"
UNREAD = seen(models=[model()], pods=[], incomplete=["pods"], left_out=[REFUSED])


def test_ready_model_whose_pods_were_not_read_is_unknown_and_says_why() -> None:
    is_well, text = told(UNREAD)
    assert is_well is None
    assert text.startswith(f"llm-d/qwen: unknown, not all Pods were read\nleft out: {REFUSED}\n")


def test_models_that_were_not_read_are_not_called_none_yet() -> None:
    is_well, text = told(seen(models=[], expected=[], incomplete=["models"]))
    assert is_well is None
    assert text.startswith("no model that is known: unknown, not all models were read")
    assert told(well().model_copy(update={"incomplete": ["models"]}))[0] is None


def test_fault_goes_before_what_was_not_read() -> None:
    assert told(UNREAD.model_copy(update={"services": []}))[0] is False


@pytest.mark.parametrize(("observed", "code"), [(well(), 0), (seen(pod()), 1), (UNREAD, 2)])
def test_exit_code_is_for_scripts(observed: Observed, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Look, "__call__", lambda _: observed)
    assert run.diagnose(Look("dev", Path(), None), "dev") == code
