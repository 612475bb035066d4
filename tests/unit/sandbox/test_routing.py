"""The comparison of strategies: what is asked, of whom, and what is read from it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from infra.settings.load import parse
from infra.settings.routing import STRATEGIES
from sandbox.build.pythons import LackError
from sandbox.clouds.registries import reference
from sandbox.cluster.control_plane import ControlPlane
from sandbox.engine.stack import SandboxError
from sandbox.programs import catalogue, vllm_flags
from sandbox.programs.prefix_cache import PREFILL
from sandbox.routing import __main__ as command
from sandbox.routing import compare, environment, report, workload
from sandbox.routing.workload import Pod, Workload
from tests.support.project import stack_file
from tests.support.stack_settings import stack

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
SUMMARY = {
    "successes": {"count": 299, "latency": {"time_to_first_token": {"median": 0.0421, "p95": 0.5}}},
    "failures": {"count": 1},
}


def pod_metrics(queries: float, hits: float, stopped: int, cut: int) -> str:
    labels = 'engine="0",model_name="/mnt/models"'
    return (
        "# TYPE vllm:prefix_cache_queries_total counter\n"
        f"vllm:prefix_cache_queries_total{{{labels}}} {queries}\n"
        f"vllm:prefix_cache_hits_total{{{labels}}} {hits}\n"
        f'vllm:request_success_total{{{labels},finished_reason="stop"}} {float(stopped)}\n'
        f'vllm:request_success_total{{{labels},finished_reason="length"}} {float(cut)}\n'
    )


# What is asked


def test_one_pods_cache_holds_its_share_of_the_texts_and_not_all_of_them() -> None:
    load, pod, replicas = Workload(), Pod(), 3
    blocks = -(-load.text // pod.block_size)
    share = load.texts / replicas * blocks
    asked = -(-(load.question + load.answer) // pod.block_size)
    assert share + 4 * asked <= pod.blocks < load.texts * blocks


def test_pods_could_answer_everything_even_if_nothing_were_found() -> None:
    load, pod = Workload(), Pod()
    assert load.rate * (load.text + load.question) * pod.prefill < 3


def test_no_prompt_is_asked_twice() -> None:
    shared = asked(Workload(texts=7, rate=3, seconds=11))["data"]["shared_prefix"]
    assert shared["num_groups"] * shared["num_prompts_per_group"] >= 2 * 33  # arrivals are random, so there may be more


def asked(load: Workload) -> dict[str, Any]:
    return workload.config(load, url="http://x/n/m", model="/mnt/models", tokenizer=Path("t"), report=Path("r"))


def test_load_generator_is_told_of_lengths_rate_and_model() -> None:
    config = asked(Workload(texts=2, text=100, question=10, answer=5, rate=4, seconds=3, seed=9))
    assert config["data"] == {
        "type": "shared_prefix",
        "shared_prefix": {
            "num_groups": 2,
            "num_prompts_per_group": 12,
            "system_prompt_len": 100,
            "question_len": 10,
            "output_len": 5,
            "seed": 9,
        },
    }
    assert config["load"] == {"type": "poisson", "stages": [{"rate": 4, "duration": 3}], "num_workers": 1}
    assert config["api"] == {"type": "completion", "streaming": True}  # without it there is no first token to time
    assert config["server"] == {
        "type": "vllm",
        "model_name": "/mnt/models",
        "base_url": "http://x/n/m",
        "ignore_eos": True,
    }
    assert config["tokenizer"] == {"pretrained_model_name_or_path": "t"}
    assert config["storage"] == {"local_storage": {"path": "r"}}


def test_token_is_a_word_of_four_bytes_with_its_space(tmp_path: Path) -> None:
    workload.write_tokenizer(tmp_path / "here")
    model = json.loads((tmp_path / "here/tokenizer.json").read_text())["model"]
    assert model["vocab"].pop(model["unk_token"]) == 0
    assert {len(word) for word in model["vocab"]} == {3}
    assert sorted(model["vocab"].values()) == list(range(1, 1 + 18 * 5 * 18))


# Of whom


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_model_of_each_strategy_is_one_that_a_stack_takes(strategy: Any) -> None:
    [model] = parse(stack(compare.settings(MODEL, strategy, 3))).models
    assert (model.name, model.routing, model.replicas) == (strategy, strategy, 3)
    flags = vllm_flags.parse(["serve", "/mnt/models", *model.extra_args, f"--max-model-len={model.max_model_len}"])
    assert (flags.num_gpu_blocks_override, vllm_flags.block_size(flags), flags.max_num_seqs) == (128, 64, 32)
    assert vllm_flags.cache_problem(flags) is None


def test_next_model_has_room_beside_the_one_before_it() -> None:
    told = compare.settings(MODEL, "load", 3)
    assert (told["tpuMaxNodes"], told["warmUp"]) == (6, False)


def test_stand_in_is_told_how_long_a_prompt_takes_where_somebody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    image = catalogue.IMAGES[reference("docker.io/vllm/vllm-tpu:v0.27.0").name]
    assert image.adapt
    env: dict[str, str] = {}
    image.adapt(None, [], env)  # pyright: ignore[reportArgumentType] - it looks at no Pod
    assert PREFILL not in env
    monkeypatch.setenv(PREFILL, "0.0005")
    image.adapt(None, [], env)  # pyright: ignore[reportArgumentType]
    assert env[PREFILL] == "0.0005"


class Plane(ControlPlane):
    """A control plane with three Pods, of which one is ready and stays."""

    def __init__(self) -> None:
        self.asked: tuple[str, ...] = ()

    def kubectl(self, *arguments: str, stdin: str = "") -> str:  # noqa: ARG002
        def pod(address: str, status: str, **metadata: str) -> dict[str, Any]:
            conditions = [{"type": "Ready", "status": status}]
            return {"metadata": metadata, "status": {"podIP": address, "conditions": conditions}}

        self.asked = arguments
        pods = [pod("10.0.0.1", "True"), pod("10.0.0.2", "False"), pod("10.0.0.3", "True", deletionTimestamp="now")]
        return json.dumps({"items": pods})


def test_pods_that_count_are_those_of_the_model_that_are_ready_and_stay() -> None:
    plane = Plane()
    assert compare.addresses(plane, "team", "load") == ["10.0.0.1"]
    assert "--namespace=team" in plane.asked
    [selector] = [argument for argument in plane.asked if "selector" in argument]
    assert "app.kubernetes.io/name=load" in selector
    assert "llminferenceservice-workload" in selector


class Stack:
    """A stack that is up."""

    def outputs(self) -> dict[str, Any]:
        return {"baseUrl": "http://127.0.0.1:9/team/load", "model": "/mnt/models"}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands in for inference-perf: a script that the test writes."""
    program = tmp_path / "inference-perf"
    monkeypatch.setattr(compare, "PROGRAM", program)
    monkeypatch.setattr(compare, "answers", lambda *_: True)
    return program


