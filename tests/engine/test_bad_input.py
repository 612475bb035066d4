"""Broken stack files on the engine: one message, once, whoever of engine and program gives it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation import CommandError, ConfigValue

from sandbox.engine.stack import SandboxError, SandboxStack
from sandbox.engine.stack_file import secrets_state, with_config, with_secrets_state
from tests.support.bad_files import BROKEN
from tests.support.bad_input import KINDS
from tests.support.mistakes import KEY, PREFIX, SECRET, apply, examples
from tests.support.project import ROOT
from tests.support.stacks import MODEL, OWN, Make

DEV = (ROOT / "Pulumi.dev.yaml").read_text()
SOME = [KINDS[i * len(KINDS) // 44] for i in range(44)]
"""With `BROKEN`, more than 60 files."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStack]:
    """One stack for all files; it has nothing in it."""
    with SandboxStack(home=tmp_path_factory.mktemp("bad"), config=OWN) as stack:
        yield stack


def refusal(stack: SandboxStack, text: str | bytes) -> str:
    """What the engine shows in a preview of a stack file."""
    said: list[str] = []
    good = stack.stack_file.read_bytes()
    stack.stack_file.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        with pytest.raises(CommandError) as refused:
            stack.preview(on_output=said.append, on_error=said.append, color="never", suppress_progress=True)
    finally:
        stack.stack_file.write_bytes(good)
    assert " code: 1\n" in str(refused.value)
    assert stack.inventory.log == []
    return "\n".join(said)


def told_once(text: str) -> None:
    """There is one message, nothing secret in it, and no line of it twice."""
    assert "Traceback" not in text
    assert SECRET not in text
    assert KEY not in text
    message = text.partition("Diagnostics:\n")[2] or text
    assert message.count("error: ") == 1, text
    problems = [line for line in message.splitlines() if line.startswith("      ")]
    assert problems or "Pulumi.dev.yaml has" not in message
    assert len(set(problems)) == len(problems)


@pytest.mark.parametrize("kind", SOME, ids=[kind.name for kind in SOME])
def test_mistake_is_told_once(prepared: SandboxStack, kind: Any) -> None:
    [bad, *_] = examples(kind, 1)
    values = yaml.safe_load(DEV)["config"]
    plain = {key.removeprefix(PREFIX): value for key, value in values.items()}
    changed = {k if ":" in k else PREFIX + k: v for k, v in apply(plain, bad).items()}

    text = with_config(DEV, {**changed, "gcp:project": changed.get("gcp:project", "my-project")})
    # With the salt that the stack has; for a file without one the engine makes a key first, each time.
    told_once(refusal(prepared, with_secrets_state(text, secrets_state(prepared.stack_file.read_text()))))


@pytest.mark.parametrize("kind", BROKEN)
def test_file_that_is_none_is_told_once(prepared: SandboxStack, kind: str) -> None:
    told_once(refusal(prepared, BROKEN[kind]))


@pytest.mark.parametrize("kind", ["duplicate key", "tab", "config as a list", "half a character", "not text"])
def test_sandbox_says_what_the_engine_cannot_read_in_a_line(tmp_path: Path, kind: str) -> None:
    (tmp_path / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
    text = BROKEN[kind]
    (tmp_path / "Pulumi.dev.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())

    with (
        pytest.raises(SandboxError, match=r"^Pulumi\.dev\.yaml: \S.*$"),
        SandboxStack(project=tmp_path, home=tmp_path / "home"),
    ):
        pass


def test_file_that_only_the_engine_can_read_is_read_as_it_reads_it(tmp_path: Path) -> None:
    """PyYAML knows no second document; the engine passes over it."""
    (tmp_path / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  {PREFIX}protect:\ttrue\n")

    with SandboxStack(project=tmp_path, home=tmp_path / "home", config={"labels": {"a": "b"}}) as stack:
        config = {key: value.value for key, value in stack.stack.get_all_config().items()}

    assert (config[f"{PREFIX}protect"], config[f"{PREFIX}labels"]) == ("true", '{"a":"b"}')
    assert config["gcp:project"] == "simulated-project"


def test_value_is_set_and_removed_where_the_file_is_left_to_the_engine(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
    text = f"config:\n  {PREFIX}labels: &labels\n    a: b\n  {PREFIX}nodeLabels: *labels\n  {PREFIX}protect: true\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(text)

    with SandboxStack(project=tmp_path, home=tmp_path / "home", config={"protect": False}) as stack:
        stack.set_config("models", [{"name": "m"}])
        stack.set_config("labels", None)
        config = {key.removeprefix(PREFIX): value.value for key, value in stack.stack.get_all_config().items()}

    assert (config["protect"], config["models"], config["nodeLabels"]) == ("false", '[{"name":"m"}]', '{"a":"b"}')
    assert config["labels"] == "{}"  # the default


# What is said


def test_broken_stack_file_is_one_message_without_traceback_and_changes_nothing(sandbox: Make) -> None:
    stack = sandbox(tpuSlice="v6e-16", models=[{**MODEL, "uri": "ftp://bucket/qwen"}], tpuMinNodes=2)
    said: list[str] = []
    with pytest.raises(CommandError) as failed:
        stack.preview(on_output=said.append, on_error=said.append)
    text = "".join(said)
    assert "Pulumi.dev.yaml has 3 problems; nothing was changed." in text
    for line in ('tpuSlice: "v6e-16"', "tpuMaxNodes: ", 'models[0].uri: "ftp://bucket/qwen"'):
        assert line in text
    assert "Traceback" not in text + str(failed.value)
    assert stack.inventory.log == []


def test_engine_refuses_a_scalar_of_the_wrong_type(sandbox: Make) -> None:
    stack = sandbox(tpuMaxNodes="many")
    with pytest.raises(CommandError, match="'tpuMaxNodes' must be of type 'integer'"):
        stack.preview()


def test_token_in_plain_text_is_refused_and_not_repeated(sandbox: Make) -> None:
    stack = sandbox(huggingFaceToken="hf_leaked")
    said: list[str] = []
    with pytest.raises(CommandError):
        stack.preview(on_output=said.append, on_error=said.append)
    assert "huggingFaceToken: is stored in plain text." in "".join(said)
    assert "hf_leaked" not in "".join(said)


def test_setting_of_a_provider_that_would_be_ignored_is_refused(sandbox: Make) -> None:
    stack = sandbox(**{"gcp:impersonateServiceAccount": "ci@p.iam.gserviceaccount.com"})
    said: list[str] = []
    with pytest.raises(CommandError):
        stack.preview(on_output=said.append, on_error=said.append)
    assert "gcp:impersonateServiceAccount: has no effect" in "".join(said)


def test_secret_inside_a_model_is_refused_and_not_shown(sandbox: Make) -> None:
    stack = sandbox()
    stack.stack.set_config("models[0].extraArgs[0]", ConfigValue("--seed=hidden", secret=True), path=True)
    said: list[str] = []
    with pytest.raises(CommandError):
        stack.preview(on_output=said.append, on_error=said.append)
    assert "models: is encrypted, but only huggingFaceToken stays so" in "".join(said)
    assert "hidden" not in "".join(said)


def test_what_may_be_wrong_is_a_warning(sandbox: Make) -> None:
    stack = sandbox(location="europe-west4-b")
    said: list[str] = []
    stack.preview(on_output=said.append)
    assert "tpuZones: europe-west4-b was not known to have TPU v6e" in "".join(said)
