"""What is measured and judged of a stack under load on the real control plane, with no control plane."""

import argparse
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import MagicMock, call

import pytest
import yaml
from rich.console import Console
from rich.table import Table

from ops.smoke import Smoke
from sandbox.cluster.forward import forward
from sandbox.engine.stack import SandboxError
from sandbox.load import chaos, faults, inside, overhead, processors
from sandbox.load.chaos import Result
from sandbox.load.faults import Fault
from sandbox.load.overhead import DIRECT, ROUTED, WHOLE, Measured, Way
from sandbox.load.traffic import Outcome, Request, Traffic, outcome
from sandbox.load.up import Up
from sandbox.programs import model_server, vllm_flags
from tests.support.project import ROOT, stack_file


def text(table: Table) -> list[list[str]]:
    """The cells of a table."""
    console = Console(width=200, file=StringIO(), record=True)
    console.print(table)
    lines = console.export_text().splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]


# What is lost


def test_outcome_is_of_what_was_under_way_in_the_span() -> None:
    asked = [
        Request(0, 1, 503),  # before
        Request(1, 3, 200),
        Request(3, 4, 503, "no healthy upstream"),
        Request(4, 6, 0, "ReadError: cut"),
        Request(6, 7, 503, "no healthy upstream"),
        Request(6.5, 7.5, 200),
        Request(11, 12, 500),  # after
    ]
    got = {"503 no healthy upstream": 2, "none ReadError: cut": 1}
    assert outcome(asked, since=2, until=10) == Outcome(5, 3, 4.0, got)


def test_nothing_lost_takes_no_time() -> None:
    assert outcome([Request(1, 2, 200)], since=0, until=3) == Outcome(1, 0, 0.0, {})


@pytest.mark.parametrize(("goal", "lost", "missed"), [(0, 0, False), (0, 1, True), (4, 4, False), (None, 99, False)])
def test_goal_is_missed_by_what_is_more(goal: int | None, lost: int, missed: bool) -> None:
    assert Result(Fault("f", goal, lambda _: None), Outcome(100, lost, 1.0, {})).missed == missed


def test_results_stand_in_a_table() -> None:
    results = [
        Result(Fault("kept", 0, lambda _: None), Outcome(100, 0, 0.0, {})),
        Result(Fault("lost", None, lambda _: None), Outcome(100, 3, 2.25, {"503 x": 2, "none y": 1})),
    ]
    assert text(chaos.table(results)) == [
        ["kept", "100", "0", "-", "0", ""],
        ["lost", "100", "3", "2.2 s", "all meanwhile", "2 x 503 x, 1 x none y"],
    ]


@contextmanager
def served(handler: type[model_server.Handler]) -> Iterator[str]:
    args = vllm_flags.parse(["serve", "/mnt/models", "--port=0", "--host=127.0.0.1"])
    server: ThreadingHTTPServer = model_server.Server(args, handler)
    server.server_activate()
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Failing(model_server.Handler):
    """Refuses every other completion."""

    turns = 0

    def route(self, path: str) -> None:
        type(self).turns += 1
        if self.turns % 2:
            super().route(path)
        else:
            self.reply(503, "no healthy upstream")


def test_traffic_goes_on_whatever_it_gets() -> None:
    with served(Failing) as url:
        traffic = Traffic(lambda: Smoke(url, 5), "/mnt/models")
        with traffic.flowing(clients=1):
            while len(traffic.requests) < 4:
                pass
        found = [(request.status, request.why) for request in traffic.requests[:4]]
    assert found == [(200, ""), (503, "no healthy upstream")] * 2


def test_faults_are_named_apart_and_two_of_a_thing_lose_nothing() -> None:
    names = [fault.name for fault in faults.FAULTS]
    assert len(set(names)) == len(names)
    may = {fault.name: fault.goal for fault in faults.FAULTS if fault.goal != 0}
    assert may == {"a vLLM Pod is killed": 4, "a model is rolled out": None}


