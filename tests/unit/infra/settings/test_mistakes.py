"""Whatever is wrong with a stack file is told in one message of one line for each problem, at once, with no secret."""

import contextlib
import io
import json
import time
from copy import deepcopy
from typing import Any

import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.settings import extra_args
from infra.settings import load as program
from infra.settings.configuration import SettingsError
from infra.settings.flags import FLAGS
from sandbox.programs import vllm_flags
from tests.support.bad_input import KINDS
from tests.support.mistakes import KEY, PREFIX, SECRET, Kind, apply, examples
from tests.support.project import defaults, stack_file

DEV = {**defaults(), "gcp:project": "my-project", **stack_file("dev")}
FILES_OF_A_KIND = 25
SECONDS = 5
DRAWN = settings(max_examples=FILES_OF_A_KIND, derandomize=True, database=None, deadline=None)
"""The same files in every run."""


WORDS = [
    "--seed",
    "--seed=1",
    "-1",
    "x",
    "--no-enable-lora",
    "--enable-lora=1",
    "-q",
    "-qx",
    "--max-num",
    "-O3",
    "-O",
    "--",
]
WORDS += ["--additional-config.a.b=1", "--additional_config", "{}", "--lora-modules", "a=b", "--no-seed", "-", "-tp2"]


def good_flag() -> st.SearchStrategy[list[str]]:
    """A flag that vLLM takes and the program leaves to others, with a value if it wants one."""
    values = {"int": "1", "float": "0.5", "str": "x", "size": "1k", "lower": "x", "json": "{}", "json_or_str": "{}"}

    def words(name: str) -> list[str]:
        flag = FLAGS[name]
        value = flag["choices"][0] if "choices" in flag else values.get(flag["type"])
        return [name] if value is None else [name, value]

    needs = {"--enable-auto-tool-choice", "--enable-log-outputs"}
    return st.sampled_from(sorted(FLAGS.keys() - extra_args.OWN.keys() - needs)).map(words)


def load(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Load a configuration as the engine passes it: all of it text, structures as JSON."""
    wire = {
        key if ":" in key else PREFIX + key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    secrets = [PREFIX + "huggingFaceToken"] if values.get("huggingFaceToken") else []
    with monkeypatch.context() as patch:
        patch.setattr(pulumi, "get_project", lambda: PREFIX[:-1])
        patch.setattr(pulumi, "get_stack", lambda: "dev")
        patch.delenv("PULUMI_CONFIG", raising=False)
        pulumi.runtime.set_all_config(wire, secrets)
        program.load()


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_mistake_is_told_at_once_in_one_line_that_shows_nothing_secret(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bad in examples(kind, FILES_OF_A_KIND):
        start = time.monotonic()
        with pytest.raises(SettingsError) as error:
            load(apply(deepcopy(DEV), bad), monkeypatch)
        assert time.monotonic() - start < SECONDS
        header, *lines = str(error.value).split("\n")
        assert header.startswith(f"Pulumi.dev.yaml has {len(lines)} problem")
        assert SECRET not in str(error.value)
        assert KEY not in str(error.value)
        assert all(c.isprintable() for line in lines for c in line)
        assert all(line.startswith("  ") and ": " in line and line.endswith(".") for line in lines)
        key = bad.value[0] if isinstance(bad.value, tuple) else bad.where
        assert any(key[:7] in line for line in lines), bad


def test_there_are_five_hundred_different_files() -> None:
    files = {repr(bad) for kind in KINDS for bad in examples(kind, FILES_OF_A_KIND)}

    assert len(files) >= 500


@DRAWN
@given(st.lists(good_flag(), min_size=1, max_size=4, unique_by=lambda words: words[0].partition("=")[0]))
def test_flags_that_vllm_takes_are_taken(flags: list[list[str]]) -> None:
    """By the sandbox's reading of the release's list, which is argparse's alone."""
    args = [word for words in flags for word in words]
    vllm_flags.parse(["serve", "/mnt/models", *args])

    assert list(extra_args.problems(args)) == []


@DRAWN
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
def test_flags_that_vllm_refuses_are_refused(args: list[str]) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            vllm_flags.parse(["serve", "/mnt/models", *args])
        except SystemExit as refused:
            taken = refused.code == 0
        else:
            taken = True

    assert taken or list(extra_args.problems(args))
