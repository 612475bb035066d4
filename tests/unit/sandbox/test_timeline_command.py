"""`python -m sandbox.timeline`: what `make tpu-check` has found for it, what it prints, and what it refuses."""

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError, CommandResult, EngineEvent

from sandbox.engine.stack import SandboxError
from sandbox.timeline import __main__ as command
from sandbox.tpu import start_up
from tests.support.engine_events import error
from tests.support.tpu_cases import case
from tests.unit.sandbox.test_timeline import ARRIVAL, CHART, COPY, HOLDER, IMAGE, LLM, POOL, ROWS, llm

# The compilation that `make tpu-check` has estimated


def estimate(tmp_path: Path, seconds: float, repository: str = "Qwen/Qwen2.5-3B-Instruct") -> Path:
    found = start_up.described("dev", case()._replace(repository=repository), start_up.Estimate(seconds, 8, {16: 4.0}))
    (tmp_path / "check.json").write_text(json.dumps([found]))
    return tmp_path / "check.json"


def test_compilation_is_that_of_tpu_check_at_the_least(tmp_path: Path) -> None:
    row = command.checked(ROWS, estimate(tmp_path, 88.5), [LLM]).cluster["compilation"]
    assert (row.low, row.high) == (88.5, 400)


def test_compilation_is_never_more_than_it_was_at_the_most(tmp_path: Path) -> None:
    assert command.checked(ROWS, estimate(tmp_path, 900), [LLM]).cluster["compilation"].low == 400


@pytest.mark.parametrize("other", ["a/b", "Qwen/Qwen2.5-3B", "Qwen/Qwen2.5-3B-Instruct-AWQ"])
def test_check_of_another_model_is_refused(tmp_path: Path, other: str) -> None:
    said = f"has nothing for Qwen/Qwen2.5-3B-Instruct, the model that is drawn, but for {other}$"
    with pytest.raises(command.CheckError, match=said):
        command.checked(ROWS, estimate(tmp_path, 1, other), [LLM])


def test_check_of_a_model_that_is_not_drawn_is_refused(tmp_path: Path) -> None:
    second = {**llm(uri="hf://a/b"), "urn": f"{LLM['urn']}-2"}
    with pytest.raises(command.CheckError, match="has nothing for Qwen"):
        command.checked(ROWS, estimate(tmp_path, 1, "a/b"), [second, LLM])


@pytest.mark.parametrize(
    "resources", [[llm(uri="hf://Qwen/Qwen2.5-3B-Instruct:main")], [llm(uri="pvc://qwen-1"), COPY]]
)
def test_check_is_of_the_repository_whatever_the_revision_and_whether_it_is_copied(
    tmp_path: Path, resources: list[dict[str, Any]]
) -> None:
    assert command.checked(ROWS, estimate(tmp_path, 88), resources).cluster["compilation"].low == 88


@pytest.mark.parametrize("text", ["", "[1]", "[{}]"])
def test_what_is_no_check_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "check.json").write_text(text)
    with pytest.raises(command.CheckError, match="is not what `make tpu-check JSON=FILE` writes"):
        command.checked(ROWS, tmp_path / "check.json", [LLM])


# The command


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "of_stack", lambda *_: [POOL, CHART, LLM, HOLDER, ARRIVAL, IMAGE])


def test_what_the_user_can_mend_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "of_stack", lambda *_: [POOL])
    monkeypatch.setattr("sys.argv", ["timeline"])
    assert command.main() == 1
    assert capsys.readouterr().err.splitlines() == [
        "no model of the stack has a Pod, so there is no first token: all are paused"
    ]


@pytest.mark.usefixtures("fake")
def test_page_without_the_markers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("nothing\n")
    with pytest.raises(SandboxError, match=r"page\.md: <!-- timeline: made by make timeline --> or"):
        command.run(Namespace(stack="dev", tpu_check=None, svg=None, page=tmp_path / "page.md"))


def test_stack_file_that_the_program_refuses_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused:
        def __init__(self, stack: str, *, home: Path) -> None:
            assert (stack, home) == ("dev", tmp_path)

        def __enter__(self) -> "Refused":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def up(self, on_event: Callable[[EngineEvent], None]) -> None:
            message = "<{%reset%}>Pulumi.dev.yaml has 1 problem; nothing was changed.\n  tpuSlice: v9 is none."
            on_event(EngineEvent.from_json({"sequence": 1, "timestamp": 1, **error(message)}))
            raise CommandError(CommandResult(stdout="Updating (dev):", stderr="", code=1))

    monkeypatch.setattr(command, "SandboxStack", Refused)
    monkeypatch.setattr(command.pulumi_cli, "ensure", lambda: None)
    with pytest.raises(SandboxError) as said:
        command.of_stack("dev", tmp_path)
    assert str(said.value) == "Pulumi.dev.yaml has 1 problem; nothing was changed. tpuSlice: v9 is none."


@pytest.mark.usefixtures("fake")
def test_every_way_is_told_and_the_first_one_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- timeline: made by make timeline -->\nold\n<!-- end -->\nafter\n")
    command.run(Namespace(stack="dev", tpu_check=None, svg=tmp_path / "chart.svg", page=page))
    said = capsys.readouterr().out
    for line in ("cold, from an empty project", "restart on the same node, with caches", "critical path, at the most:"):
        assert line in said
        assert line in page.read_text()
    assert page.read_text().startswith("before\n<!-- timeline: made by make timeline -->\n\n```text\n")
    assert page.read_text().endswith("```\n\n<!-- end -->\nafter\n")
    assert "<svg" in (tmp_path / "chart.svg").read_text()
