"""`python -m ops load`: what it prints and writes, and what it exits with."""

import json
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
import yaml
from typer.testing import CliRunner, Result

from ops.__main__ import app
from ops.cli import CliError
from ops.load import run
from ops.load.endpoint import Endpoint
from ops.load.measured import Report, read
from ops.load.report import PICTURES
from tests.support.loads import MODEL, PLACE, report, told
from tests.support.project import ROOT, stack_file


@pytest.fixture
def outputs(serve: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Those of the dev stack, whose model answers."""
    endpoint = serve()
    found: dict[str, Any] = {"models": {PLACE: {"baseUrl": endpoint.url, "model": endpoint.model}}}
    monkeypatch.setattr(run.Cli, "__call__", lambda *_: json.dumps(found))
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    return found


@pytest.fixture
def load(tmp_path: Path, outputs: dict[str, Any]) -> Callable[..., Result]:  # noqa: ARG001
    """Runs the command with a generator that says what it is given to say, of each stage that it is asked for."""

    def invoke(*arguments: str, says: dict[str, Any] | None = None, draws: int = 0) -> Result:
        (tmp_path / "says.json").write_text(json.dumps(says or told()))
        program, python = tmp_path / "inference-perf", tmp_path / "python"
        program.write_text(
            f"#!{sys.executable}\nimport json, os, pathlib, sys, yaml\n"
            f"here = pathlib.Path({str(tmp_path)!r}); text = open(sys.argv[2]).read(); config = yaml.safe_load(text)\n"
            "trusted = os.environ.get('SSL_CERT_FILE'); trusted = trusted and open(trusted).read()\n"
            "(here / 'asked.json').write_text(json.dumps([config, trusted]))\n"
            "folder = pathlib.Path(config['storage']['local_storage']['path']); folder.mkdir()\n"
            "says = json.loads((here / 'says.json').read_text())\n"
            "for at, stage in enumerate(config['load']['stages']):\n"
            "    says['load_summary']['concurrency'] = stage['concurrency_level']\n"
            "    (folder / f'stage_{at}_lifecycle_metrics.json').write_text(json.dumps(says))\n"
        )
        python.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/drawn\nexit {draws}\n')
        for file in (program, python):
            file.chmod(0o755)
        paths = [f"--generator={program}", f"--output={tmp_path / 'out'}", f"--cwd={ROOT}"]
        return CliRunner().invoke(app, ["load", "--stack=dev", "--concurrency=5", *paths, *arguments])

    return invoke


GOOD = told(
    load_summary={"count": 25},
    successes={**told()["successes"], "count": 25},
    failures={"count": 0, "by_label": {}},
    benchmark_time_seconds=2.0,
)


def test_report_is_written_and_shown(load: Callable[..., Result], tmp_path: Path) -> None:
    done = load(says=GOOD)
    assert done.exit_code == 0, done.output
    found = read(tmp_path / "out/report.json")
    assert (found.model, found.pods, found.uri) == (PLACE, 1, MODEL["uri"])
    assert len(found.bounds) == len(found.stages) == 1
    assert "| 5 | 25 | 0 | 12.50 | 354 |" in (tmp_path / "out/report.md").read_text()
    assert "│       5 │" in done.output
    plots, file, folder = (tmp_path / "drawn").read_text().split()
    assert (Path(plots).name, Path(file), Path(folder)) == ("plots.py", tmp_path / "out/report.json", tmp_path / "out")
    [config, _] = json.loads((tmp_path / "asked.json").read_text())
    assert config["tokenizer"] == {"pretrained_model_name_or_path": "Qwen/Qwen2.5-3B-Instruct"}
    warm_up = {"concurrency_level": 5, "num_requests": 10}
    assert config["load"]["stages"] == [warm_up, {"concurrency_level": 5, "num_requests": 100}]
    assert "api_key" not in config["server"]


def of_range(folder: Path, **replicas: int) -> str:
    """The option for the dev stack with a range of replicas."""
    (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    config = stack_file("dev") | {"models": [{**MODEL, "replicas": replicas}], "tpuMaxNodes": 4}
    named = {key if ":" in key else f"gke-tpu-inference:{key}": value for key, value in config.items()}
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": named}))
    return f"--cwd={folder}"


def test_range_of_pods_is_told_and_no_share_of_its_roofline(load: Callable[..., Result], tmp_path: Path) -> None:
    done = load(of_range(tmp_path, min=1, max=4), says=GOOD)
    assert done.exit_code == 0, done.output
    assert "and only what 4 Pods cannot do is refused" in done.output
    page = (tmp_path / "out/report.md").read_text()
    assert f"{MODEL['uri']} on 1 to 4 Pods, asked by" in page
    assert "| 5 | 25 | 0 | 12.50 | 354 | - |" in page


def test_range_that_can_only_be_one_is_one(load: Callable[..., Result], tmp_path: Path) -> None:
    assert load(of_range(tmp_path, min=0, max=1), says=GOOD).exit_code == 0
    assert read(tmp_path / "out/report.json").pods == 1


def test_range_that_was_measured_is_compared_with_the_same_alone(load: Callable[..., Result], tmp_path: Path) -> None:
    assert load(of_range(tmp_path, min=1, max=4), says=GOOD).exit_code == 0
    base = (tmp_path / "out/report.json").rename(tmp_path / "base.json")
    assert load(of_range(tmp_path, min=1, max=4), f"--base={base}", says=GOOD).exit_code == 0
    other = load(of_range(tmp_path, min=2, max=4), f"--base={base}", says=GOOD)
    assert other.exit_code == 2
    assert "cannot be compared with: it is on another number of Pods" in other.output


def test_range_cannot_make_more_than_the_roofline_of_the_most(load: Callable[..., Result], tmp_path: Path) -> None:
    tokens = {**GOOD["successes"]["output_tokens"], "total": 1e6}
    says = {**GOOD, "successes": {**GOOD["successes"], "output_tokens": tokens}}
    assert "tokens a second of answers are more than the" in load(of_range(tmp_path, min=1, max=4), says=says).output


def trusted(folder: Path) -> str:
    """The authorities that the generator was told to trust, in words."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=json.loads((folder / "asked.json").read_text())[1])
    return str([authority["subject"] for authority in context.get_ca_certs()])


def test_authority_of_the_stack_is_trusted_beside_those_that_the_tokenizer_comes_by(
    load: Callable[..., Result], outputs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs["caCertificate"] = trustme.CA(organization_name="of the stack").cert_pem.bytes().decode()
    trustme.CA(organization_name="of this machine").cert_pem.write_to_path(tmp_path / "machine.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "machine.pem"))
    assert load(says=GOOD).exit_code == 0
    assert all(name in trusted(tmp_path) for name in ("of the stack", "of this machine"))


def test_machine_without_a_file_of_authorities_has_those_of_certifi(
    load: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA(organization_name="of the stack").cert_pem.write_to_path(tmp_path / "own.pem")
    monkeypatch.setattr(run.certifi, "where", lambda: str(tmp_path / "certifi.pem"))
    trustme.CA(organization_name="of certifi").cert_pem.write_to_path(tmp_path / "certifi.pem")
    monkeypatch.setattr(run.ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=None))
    assert load(f"--ca={tmp_path / 'own.pem'}", says=GOOD).exit_code == 0
    assert all(name in trusted(tmp_path) for name in ("of the stack", "of certifi"))


def test_without_an_authority_of_the_stack_the_generator_trusts_what_it_does(
    load: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert load(says=GOOD).exit_code == 0
    assert json.loads((tmp_path / "asked.json").read_text())[1] is None


def test_failed_requests_are_told_and_are_no_success(load: Callable[..., Result]) -> None:
    done = load()
    assert done.exit_code == 1
    assert "failed at 5 at once: 1 of 25: HTTP 503" in done.output


def test_what_cannot_be_true_is_no_result(load: Callable[..., Result], tmp_path: Path) -> None:
    pages = {"prompt": 25, "output": 25}
    done = load(says={**GOOD, "successes": {**GOOD["successes"], "client_fallback_requests": pages}})
    assert done.exit_code == 1
    assert "impossible at 5 at once: 25 of 25 answers came without vLLM's count of tokens" in done.output
    page = (tmp_path / "out/report.md").read_text()
    assert "**This is no result: it cannot be true.**\n\n- at 5 at once: 25 of 25 answers" in page
    again = load(f"--base={tmp_path / 'out/report.json'}", says=GOOD)
    assert again.exit_code == 2
    assert "is no result to compare with" in again.output


def test_more_tokens_than_the_roofline_are_impossible(load: Callable[..., Result]) -> None:
    tokens = {**GOOD["successes"]["output_tokens"], "total": 1e6}
    done = load(says={**GOOD, "successes": {**GOOD["successes"], "output_tokens": tokens}})
    assert done.exit_code == 1
    assert "500,000 tokens a second of answers are more than the" in done.output


def test_earlier_report_is_compared_with(load: Callable[..., Result], tmp_path: Path) -> None:
    assert load(says=GOOD).exit_code == 0
    base = (tmp_path / "out/report.json").rename(tmp_path / "base.json")
    done = load(f"--base={base}", says={**GOOD, "benchmark_time_seconds": 2.5})
    assert done.exit_code == 0, done.output
    assert "| 5 | -20% | +0% | +0% |" in (tmp_path / "out/report.md").read_text()


def test_report_of_something_else_is_refused_before_asking(load: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text(report(uri="hf://a/b").model_dump_json())
    done = load(f"--base={tmp_path / 'base.json'}", says=GOOD)
    assert done.exit_code == 2
    assert "cannot be compared with: it is of another model" in done.output
    assert not (tmp_path / "asked.json").exists()


@pytest.mark.parametrize(("holds", "why"), [(b'{"version": 1}', "made: Field required"), (b"\xff", "it: Invalid JSON")])
def test_file_that_is_no_report_is_refused_before_asking(
    load: Callable[..., Result], tmp_path: Path, holds: bytes, why: str
) -> None:
    (tmp_path / "base.json").write_bytes(holds)
    done = load(f"--base={tmp_path / 'base.json'}", says=GOOD)
    assert done.exit_code == 2
    assert f"base.json is no report of a load ({why}" in done.output
    assert not (tmp_path / "asked.json").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--stack=none"], "--stack none: there is no Pulumi.none.yaml"),
        (["--base=none.json"], "--base none.json: No such file or directory"),
        (["--model=other"], "the stack has no model other"),
        (["--generator=none"], "--generator none: there is no such file. `make load` installs inference-perf"),
        (["--output=/dev/null/out"], "--output /dev/null/out cannot be written: Not a directory. Name another folder"),
        (["--ca=none.pem"], "--ca none.pem: No such file or directory"),
    ],
)
def test_what_cannot_run_is_one_line(load: Callable[..., Result], arguments: list[str], why: str) -> None:
    done = load(*arguments, says=GOOD)
    assert done.exit_code == 2
    assert why in done.output.splitlines()[-1]


def test_stack_without_outputs_is_told(load: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> str:
        raise CliError("error: no stack named\n'dev' found")

    monkeypatch.setattr(run.Cli, "__call__", refused)
    done = load()
    assert (done.exit_code, done.output.splitlines()[-1]) == (2, "Error: --stack dev: no stack named 'dev' found")


def test_missing_matplotlib_is_told(load: Callable[..., Result]) -> None:
    done = load(says=GOOD, draws=1)
    assert done.exit_code == 2
    assert "has no matplotlib. Run `make load`, which installs it" in done.output


def test_page_shows_every_drawing() -> None:
    page = run.report.markdown(Report(**report().model_dump()))
    assert all(f"]({file})" in page for file in PICTURES)
