"""The way of a model to Ready, seen again and again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ops.diagnose import run
from ops.diagnose.cluster import ClusterError
from ops.diagnose.look import Look
from ops.diagnose.observed import Observed
from ops.diagnose.state import NoClusterError
from ops.diagnose.watching import Watching, after
from tests.support.diagnosed import ASLEEP, PAUSED
from tests.support.observations import (
    INITIALIZING,
    NOW,
    PLACE,
    PROXY,
    RUNNING,
    UNSCHEDULED,
    event,
    pod,
    seen,
    thing,
    well,
)

NODE = seen(UNSCHEDULED)
WEIGHTS = seen(pod(weights=RUNNING, vllm=INITIALIZING))
EMPTY = seen(models=[], expected=[])
STOCKOUT = seen(UNSCHEDULED, events=[event("FailedScaleUp", "GCE out of resources")])
NO_ADDRESS = seen(UNSCHEDULED, services=[thing(PROXY)])


def looks(*observed: Observed, seconds: float = 30) -> Watching:
    """What is known after these looks, so many seconds apart."""
    watching = Watching()
    for i, one in enumerate(observed):
        watching = after(watching, one.model_copy(update={"at": NOW + timedelta(seconds=i * seconds)}))
    return watching


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_phases_follow_one_another_each_from_when_it_was_seen() -> None:
    steps = looks(NODE, NODE, well()).of(PLACE)
    assert [step.phase.name for step in steps] == ["node", "ready"]
    assert steps[0].began < NOW  # the Pod says since when
    assert steps[1].began <= at(60)


def test_phase_does_not_begin_before_the_one_that_it_follows() -> None:
    first = looks(NODE).steps[0]._replace(began=at(20))
    assert after(Watching((first,)), WEIGHTS.model_copy(update={"at": at(30)})).steps[1].began == at(30)


def test_it_is_ready_when_every_model_is() -> None:
    assert looks(well()).ready
    assert not looks(well().model_copy(update={"expected": [PLACE, "llm-d/other"]})).ready
    assert not looks(EMPTY).ready


def test_model_that_sleeps_is_waited_for_no_longer_and_ends_nothing() -> None:
    assert looks(ASLEEP).ready
    assert not looks(ASLEEP, ASLEEP, seconds=3600).lasting(at(3600))


def test_paused_model_is_not_waited_for_beside_others_and_ends_nothing() -> None:
    other = thing("llm-d/other", annotations=PAUSED.metadata.annotations)
    both = {"models": [*well().models, other], "service_accounts": [thing(PLACE), thing("llm-d/other")]}
    assert looks(well().model_copy(update=both)).ready
    alone = seen(models=[PAUSED], pods=[])
    assert not looks(alone).ready  # it may be on its way back
    assert not looks(alone, alone, seconds=3600).lasting(at(3600))


@pytest.mark.parametrize(("seconds", "ends"), [(59, False), (60, True)])
def test_cause_ends_the_watch_when_it_has_lasted(seconds: float, ends: bool) -> None:
    assert bool(looks(STOCKOUT, STOCKOUT, seconds=seconds).lasting(at(seconds))) == ends


def test_cause_that_was_gone_meanwhile_begins_anew() -> None:
    assert not looks(STOCKOUT, NODE, STOCKOUT, seconds=60).lasting(at(120))


def test_what_stands_around_the_models_has_longer_as_it_may_be_in_the_making() -> None:
    assert not looks(NO_ADDRESS, NO_ADDRESS, seconds=120).lasting(at(120))
    assert looks(NO_ADDRESS, NO_ADDRESS, seconds=600).lasting(at(600))


@pytest.mark.parametrize("on_its_way", [EMPTY, WEIGHTS])
def test_what_is_on_its_way_never_ends_it(on_its_way: Observed) -> None:
    assert not looks(on_its_way, on_its_way, seconds=3600).lasting(at(3600))


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(run, "EVERY", 0)
    return Console(width=120, record=True, file=StringIO())


def follow(answers: list[Observed | Exception], to: Console, *, until: datetime = datetime.max) -> Watching:
    """The watch of looks that are answered so."""
    rest: Iterator[Observed | Exception] = iter(answers)

    def look() -> Observed:
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return run.follow(look, until.replace(tzinfo=NOW.tzinfo), run.Plain(to), to)


def test_a_line_is_printed_for_each_change_and_no_other(printed: Console) -> None:
    assert follow([NODE, NODE, WEIGHTS, WEIGHTS, well()], printed).ready
    lines = printed.export_text().splitlines()
    assert [line.split(": ")[1].split()[0] for line in lines] == ["node", "weights", "ready"]


def test_stack_without_a_cluster_is_waited_for_and_told_once(printed: Console) -> None:
    assert follow([NoClusterError("no cluster"), NoClusterError("no cluster"), well()], printed).ready
    assert printed.export_text().count("no cluster") == 1


def test_cluster_that_never_answered_ends_it(printed: Console) -> None:
    with pytest.raises(ClusterError):
        follow([ClusterError("no")], printed)


def test_cluster_that_does_not_answer_for_a_while_does_not_end_it(printed: Console) -> None:
    assert follow([NODE, ClusterError("no"), well()], printed).ready


def test_it_ends_when_it_is_late(printed: Console) -> None:
    assert not follow([NODE], printed, until=datetime.min).ready


REFUSED = well().model_copy(update={"pods": [], "incomplete": ["pods"]})


@pytest.mark.parametrize(("seconds", "ends"), [(59, False), (60, True)])
def test_model_that_cannot_be_read_ends_the_watch_as_a_cause_does(seconds: float, ends: bool) -> None:
    watching = looks(REFUSED, REFUSED, seconds=seconds)
    assert not watching.ready
    assert not watching.causes
    assert watching.unread(at(seconds)) == ends
    assert not looks(REFUSED, well(), seconds=seconds).unread(at(seconds))


def test_models_stay_known_while_their_list_is_refused() -> None:
    lost = seen(models=[], expected=[], incomplete=["models"])
    watching = looks(well().model_copy(update={"expected": []}), lost)
    assert [step.phase.name for step in watching.of(PLACE)] == ["ready", "unknown"]
    assert not watching.ready


@pytest.mark.parametrize(("last", "code", "said"), [(well(), 0, "ready"), (REFUSED, 2, "it cannot be told")])
def test_exit_code_of_a_watch_tells_what_is_not_ready_from_what_was_not_read(
    last: Observed, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "EVERY", 0)
    begun = datetime.now(UTC) - timedelta(minutes=2)
    monkeypatch.setattr(Look, "__call__", lambda _: last.model_copy(update={"at": begun}))
    assert run.watch(Look("dev", Path(), None), "dev", 60) == code
    assert said in capsys.readouterr().out


def test_table_has_every_phase_with_its_time() -> None:
    to = Console(width=120, record=True, file=StringIO())
    to.print(run.table(looks(NODE, well()), at(90)))
    assert [line.split("│")[2].strip() for line in to.export_text().splitlines() if "│" in line] == ["node", "ready"]


@pytest.mark.parametrize("words", ["quota of [/projects/x] is used up", "[red]stockout"])
def test_words_of_others_are_shown_as_they_are(words: str) -> None:
    to = Console(width=160, record=True, file=StringIO())
    to.print(run.table(looks(seen(UNSCHEDULED, events=[event("FailedScaleUp", words)])), at(90)))
    assert words in to.export_text()
