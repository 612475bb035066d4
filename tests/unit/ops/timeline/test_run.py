"""`python -m ops timeline`: what it prints, and what it exits with."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from ops.cli import CliError
from ops.diagnose import state
from ops.diagnose.cluster import ClusterError
from ops.timeline import run, show
from ops.timeline.tasks import Task
from tests.support.observations import NOW, PLACE, before, pod, seen
from tests.unit.ops.timeline.test_events import OTHER, URN, event

LATER = "urn:pulumi:dev::project::kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService::qwen"
START = int(NOW.timestamp()) - 40 * 60
LINES = [
    event("resourcePreEvent", START),
    event("resOutputsEvent", START + 30),
    event("resourcePreEvent", START, OTHER),
    event("resOutputsEvent", START + 60, OTHER),
    event("resourcePreEvent", START + 60, LATER),
    event("resOutputsEvent", START + 2300, LATER),
]
RESOURCES = [
    {"urn": URN, "type": URN.split("::")[2], "custom": True},
    {"urn": OTHER, "type": OTHER.split("::")[2], "custom": True},
    {
        "urn": LATER,
        "type": LATER.split("::")[2],
        "custom": True,
        "dependencies": [URN],
        "inputs": {"metadata": dict(zip(("namespace", "name"), PLACE.split("/"), strict=True))},
    },
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "events.json"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in LINES))
    return file


PROVIDER = {
    "urn": "urn:pulumi:dev::project::pulumi:providers:kubernetes::cluster",
    "type": "pulumi:providers:kubernetes",
    "custom": True,
    "inputs": {"kubeconfig": '{"clusters": []}'},
}


@pytest.fixture
def exports() -> list[tuple[Any, ...]]:
    """How often the state was asked for, and of whom."""
    return []


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, exports: list[tuple[Any, ...]]) -> None:
    """A stack with these resources, whose cluster does not answer."""

    def refuses(*_: Any) -> Any:
        raise ClusterError("the cluster does not answer")

    def cli(*of: Any) -> Any:
        exports.append(of)
        return lambda *_: json.dumps({"deployment": {"resources": [*RESOURCES, PROVIDER]}})

    monkeypatch.setattr(state, "Cli", cli)
    monkeypatch.setattr(run, "Cluster", lambda kubeconfig: kubeconfig)
    monkeypatch.setattr(run, "observe", refuses)


def test_log_alone_is_read_by_time(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.timeline(log, "", Path(), None) == 0
    said = capsys.readouterr().out
    assert "38:20 since 2026-11-30 11:20:00 UTC; critical path by times alone" in said
    assert "  Address address 1:00 > LLMInferenceService qwen 37:20" in said


@pytest.mark.usefixtures("stack")
def test_with_the_stack_it_goes_by_what_waited_for_what(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.timeline(log, "dev", Path(), None) == 0
    said = capsys.readouterr().out
    assert "without the times of Pods: the cluster does not answer" in said
    assert "critical path by dependencies" in said
    assert "  Network net 0:30 > LLMInferenceService qwen 37:20" in said
    assert "on it, 0:30 are of nothing that is recorded" in said


@pytest.mark.usefixtures("stack")
def test_pods_of_the_stacks_models_are_within_it(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], exports: list[tuple[Any, ...]]
) -> None:
    vllm = {"state": {"running": {"startedAt": before(12)}}}
    monkeypatch.setattr(
        run,
        "observe",
        lambda cluster, models, _: {(json.dumps(cluster), *models): seen(pod(vllm=vllm, ready=True))}[
            '{"clusters": []}', PLACE
        ],
    )
    run.timeline(log, "dev", Path(), None)
    assert exports == [("dev", Path())]
    said = capsys.readouterr().out
    assert "> a node for it (qwen-kserve-1) 10:00 > vLLM's image (qwen-kserve-1) 8:00 > vLLM's start" in said


def test_failed_run_is_shown_and_exits_with_1(log: Path) -> None:
    log.write_text(json.dumps(event("resourcePreEvent", 100)) + "\n" + json.dumps(event("resOpFailedEvent", 160)))
    assert run.timeline(log, "", Path(), None) == 1


def test_log_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "events.json").write_text("")
    with pytest.raises(typer.Exit) as ended:
        run.timeline(tmp_path / "events.json", "", Path(), None)
    assert ended.value.exit_code == 2
    assert "events.json: no event of it says that anything was made or changed" in capsys.readouterr().err


NO_LOGS = (b"\x7fELF\x02\xff\x00", b"[1]\n", b"Updating (dev)\n", b'{"resourcePreEvent": [1]}\n')


@pytest.mark.parametrize("holds", NO_LOGS)
def test_file_that_is_no_log_is_refused(tmp_path: Path, holds: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_bytes(holds)
    with pytest.raises(typer.Exit) as ended:
        run.timeline(file, "", Path(), None)
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == f"Error: {file} is no event log: line 1 is no event of the engine\n"


def test_log_that_was_cut_off_in_a_character_is_read_until_there(log: Path) -> None:
    log.write_bytes(log.read_bytes() + '{"diagnosticEvent": {"message": "ü'.encode()[:-1])
    assert run.timeline(log, "", Path(), None) == 0


def test_stack_that_cannot_be_read_is_refused(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(*_: Any) -> str:
        raise CliError("error: no stack named 'x' found\n")

    monkeypatch.setattr(state, "Cli", lambda *_: refuses)
    with pytest.raises(typer.Exit):
        run.timeline(log, "x", Path(), None)
    assert "Error: --stack x: no stack named 'x' found" in capsys.readouterr().err


def test_drawing_has_the_resources_and_fetches_nothing(log: Path, tmp_path: Path) -> None:
    run.timeline(log, "", Path(), tmp_path / "chart.svg")
    drawn = (tmp_path / "chart.svg").read_text()
    assert drawn.startswith("<svg")
    assert "Network&#160;net" in drawn
    assert re.findall(r"https?://[^\s\"<]+", drawn) == ["http://www.w3.org/2000/svg", "https://www.textualize.io"]


def test_drawing_that_cannot_be_written_is_refused(log: Path, tmp_path: Path) -> None:
    with pytest.raises(typer.Exit):
        run.timeline(log, "", Path(), tmp_path / "none" / "chart.svg")


def test_table_marks_the_path_tells_what_could_be_longer_and_leaves_out_what_is_short() -> None:
    tasks = [
        Task("a", "long", 0, 90, ()),
        Task("b", "beside", 0, 30, ()),
        Task("c", "end", 90, 95, ("a", "b")),
        Task("d", "short", 0, 0.4, ()),
    ]
    rows = {
        cells[1].plain: cells for cells in zip(*(column.cells for column in show.table(tasks).columns), strict=True)
    }  # type: ignore[union-attr]
    assert list(rows) == ["beside", "long", "end"]
    assert [str(rows["long"][0]), rows["long"][2], rows["long"][3], rows["long"][4]] == ["*", "0:00", "1:30", ""]
    assert [str(rows["beside"][0]), rows["beside"][4]] == ["", "1:00"]
