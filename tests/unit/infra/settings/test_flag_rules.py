"""Which flags of vLLM may be added: an allow-list, with a reason for everything that is not on it."""

import json

import pytest

from infra.settings import extra_args, flag_rules
from infra.settings.extra_args import problems
from infra.settings.flags import FLAGS
from tests.support.project import ROOT

RULES = json.loads((ROOT / "infra/settings/flag_rules.json").read_text())
CODE = "it names Python code, which vLLM would import and run beside the weights and the chips"
WEIGHTS = "it takes weights, or what belongs to them, from elsewhere than `uri`, where no revision is checked"
FILES = "clients, or whoever writes this file, could read or write files of the Pod with it"


def test_every_flag_of_the_release_has_one_place() -> None:
    places = [flag for of in [*RULES["allowed"].values(), *RULES["refused"]] for flag in of["flags"]]
    assert sorted(places) == sorted(FLAGS)


def test_flag_that_nobody_has_looked_at_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flag_rules, "ALLOWED", {k: v for k, v in flag_rules.ALLOWED.items() if k != "--seed"})

    assert list(problems(["--seed=1"])) == [
        "contains --seed. Remove it: nobody has looked at it for vLLM 0.27.0; infra/settings/flag_rules.json has those "
        "that may be added."
    ]


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        # What the program sets itself
        ("--dtype", "the field `dtype` sets it"),
        ("--data-parallel-size", "a Pod has one host; use `replicas`"),
        ("--trust-remote-code", "the field `trustRemoteCode` sets it"),
        ("--revision", "the field `uri` sets it"),
        # Secrets
        ("--hf-token", "everyone who can read the Pod can read a flag; the setting `huggingFaceToken` is the place "
         "for it"),
        # Code
        ("--middleware", CODE),
        ("--tool-parser-plugin", CODE),
        ("--reasoning-parser-plugin", CODE),
        ("--worker-cls", CODE),
        ("--compilation-config", CODE),
        # Files
        ("--allowed-local-media-path", FILES),
        ("--log-config-file", FILES),
        # Network
        ("--ssl-ca-certs", "probes and gateway speak plain HTTP to vLLM"),
        ("--root-path", "routes and probes rely on port 8000"),
        ("--kv-transfer-config", "it opens a connection of vLLM's own, to or from the Pod"),
        # Weights
        ("--lora-modules", WEIGHTS),
        ("--speculative-config", WEIGHTS),
    ],
)  # fmt: skip
def test_flag_is_refused_with_the_reason_of_its_kind(flag: str, why: str) -> None:
    assert list(problems([flag])) == [f"contains {flag}. Remove it: {why}."]


@pytest.mark.parametrize(
    "args",
    [
        ["--trust-remote"],  # abbreviated
        ["--trust_remote_code"],
        ["--no-trust-remote-code"],
        ["--no-trust-remote"],
        ["--seed=1", "--trust-remote-code"],
        ["--kv-cache-dtype-skip-layers", "a", "--middleware=x"],  # among the values of another
        ["--middleware", "a"],
        ["--middleware a"],
        ["--middleware.x=a"],
        ["-cc.backend=x"],
        ["-cc", '{"backend": "x"}'],
        ['-cc={"backend": "x"}'],
        ["--compilation_config.backend", "x"],
        ["--tool-parser-p=x"],
        ["--tool-parser-p", "x"],
    ],
)
def test_no_way_of_writing_it_gets_a_refused_flag_in(args: list[str]) -> None:
    assert next(line.startswith("contains -") and ". Remove it: " in line for line in problems(args))


def test_no_flag_that_runs_code_opens_files_or_holds_secrets_is_allowed() -> None:
    """By their names, whatever the list says of them; those that stay are settings of what vLLM brings."""
    words = ("plugin", "-cls", "path", "file", "-dir", "token=", "ssl", "key", "middleware", "trust", "class", "remote")
    assert [flag for flag in flag_rules.ALLOWED if any(word in flag for word in words)] == []


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ["--generation-config=someone/else"],
            "sets --generation-config to 'someone/else', which names code, files or weights of another source. Use one "
            "of auto, vllm, or remove it.",
        ),
        (
            ["--load-format", "pt"],
            "sets --load-format to 'pt', which names code, files or weights of another source. Use one of auto, dummy, "
            "hf, mistral, runai_streamer, safetensors, or remove it.",
        ),
        (
            ["--spec-method=custom_class"],
            "sets --spec-method to 'custom_class', which names code, files or weights of another source. Use one of "
            "ngram, or remove it.",
        ),
        (
            ['--model-loader-extra-config={"tensorizer_uri": "s3://x"}'],
            "sets --model-loader-extra-config to more than it may hold. Use an object with concurrency, distributed, "
            "enable_multithread_load, memory_limit, num_threads, or remove it.",
        ),
        (
            ["--model-loader-extra-config=x"],
            "sets --model-loader-extra-config to more than it may hold. Use an object with concurrency, distributed, "
            "enable_multithread_load, memory_limit, num_threads, or remove it.",
        ),
        *(
            (args, "has reasoning_parser_plugin in --structured-outputs-config, by which code of others would run. "
             "Remove it.")
            for args in (
                ["--structured-outputs-config.reasoning_parser_plugin=/x.py"],
                ["--structured_outputs_config.reasoning_parser_plugin", "/x.py"],
                ["--structured-outputs.reasoning_parser_plugin", "/x.py"],
                ["--structured-outputs-config", '{"reasoning_parser_plugin": "/x.py"}'],
                ['--structured-outputs-config={"reasoning_\\u0070arser_plugin": "/x.py"}'],
            )
        ),
        (
            ['--hf-overrides={"text_config": [{"auto_map": {"AutoModel": "x--y"}}]}'],
            "has auto_map in --hf-overrides, by which code of others would run. Remove it.",
        ),
        (
            ["--mm-processor-kwargs.trust_remote_code=true"],
            "has trust_remote_code in --mm-processor-kwargs, by which code of others would run. Remove it.",
        ),
    ],
)  # fmt: skip
def test_value_of_an_allowed_flag_that_brings_in_others_is_refused(args: list[str], line: str) -> None:
    assert list(extra_args.problems(args)) == [line]


@pytest.mark.parametrize(
    "args",
    [
        ["--generation-config=vllm"],
        ["--load-format=runai_streamer", "--model-loader-extra-config.concurrency=16"],
        ['--model-loader-extra-config={"enable_multithread_load": true, "num_threads": 8}'],
        ["--spec-method=ngram", "--spec-tokens=3"],
        ["--structured-outputs-config.backend=xgrammar"],
        ["--chat-template=examples/tool_chat_template_llama3.1_json.jinja"],
        ['--hf-overrides={"rope_scaling": {"factor": 4.0}}'],
        ["--allowed-media-domains", "example.com"],
        ["--additional-config.sharding.sharding_strategy.expert_parallelism=2"],
    ],
)
def test_what_people_need_is_allowed(args: list[str]) -> None:
    assert list(problems(args)) == []
