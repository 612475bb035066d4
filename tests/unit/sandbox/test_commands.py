"""What a wrong command line, a folder that cannot be written, a busy one and a missing program are answered with."""

import importlib
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sandbox.__main__
from sandbox import bench
from sandbox.build import lock, places
from sandbox.build.go import BuildError
from sandbox.engine import pulumi_cli
from tests.support.project import ROOT

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a module with arguments; returns its exit code and the last line of what it complains of."""

    def run(module: str, *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", [module, *arguments])
        try:
            code = importlib.import_module(module).main()
        except SystemExit as left:
            code = int(left.code or 0)
        said = capsys.readouterr()
        return code, (said.err or said.out).splitlines()[-1]

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sandbox.__main__", "e2e", "--port=99999"], "--port: '99999' is not a port; 0 to 65535 are"),
        (["sandbox.__main__", "e2e", "--port=-1"], "--port: '-1' is not a port"),
        (["sandbox.__main__", "demo", "--stack="], "--stack: '' is not a stack's name"),
        (["sandbox.__main__", "demo", "--stack=../dev"], "--stack: '../dev' is not a stack's name"),
        (["sandbox.__main__", "preview", "--report=/proc/no/x.md"], "--report: /proc/no is not a folder that can be"),
        (["sandbox.__main__", "preview", "--because=x"], "--because goes with --report"),
        (["sandbox.bench", "--rounds=0"], "--rounds: '0' is not a whole number above 0"),
        (["sandbox.bench", "--rounds=few"], "--rounds: 'few' is not a whole number above 0"),
        (["sandbox.load.__main__", "load", "--stack=dev", "--concurrency=0"], "--concurrency: '0' is not a whole"),
        (["sandbox.load.__main__", "load", "--stack=dev", "--rounds=0"], "--rounds: '0' is not a whole number above 0"),
        (["sandbox.load.__main__", "overhead", "--stack=dev", "--seconds=0"], "--seconds: '0' is not a whole number"),
        (["sandbox.load.__main__", "load", "--stack=dev", "--base=none"], "--base: none: No such file or directory"),
        (
            ["sandbox.load.__main__", "chaos", "--stack=dev", "--only=killd"],
            "--only: 'killd' is in the name of no fault. Use a part of one: a picker is killed, a picker is",
        ),
        (["sandbox.growth", "--models", "1", "-3"], "--models: '-3' is not a whole number above 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_command_line_is_refused_in_one_line(command: Command, arguments: list[str], message: str) -> None:
    code, said = command(*arguments)
    assert code == 2
    assert f"error: {message}" in said.replace("error: argument ", "error: ")


def test_help_of_the_benchmark_measures_nothing(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "run", lambda _: pytest.fail("it measures"))
    code, said = command("sandbox.bench", "--help")
    assert code == 0
    assert "how often to measure" in said


def test_benchmark_without_an_engine_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise BuildError("no Go")

    monkeypatch.setattr(pulumi_cli, "ensure", fails)
    assert command("sandbox.bench") == (1, "no Go")


@pytest.mark.parametrize("name", ["demo", "preview", "up", "e2e"])
def test_folder_that_cannot_be_written_is_one_line(command: Command, name: str) -> None:
    code, said = command("sandbox.__main__", name, "--home=/proc/clone")
    assert code == 1
    assert said.startswith("cannot write into /proc/clone/")


def test_engine_that_cannot_be_put_into_a_folder_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "HOME", Path("/proc/clone"))
    monkeypatch.setattr(places, "BIN", Path("/proc/clone/bin"))
    with pytest.raises(BuildError, match=r"^cannot write into /proc/clone: No such file or directory\nOr install"):
        pulumi_cli.ensure()


def test_second_demo_at_once_says_that_another_runs_and_leaves_its_folder_alone(
    command: Command, tmp_path: Path
) -> None:
    state = tmp_path / "demo" / "dev" / "state"
    state.mkdir(parents=True)
    with lock.held(tmp_path / "demo" / "dev.lock"):
        code, said = command("sandbox.__main__", "demo", f"--home={tmp_path}")
    assert code == 1
    assert said.startswith(f"another run of stack dev uses {tmp_path}/demo/dev: wait until it ends, or give another")
    assert state.exists()


def test_demo_that_was_killed_keeps_nobody_waiting(tmp_path: Path) -> None:
    file = tmp_path / "demo.lock"
    program = f"import sys, time; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path"
    program += "\nfrom sandbox.build import lock"
    program += f"\nwith lock.held(Path({str(file)!r})): print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)  # noqa: S603
    assert process.stdout
    process.stdout.readline()
    with pytest.raises(lock.LockError, match="busy"), lock.held(file, refusal="busy"):
        pass
    process.kill()
    process.communicate()
    with lock.held(file, refusal="busy"):
        pass


def test_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(sandbox.__main__.SandboxError) as refused:
            sandbox.__main__.listen(port)
    assert str(refused.value) == f"--port {port}: Address already in use; give another"