@pytest.mark.parametrize(
    ("do", "other"),
    [(faults.reroute, {"routing": "load"}), (faults.replace_model, {"extraArgs": ["--max-num-seqs=64"]})],
)
def test_only_the_model_that_is_asked_is_changed(
    do: Callable[[Up], None], other: dict[str, Any], tmp_path: Path
) -> None:
    models = [{"namespace": "n", "name": name, "uri": f"hf://o/{name}"} for name in ("b", "a", "c")]
    file = tmp_path / "Pulumi.two.yaml"
    file.write_text(yaml.safe_dump({"config": {"gke-tpu-inference:models": models}}))
    stack = MagicMock(stack_file=file)
    do(MagicMock(stack=stack, place=("n", "a")))
    assert stack.mock_calls == [
        call.set_config("models", [models[0], {**models[1], **other}, models[2]]),
        call.up(),
    ]


def test_next_release_of_a_chart_differs_in_an_annotation_of_its_pods(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("_internal_defaults_do_not_set:\n  replicaCount: 1\n  podAnnotations: {a: b}\n")
    faults.annotate(file)
    assert yaml.safe_load(file.read_text()) == {
        "_internal_defaults_do_not_set": {
            "replicaCount": 1,
            "podAnnotations": {"a": "b", "gke-tpu-inference/release": "next"},
        }
    }


def test_settings_for_which_a_stack_is_broken_are_those_of_the_stack_file_but_one() -> None:
    assert stack_file("prod")["requestsPerMinute"] == 600  # 4 clients ask more often than that
    assert chaos.CONFIG == {"requestsPerMinute": None}


# What gateway and picker add


def times(p50: float, p99: float) -> dict[int, float]:
    return {50: p50, 95: p99, 99: p99}


def rows(connections: int, *more: tuple[float, float]) -> list[Measured]:
    ways = (DIRECT, ROUTED, WHOLE)
    return [Measured(way, connections, 1.0, times(*of)) for way, of in zip(ways, more, strict=True)]


def test_what_is_added_is_what_the_whole_way_takes_more_than_the_stand_in() -> None:
    measured = rows(1, (1.0, 3.0), (2.0, 5.0), (2.5, 7.0))
    assert overhead.added(measured, 1) == times(1.5, 4.0)
    assert overhead.added(measured, 1, ROUTED) == times(1.0, 2.0)


def test_goals_are_kept_or_told() -> None:
    assert overhead.missed([*rows(1, (1, 3), (3, 9), (3, 9)), *rows(100, (1, 1), (9, 999), (9, 999))]) == []
    slow = [*rows(1, (1, 3), (3, 9), (3.1, 9)), *rows(20, (5, 10), (5, 10), (5, 31))]
    assert overhead.missed(slow) == [
        "1 connection(s): 2.1 ms more at 50 %, and the goal is 2",
        "20 connection(s): 21.0 ms more at 99 %, and the goal is 20",
    ]


def test_ways_stand_with_how_many_times_as_long_they_take() -> None:
    [direct, routed, _] = text(overhead.table(rows(20, (1, 3), (2, 9), (2, 9))))
    assert direct == ["20", DIRECT, "1", "1.00", "3.00", "3.00", "", ""]
    assert routed == ["20", ROUTED, "1", "2.00", "9.00", "9.00", "2.0 x", "3.0 x"]


TOLD: dict[str, Any] = {
    "RetCodes": {"200": 812},
    "ActualQPS": 81.2,
    "DurationHistogram": {
        "Percentiles": [
            {"Percentile": 50, "Value": 0.0012},
            {"Percentile": 95, "Value": 0.0031},
            {"Percentile": 99, "Value": 0.0062},
        ]
    },
}


def test_what_fortio_says_is_in_milliseconds() -> None:
    found = overhead.measured(Way(DIRECT, "http://a"), 20, TOLD)
    assert (found.way, found.connections, found.rate) == (DIRECT, 20, 81.2)
    assert found.times == pytest.approx({50: 1.2, 95: 3.1, 99: 6.2})


def test_refusals_are_not_taken_for_answers() -> None:
    with pytest.raises(SandboxError, match=r"not every answer was 200, but \{'200': 1, '503': 9\}"):
        overhead.measured(Way(WHOLE, "http://a"), 1, {**TOLD, "RetCodes": {"200": 1, "503": 9}})


def test_fortio_posts_a_completion_and_gets_health() -> None:
    asked = overhead.command(Way(WHOLE, "http://a/v1/completions", "{}"), 20, 10)
    assert asked[-1] == "http://a/v1/completions"
    assert {"-c=20", "-t=10s", "-qps=0", "-payload={}", "-content-type=application/json"} <= set(asked)
    assert not any("payload" in part for part in overhead.command(Way("h", "http://a/health"), 1, 10))


class Scheduler:
    """What is asked of the kernel, which may refuse."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, refuses: bool = False) -> None:
        self.asked: dict[int, int] = {}
        self._refuses = refuses
        monkeypatch.setattr(os, "sched_setscheduler", self._set)

    def _set(self, task: int, policy: int, _: object) -> None:
        if self._refuses:
            raise PermissionError
        self.asked[task] = policy


def test_what_is_passed_comes_first_while_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, own = Scheduler(monkeypatch), os.getpid()
    with processors.first([own]) as alone:
        assert alone
        assert kernel.asked[0] == kernel.asked[own] == os.SCHED_RR
    assert set(kernel.asked.values()) == {os.SCHED_OTHER}


def test_who_may_not_say_who_comes_first_measures_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    Scheduler(monkeypatch, refuses=True)
    with processors.first([os.getpid()]) as alone:
        assert not alone


def test_process_that_has_ended_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    Scheduler(monkeypatch)
    with processors.first([2**22 + 1]) as alone:
        assert alone


def test_what_stands_in_for_load_balancers_is_found() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with forward(listener, lambda _: None), socket.create_connection(listener.getsockname(), 60) as connection:
        assert connection.recv(1) == b""  # so it runs
        assert processors.carriers()


# What the commands are told


def test_command_line_is_the_same_outside_and_inside() -> None:
    found = inside.parser().parse_args(["chaos", "--stack=prod", "--only=killed"])
    assert (found.what, found.stack, found.only) == ("chaos", "prod", "killed")


@pytest.mark.parametrize(("told", "model"), [([], []), (["--model=n/b"], ["--model=n/b"])])
def test_load_asks_the_model_that_is_named(
    told: list[str], model: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = MagicMock()
    monkeypatch.setattr(inside.subprocess, "run", run)
    arguments = inside.parser().parse_args(["load", "--stack=dev", *told])
    inside.load(MagicMock(key=""), argparse.Namespace(**vars(arguments), home=tmp_path))
    assert [part for part in run.call_args.args[0] if part.startswith("--model")] == model


@pytest.mark.parametrize("sandbox", ["", "1"])
def test_make_names_the_model(sandbox: str) -> None:
    make = ["make", "--no-print-directory", "--dry-run", "load", "STACK=dev", "MODEL=n/b", f"SANDBOX={sandbox}"]
    said = subprocess.run(make, check=True, cwd=ROOT, capture_output=True, text=True).stdout  # noqa: S603
    assert " load --stack dev --model n/b " in said


def test_only_the_named_faults_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def run(_: object, found: list[Fault]) -> list[Result]:
        tried.extend(fault.name for fault in found)
        return [Result(fault, Outcome(1, 1, 1.0, {})) for fault in found]

    monkeypatch.setattr(chaos, "run", run)
    broken = partial(inside.break_things, None)  # pyright: ignore[reportArgumentType] - nobody asks it here
    assert not broken(argparse.Namespace(only="a picker is killed"))
    assert broken(argparse.Namespace(only="a model is rolled out"))
    assert tried == ["a picker is killed", "a model is rolled out"]