def generates(program: Path, summary: Any) -> None:
    report_folder = program.parent / "report"
    program.write_text(
        f"#!{sys.executable}\nimport os, pathlib, sys\nassert os.environ['HF_HUB_OFFLINE'] == '1'\n"
        f"folder = pathlib.Path({str(report_folder)!r}); folder.mkdir()\n"
        f"(folder / 'summary_lifecycle_metrics.json').write_text({json.dumps(summary)!r})\nprint(sys.argv)\n"
    )
    program.chmod(0o755)


def test_summary_is_that_of_the_load_generator(program: Path, tmp_path: Path) -> None:
    generates(program, SUMMARY)
    assert compare.asked(Stack(), tmp_path, Workload()) == SUMMARY  # pyright: ignore[reportArgumentType]
    assert "--config_file" in (tmp_path / "inference-perf.log").read_text()


def test_load_generator_that_fails_is_told_with_its_log(program: Path, tmp_path: Path) -> None:
    program.write_text(f"#!{sys.executable}\nraise SystemExit('bad')\n")
    program.chmod(0o755)
    with pytest.raises(SandboxError, match=r"(?s)inference-perf has failed, with these last words:.*bad"):
        compare.asked(Stack(), tmp_path, Workload())  # pyright: ignore[reportArgumentType]


def test_run_in_which_nothing_was_answered_is_no_result(program: Path, tmp_path: Path) -> None:
    generates(program, {"successes": {"count": 0, "latency": None}, "failures": {"count": 300}})
    with pytest.raises(SandboxError, match=r"no request was answered: .* has what inference-perf said"):
        compare.asked(Stack(), tmp_path, Workload())  # pyright: ignore[reportArgumentType]


def test_model_that_nobody_serves_yet_does_not_answer() -> None:
    assert not compare.answers("http://127.0.0.1:9", "/mnt/models")


# What is read from it


def test_share_that_was_found_is_of_the_tokens_of_all_pods() -> None:
    pods = [pod_metrics(1000, 900, 2, 98), pod_metrics(3000, 100, 0, 199)]
    assert report.measured("load", SUMMARY, pods) == report.Measured(
        "load", hits=0.25, median=0.0421, p95=0.5, failed=1, answered=(199, 100)
    )


def test_rows_stand_side_by_side_in_milliseconds() -> None:
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(report.table([report.measured("prefix-cache", SUMMARY, [pod_metrics(8, 7, 0, 299)])]))
    row = next(text for text in console.export_text().splitlines() if "prefix-cache" in text)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["prefix-cache", "88%", "42", "500", "299", "1"]


# Who asks


def test_load_generator_that_is_installed_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "PROGRAM", tmp_path / "program")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it is installed again"))
    (tmp_path / "program").touch()
    (tmp_path / "requirements.txt").write_text(environment.REQUIREMENTS.read_text())
    environment.ensure()


def test_load_generator_of_other_requirements_is_installed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[list[str]] = []

    def run(arguments: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        done.append(arguments)
        return subprocess.CompletedProcess(arguments, 1)

    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment.pythons, "find", lambda *_, **__: "/python")
    monkeypatch.setattr(subprocess, "run", run)
    (tmp_path / "requirements.txt").write_text("inference-perf==0.6.0")
    with pytest.raises(LackError, match="the load generator is not installed; see above"):
        environment.ensure()
    assert done == [["/python", "-m", "sandbox.build.packages", str(tmp_path), str(environment.REQUIREMENTS)]]


def test_python_that_does_not_suit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setenv("PYTHON_ROUTING", "/nowhere/python")
    with pytest.raises(LackError, match=r"/nowhere/python, which is no Python 3.12.*make routing PYTHON_"):
        environment.ensure()


def test_load_generator_is_pinned_with_its_hashes_and_without_torch() -> None:
    requirements = environment.REQUIREMENTS.read_text()
    assert "inference-perf==0.7.0 \\\n    --hash=sha256:" in requirements
    assert "\ntorch==" not in requirements


@pytest.mark.parametrize("option", ["--replicas=0", "--rate=x", "--seconds=-1"])
def test_option_that_makes_no_sense_is_refused(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["routing", option])
    with pytest.raises(SystemExit):
        command.main()
    assert "is not a whole number above 0" in capsys.readouterr().err
