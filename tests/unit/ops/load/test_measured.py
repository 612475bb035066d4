"""What is read of inference-perf's reports, and of ours."""

import json
from pathlib import Path

import pytest

from infra.settings.load import parse
from ops.load import bound, generator, workload
from ops.load.measured import Bound, MeasuredError, Spread, read, stage, stages
from ops.load.run import GENERATOR
from sandbox.routing.environment import REQUIREMENTS
from tests.support.loads import report, told
from tests.support.loads import stage as one
from tests.support.stack_settings import stack


def test_stage_is_what_inference_perf_says_of_it() -> None:
    found = stage(told())
    assert (found.concurrency, found.requests, found.answered, found.failed) == (5, 25, 24, 1)
    assert found.errors == {"HTTP 503": 1}
    assert (found.uncounted, found.shortest) == (0, 7)
    assert (found.seconds, found.prompt_tokens, found.answer_tokens) == (2.0, 8500.0, 707.0)
    assert found.latency == Spread(mean=0.336, median=0.324, p95=0.532, p99=0.568)
    assert found.first == Spread(mean=0.005, median=0.001, p95=0.017, p99=0.031)


def test_stage_in_which_all_failed_has_no_times() -> None:
    none = {
        "count": 0,
        "latency": {"request_latency": None, "time_to_first_token": None},
        "prompt_tokens": {"total": 0.0},
        "output_tokens": {"total": 0.0},
        "client_fallback_requests": {"prompt": 0, "output": 0},
    }
    found = stage(told(successes=none))
    assert (found.latency, found.first, found.shortest) == (None, None, 0)


def test_stages_come_in_the_order_in_which_they_were_run_without_the_one_that_warmed_up(tmp_path: Path) -> None:
    for at in (0, 1, 3, 11):
        summary = {"count": 25, "concurrency": at}
        (tmp_path / f"stage_{at}_lifecycle_metrics.json").write_text(json.dumps(told(load_summary=summary)))
    assert [found.concurrency for found in stages(tmp_path)] == [1, 3, 11]


def test_rate_of_no_time_is_none() -> None:
    assert (one(seconds=0).rate(5), one(seconds=2).rate(5)) == (0, 2.5)


# Ours


def test_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(report(bounds=[Bound(answers=1, tokens=2)] * 2).model_dump_json())
    assert read(file) == report(bounds=[Bound(answers=1, tokens=2)] * 2)


def test_file_that_is_not_there_is_told() -> None:
    with pytest.raises(
        MeasuredError, match=r"none.json: No such file or directory. Name the report.json of an earlier"
    ):
        read(Path("none.json"))


