"""What `python -m ops status` prints, and what it exits with."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from infra.settings.load import parse
from ops.__main__ import app
from ops.status import run
from ops.status.judge import status
from ops.status.known import Alert, Deployed, Failed, Health, Known, NoCluster, Traffic, Unknown
from ops.status.show import show
from tests.support.observations import NOW, PLACE
from tests.support.pages import commands
from tests.support.stack_settings import stack
from tests.support.statuses import HEALTHY, SYSTEM, TPU, known

NO_WAY = Unknown(because="https://c does not answer: timed out. It takes gke-gcloud-auth-plugin on PATH")
NO_LOGIN = Unknown(because="no credentials that work: gcloud auth application-default login")
WEEKEND = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU"}


def printed(**other: Any) -> list[str]:
    to = Console(width=120, record=True, file=StringIO())
    show(status(known(**other)), to)
    return [line.rstrip() for line in to.export_text().splitlines()]


SHOWN = [command for command in commands("docs/operations.md") if "-m ops status" in command.text and command.prints]


def test_healthy_stack_is_on_one_screen_as_the_page_shows_it() -> None:
    [command] = SHOWN
    assert printed() == command.prints
    assert len(command.prints) < 20


def test_what_is_not_known_says_why_once() -> None:
    lines = printed(cluster=NO_WAY, nodes=NO_WAY, traffic=NO_LOGIN, alerts=NO_LOGIN, deployed=NO_LOGIN)
    assert lines[0] == "dev: serving"
    assert f"deployed     unknown, because {NO_LOGIN.because}" in lines
    assert f"nodes        unknown, because {NO_WAY.because}" in lines
    assert f"alerts       unknown, because {NO_LOGIN.because}" in lines
    assert (
        "cost today   3.564 to 146.14 US dollars since midnight UTC, an estimate at list prices, with and without the "
        "models' nodes, as these are not known; without boot disks of TPU nodes, whose price is not known"
    ) in lines
    assert "│ llm-d/qwen │ serving │ ?     │ ?          │ ?           │       │" in lines
    assert lines[-2:] == [
        "ready Pods are unknown, as nodes are",
        "requests and time to first token are unknown, as alerts are",
    ]


def test_reason_of_its_own_is_told_in_whole() -> None:
    lines = printed(cluster=NO_WAY, traffic=NO_LOGIN)
    assert lines[-2:] == [
        f"ready Pods are unknown, because {NO_WAY.because}",
        f"requests and time to first token are unknown, because {NO_LOGIN.because}",
    ]


@pytest.mark.parametrize(("kind", "said"), [("update", "an update"), ("destroy", "a destroy")])
def test_failure_since_is_told_beside_what_is_deployed(kind: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed = known().deployed
    assert isinstance(deployed, Deployed)
    of = known(deployed=deployed.model_copy(update={"failed": Failed(kind=kind, at=NOW)}))
    assert f"of commit 0123456789ab: Add it; {said} failed at 2026-11-30 12:00 UTC" in ask(monkeypatch, of)[1]
    found = json.loads(ask(monkeypatch, of, "--json")[1])
    assert found["deployed"]["failed"] == {"kind": kind, "at": "2026-11-30T12:00:00Z"}


def test_model_that_is_down_has_its_cause_and_the_next_command() -> None:
    lines = printed(cluster=NO_WAY, health={PLACE: Health(status=503)})
    assert lines[0] == "dev: not serving"
    assert "llm-d/qwen: down, its health answers 503" in lines
    assert lines[-1] == "to see why: python -m ops diagnose --stack dev"


def test_other_words_of_the_screen() -> None:
    nobody = Traffic(requests=0, first_token=Unknown(because="no request has ended in the last 5 minutes"))
    lines = printed(
        deployed=Deployed(at=NOW, commit=None, changed=True, message=""),
        nodes=[SYSTEM.model_copy(update={"ready": False})],
        alerts=[Alert(name="no model answers", since=NOW - timedelta(hours=2))],
        settings=parse(stack({"maintenanceWindow": WEEKEND})),
        cluster=HEALTHY.model_copy(update={"left_out": ["events: 403, no right to"]}),
        traffic={PLACE: nobody},
    )
    assert "deployed     2026-11-30 12:00 UTC, of no commit and changes that are in none" in lines
    assert "nodes        1 system; not ready: system-1" in lines
    assert "alerts       no model answers since 2026-11-30 10:00 UTC, for 2:00:00" in lines
    assert "maintenance  2026-12-05 05:00 UTC to 2026-12-05 13:00 UTC" in lines
    assert lines[-2:] == [
        "time to first token of llm-d/qwen: unknown, because no request has ended in the last 5 minutes",
        "left out: events: 403, no right to",
    ]
    assert "nodes        none" in printed(nodes=[])
    daily = {**WEEKEND, "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU,MO", "end": "2026-01-03T13:00:00Z"}
    now = printed(settings=parse(stack({"maintenanceWindow": daily})))
    assert "maintenance  now, until 2026-11-30 13:00 UTC" in now


def test_nothing_known_is_still_a_screen() -> None:
    lines = printed(endpoints=NO_LOGIN, health={}, cluster=NO_WAY, settings=NO_WAY)
    assert lines[0] == "dev: unknown"
    assert "models       none that is known" in lines
    assert f"cost today   unknown, because {NO_WAY.because}" in lines
    assert f"maintenance  unknown, because {NO_WAY.because}" in lines


def test_json_of_a_stack_without_a_cluster_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    none = NoCluster(because="its state has no cluster")
    _, said = ask(monkeypatch, known(endpoints={}, health={}, cluster=none, nodes=none), "--json")
    found = json.loads(said)
    assert (found["nodes"], found["cost_today"]) == (
        {"because": "its state has no cluster"},
        {"because": "there is no cluster"},
    )


def ask(monkeypatch: pytest.MonkeyPatch, of: Known, *options: str) -> tuple[int, str]:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    asked: list[Any] = []
    monkeypatch.setattr(run, "look", lambda *what: asked.append(what) or of)
    done = CliRunner().invoke(app, ["status", "--stack", "dev", *options])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert asked == [("dev", Path())]
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"health": {PLACE: Health(status=503)}}, 1),
        ({"endpoints": NO_WAY, "health": {}, "cluster": NO_WAY}, 2),
    ],
)
def test_exit_code_is_for_scripts(change: dict[str, Any], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, known(**change))[0] == code
    assert ask(monkeypatch, known(**change), "--json")[0] == code


def test_json_has_the_same_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    _, said = ask(monkeypatch, known(alerts=NO_LOGIN), "--json")
    found = json.loads(said)
    assert found["serving"] is True
    assert found["since"] == "2026-11-30T11:50:00Z"
    assert found["deployed"]["commit"] == "0123456789abcdef"
    assert found["nodes"] == {"system": 1, "v6e-4 spot": 1}
    assert found["alerts"] == {"because": NO_LOGIN.because}
    assert found["cost_today"]["least"] == found["cost_today"]["most"]
    [model] = found["models"]
    assert (model["name"], model["state"], model["replicas"]) == (PLACE, "serving", {"ready": 1, "wanted": 1})
    assert model["traffic"] == {"requests": 1.5, "first_token": 0.25}


def test_secrets_are_in_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hf_" + "x" * 34
    of = known(settings=parse(stack({"huggingFaceToken": secret}), secrets={"huggingFaceToken"}), nodes=[SYSTEM, TPU])
    for options in ([], ["--json"]):
        assert secret not in ask(monkeypatch, of, *options)[1]
