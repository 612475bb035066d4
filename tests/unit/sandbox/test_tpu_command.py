"""`make tpu-check` as a command, with a compiler that only pretends."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from infra.settings.model_config import known
from sandbox.build import lock
from sandbox.tpu import __main__ as command
from sandbox.tpu import environment
from tests.support.tpu_cases import QWEN, case, memory


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
    times = {"seconds": 2.0, "processor": 1.0}
    programs = case().programs
    good = [{"case": 0, "program": p, "tokens": n, **times, "memory": memory(case(), p, n)} for p, n in programs]
    return [*good, {"case": 1, "program": "attention", "tokens": 16, "seconds": 1.0, "error": command.REFUSED}]


def test_command_succeeds_if_all_compiles_and_float16_does_not(says: Any) -> None:
    says(everything())
    assert command.main() == 0


def test_command_fails_if_the_compiler_multiplies_otherwise_than_the_roofline(
    says: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = everything()
    found[1]["memory"]["flops"] *= 1.1
    says(found)
    assert command.main() == 1
    assert "a chip multiplies 22.50 GFLOP in ops/roofline.py, and 25.00 to the compiler" in capsys.readouterr().out


def test_estimate_of_a_start_is_told_and_written(
    says: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["sandbox.tpu", "--stack", "dev", "--json", str(tmp_path / "estimate.json")])
    says(everything())
    assert command.main() == 0
    said = capsys.readouterr().out
    assert "vLLM compiles 8 buckets of steps while it starts, about 16 s here" in said
    assert "compiled in 12 s here, 6 s of processor time" in said
    [found] = json.loads((tmp_path / "estimate.json").read_text())
    assert (found["repository"], found["slice"], found["seconds"], found["buckets"]) == (QWEN, "v6e-4", 16.0, 8)
    assert found["measured"] == {"16": 2.0, "256": 2.0, "2048": 2.0}


def test_catalogue_is_compiled_without_the_bucket_for_prompts(says: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["sandbox.tpu", "--all"])
    monkeypatch.setattr(command, "known", lambda: {QWEN: known()[QWEN]})
    asked: list[list[command.Job]] = []
    monkeypatch.setattr(command, "compile_all", lambda _, jobs: (asked.append(jobs), ({}, []))[1])
    says([])
    command.main()
    [[(title, _, programs, must_say)]] = asked
    assert title.startswith(f"{QWEN}: {QWEN} on v6e-1")
    assert programs == [("attention", 16), ("step", 16), ("step", 256), ("logits", 8), ("logits", 256)]
    assert must_say is None


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
