"""`make tpu-check` as a command, with a compiler that only pretends."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from sandbox.build import lock
from sandbox.tpu import __main__ as command
from sandbox.tpu import environment
from tests.support.tpu_cases import MEMORY, case


def test_stacks_that_run_the_same_share_a_case() -> None:
    jobs = command.jobs_of([("dev", case()), ("prod", case()), ("big", case(maxModelLen=4096))], dtypes=False)
    assert [title.partition(":")[0] for title, *_ in jobs] == ["dev, prod", "big", "The reason for bfloat16"]


@pytest.mark.parametrize("dtypes", [True, False])
def test_float16_always_has_to_be_refused(dtypes: bool) -> None:
    _, last, programs, must_say = command.jobs_of([("dev", case())], dtypes)[-1]
    assert (last.dtype, programs, must_say) == ("float16", [("attention", 16)], command.REFUSED)


def test_dtypes_compares_those_that_compile() -> None:
    jobs = command.jobs_of([("dev", case())], dtypes=True)
    assert [(c.dtype, must_say) for _, c, _, must_say in jobs[:-1]] == [("bfloat16", None), ("float32", None)]


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what the compiler prints, and its exit code."""
    monkeypatch.setattr(command, "HOME", tmp_path)
    monkeypatch.setattr(command, "LOG", tmp_path / "log")
    monkeypatch.setattr("sys.argv", ["sandbox.tpu", "--stack", "dev"])

    def set_(text: list[dict[str, Any]], code: int = 0) -> None:
        (tmp_path / "answers").write_text("".join(json.dumps(line) + "\n" for line in text))
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\ncat {tmp_path}/answers\necho the last line >&2\nexit {code}\n")
        script.chmod(0o755)
        monkeypatch.setattr(environment, "ensure", lambda: script)

    return set_


def everything() -> list[dict[str, Any]]:
    """Good answers to what the command asks for the dev stack."""
    good = [{"case": 0, "program": p, "tokens": n, "seconds": 1.0, "memory": MEMORY} for p, n in case().programs]
    return [*good, {"case": 1, "program": "attention", "tokens": 16, "seconds": 1.0, "error": command.REFUSED}]


def test_command_succeeds_if_all_compiles_and_float16_does_not(says: Any) -> None:
    says(everything())
    assert command.main() == 0


def test_command_fails_if_a_program_is_refused(says: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = everything()
    del found[1]["memory"]
    found[1]["error"] = "exceeds available HBM (31.24G)"
    says(found)
    assert command.main() == 1
    assert "exceeds available HBM (31.24G)" in capsys.readouterr().out


def test_command_fails_if_float16_compiles(says: Any, capsys: pytest.CaptureFixture[str]) -> None:
    says([*everything()[:-1], everything()[0] | {"case": 1}])
    assert command.main() == 1
    assert "compiles now" in capsys.readouterr().out


def test_command_fails_if_the_check_itself_breaks_off(says: Any, capsys: pytest.CaptureFixture[str]) -> None:
    says(everything(), code=3)
    assert command.main() == 1
    assert "the check itself has failed with exit code 3" in capsys.readouterr().err


def test_second_check_at_once_waits_for_the_first(
    says: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(everything())
    first = lock.held(tmp_path / "tpu-check.lock")
    first.__enter__()
    ends = threading.Timer(1, first.__exit__, (None, None, None))
    ends.start()
    monkeypatch.setattr(command, "compile_all", lambda *_: (ends.join(), ({}, []))[1])
    command.main()
    assert capsys.readouterr().out.startswith("another `make tpu-check` runs here: waiting until it is done\n")


def test_command_refuses_a_compiler_that_is_not_the_images(
    says: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(everything())
    monkeypatch.setattr(environment, "drift", lambda _: "tpu-inference 1 is checked")
    assert command.main() == 1
    assert "tpu-inference 1 is checked" in capsys.readouterr().err