@pytest.mark.parametrize(
    ("text", "why"), [("[]", "it: Input should be an object"), ('{"version": 2}', "version: Input should be 1")]
)
def test_other_file_is_told(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(MeasuredError, match=rf"report.json is no report of a load \({why}"):
        read(tmp_path / "report.json")


def test_what_cannot_be_true_is_nothing_to_compare_with(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(report(problems=["at 1 at once: no request was answered"]).model_dump_json())
    with pytest.raises(MeasuredError, match="is no result to compare with: at 1 at once: no request was answered"):
        read(tmp_path / "report.json")


# What bounds it


def test_bound_is_the_rooflines_for_the_share_of_a_pod() -> None:
    of = parse(stack())
    known = bound.of_model(of, of.models[0])
    assert known
    five, ten = (bound.of_stage(known, 1, one(at_once)) for at_once in (5, 10))
    assert bound.of_stage(known, 2, one(10)).answers == pytest.approx(2 * five.answers)
    assert bound.of_stage(known, 2, one(9)).answers == pytest.approx(2 * five.answers)  # one has five, the other four
    assert five.answers < ten.answers < 2 * five.answers
    assert five.tokens == ten.tokens > 100_000


def test_longer_prompts_bound_answers_more() -> None:
    of = parse(stack())
    known = bound.of_model(of, of.models[0])
    assert known
    short, long = (bound.of_stage(known, 1, one(20, prompt_tokens=20 * 20 * n)) for n in (100, 1500))
    assert long.answers < short.answers


def test_stage_without_an_answer_has_a_bound() -> None:
    of = parse(stack())
    known = bound.of_model(of, of.models[0])
    assert known
    assert bound.of_stage(known, 1, one(answered=0)).answers > 0


def test_model_that_is_not_known_has_none() -> None:
    of = parse(stack())
    assert bound.of_model(of, of.models[0].model_copy(update={"uri": "hf://nobody/knows"})) is None


# What is asked


def test_a_stage_asks_so_often_for_each_that_asks() -> None:
    asked = workload.config(
        workload.Mix(), [1, 150], 20, server={"base_url": "http://a"}, tokenizer="t", report=Path("r")
    )
    assert asked["load"]["type"] == "concurrent"
    assert asked["load"]["stages"] == [
        {"concurrency_level": 150, "num_requests": 300},  # warms up
        {"concurrency_level": 1, "num_requests": 20},
        {"concurrency_level": 150, "num_requests": 3000},
    ]
    assert asked["load"]["worker_max_concurrency"] == 150
    assert asked["data"]["input_distribution"] == {
        "type": "lognormal",
        "mean": 400,
        "std_dev": 400,
        "min": 16,
        "max": 1440,
        "total_count": 3321,  # no prompt is asked twice
    }
    assert asked["data"]["output_distribution"]["max"] == 512
    assert asked["api"] == {"type": "completion", "streaming": True}  # without it there is no first token to time
    assert asked["server"] == {"type": "vllm", "ignore_eos": True, "base_url": "http://a"}
    assert asked["report"]["request_lifecycle"]["use_server_output_tokens"]
    assert asked["storage"] == {"local_storage": {"path": "r"}}


def test_mix_has_room_in_the_context_that_it_is_for() -> None:
    mix = workload.Mix()
    assert mix.prompts.most + mix.answers.most < workload.CONTEXT
    assert mix.within(None) == mix.within(4096) == mix
    shorter = mix.within(512)
    assert shorter.prompts == workload.Lengths(mean=100, spread=100, least=4, most=360)
    assert shorter.answers.most == 128
    assert mix.within(8).answers.least == 1


def test_version_of_the_generator_is_the_one_that_is_installed() -> None:
    name, version = GENERATOR.split()
    assert f"\n{name}=={version} " in REQUIREMENTS.read_text()


# Who asks

CONFIG = {
    "server": {"api_key": "secret"},
    "report": {"request_lifecycle": {}},
    "load": {"stages": [{}, {}]},
    "storage": {"local_storage": {"path": "nowhere"}},
}


def test_generator_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(generator.GeneratorError, match=r"inference-perf cannot be run: .*none: No such file"):
        generator.ask(tmp_path / "none", CONFIG, tmp_path / "folder")


@pytest.mark.parametrize("code", [0, 1])  # with 0, it has written nothing
def test_last_words_of_one_that_fails_are_told_without_the_key(tmp_path: Path, code: int) -> None:
    program = tmp_path / "program"
    says = ["first", *["line"] * 14, "Bearer secret"]
    program.write_text("\n".join(["#!/bin/sh", *(f"echo {line}" for line in says), f"exit {code}\n"]))
    program.chmod(0o755)
    with pytest.raises(generator.GeneratorError, match=r"last words:\n(line\n){14}Bearer \.\.\.$"):
        generator.ask(program, CONFIG, tmp_path / "folder")


def test_run_without_a_report_of_every_stage_has_failed(tmp_path: Path) -> None:
    (tmp_path / "stage_0_lifecycle_metrics.json").write_text("{}")
    with pytest.raises(generator.GeneratorError, match="inference-perf has failed"):
        generator.ask(
            Path("/bin/true"), CONFIG | {"storage": {"local_storage": {"path": str(tmp_path)}}}, tmp_path / "f"
        )


def test_nobody_else_reads_what_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(generator.GeneratorError):
        generator.ask(tmp_path / "none", CONFIG, tmp_path / "folder")
    assert (tmp_path / "folder").stat().st_mode & 0o077 == 0
