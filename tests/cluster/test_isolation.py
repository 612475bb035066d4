"""The namespaces in which a cluster lives: what starts there stays there, and ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.cluster.control_plane import wait_until

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command in namespaces of its own, and waits for its first line."""
    started: list[subprocess.Popen[str]] = []

    def run(command: str, *, folder: str = "cluster", **options: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "sandbox.cluster.isolation", "sh", "-c", command],
            env={**os.environ, "SANDBOX_CLUSTER": str(tmp_path / folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # pyright: ignore[reportArgumentType, reportCallIssue]
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def runs(argument: str) -> bool:
    """Whether any process has this argument."""
    return any(argument in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_every_process_ends_with_the_first_one(start: Start, how: signal.Signals) -> None:
    mark = f"{1000 + how.value}.{os.getpid()}"  # seconds that no other sleep has
    process = start(f"sleep {mark} & setsid sleep {mark} & echo started; wait")
    assert first_line(process) == "started"
    wait_until(lambda: runs(mark), "the shell has forked, and its child does not become `sleep`", 5, pause=0.05)
    process.send_signal(how)
    process.wait(5)
    wait_until(lambda: not runs(mark), "`sleep` outlives its namespace", 5, pause=0.05)


def test_nothing_outside_can_be_reached(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        probe = f'import socket; socket.create_connection(("127.0.0.1", {port}), 2)'
        process = start(f"{sys.executable} -c '{probe}'")
        _, error = process.communicate(timeout=20)
        assert "Connection refused" in error


def test_an_inherited_socket_is_the_way_in(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The launcher passes on what `--keep` gives it; here it is the standard input.
        answer = 'import socket; socket.socket(fileno=0).accept()[0].sendall(b"hello")'
        start(f"{sys.executable} -c '{answer}'", stdin=listener.fileno())
        with socket.create_connection(listener.getsockname(), 10) as connection:
            connection.settimeout(10)
            assert connection.recv(5) == b"hello"


def test_a_folder_has_one_cluster_at_a_time(start: Start) -> None:
    assert first_line(start("echo started; sleep 60")) == "started"
    second = start("true")
    _, error = second.communicate(timeout=20)
    assert second.returncode == 1
    assert "another cluster runs in" in error
    assert "set SANDBOX_CLUSTER to another folder" in error


def test_the_exit_code_is_the_commands(start: Start) -> None:
    assert start("exit 7").wait(20) == 7
