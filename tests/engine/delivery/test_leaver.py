"""What docs/recovery.md says to do when somebody leaves, run as it stands there, on the engine: what they knew is worth
nothing afterwards."""

import json
import re
import subprocess
import sys
from typing import NamedTuple

import jwt
import pytest

from infra.settings.access import SIGNING_KEY
from sandbox.engine.stack import SandboxStack
from tests.support.ops_keys import keys
from tests.support.pages import commands
from tests.support.project import PREFIX
from tests.support.stacks import Make

JWT_RULES = "kubernetes:security.istio.io/v1:RequestAuthentication"
OLD, NEW, TOKEN = "sandbox", "another passphrase", "hf_of_those_who_stay"


def of_the_page() -> list[str]:
    """The commands for a stack with a passphrase, but for `up`, which runs the sandbox's program here."""
    found = [command.text for command in commands("docs/recovery.md")]
    found = found[found.index("read -rs NEW") :]
    return [text for text in found if not text.startswith(("gcloud", "pulumi up")) and "gcpkms" not in text]


def leave(stack: SandboxStack) -> str:
    """Run them, with what is typed; what they say."""
    script = "\n".join(["set -e", *of_the_page(), ""]).replace(".venv/bin/python", sys.executable)
    done = subprocess.run(  # noqa: S603
        ["bash", "-c", script.replace("--name NAME", "--name ben")],  # noqa: S607
        cwd=stack.stack_file.parent,
        env=stack.environment(),
        input=f"{NEW}\n{TOKEN}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    workspace = stack.stack.workspace
    workspace.env_vars = {**workspace.env_vars, "PULUMI_CONFIG_PASSPHRASE": NEW}
    return done.stdout


def signing_key(stack: SandboxStack) -> str:
    return stack.stack.get_config(PREFIX + SIGNING_KEY).value


def decrypted(stack: SandboxStack, passphrase: str) -> "subprocess.CompletedProcess[str]":
    """What `pulumi config get` says with a passphrase."""
    environment = {**stack.environment(), "PULUMI_CONFIG_PASSPHRASE": passphrase}
    words = ["pulumi", "config", "get", "huggingFaceToken", "--stack=dev", "--non-interactive"]
    folder = stack.stack_file.parent
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


class Leaver(NamedTuple):
    """What somebody has who could decrypt the stack: a key, the signing key, the stack file."""

    key: str
    signing: str
    file: str


@pytest.fixture
def left(up: Make) -> tuple[SandboxStack, Leaver]:
    """A stack whose page was followed, and the leaver."""
    stack = up(auth="tokens")
    key = keys(stack, "create", "--name=leaver").stdout.strip()
    stack.up()
    leaver = Leaver(key, signing_key(stack), stack.stack_file.read_text())
    assert "Migrating old configuration and state to new secrets provider" in leave(stack)
    return stack, leaver


def test_old_passphrase_decrypts_nothing_any_more(left: tuple[SandboxStack, Leaver]) -> None:
    stack, _ = left
    assert "incorrect passphrase" in decrypted(stack, OLD).stderr
    assert decrypted(stack, NEW).stdout.strip() == TOKEN


def test_nothing_new_can_be_read_with_the_old_passphrase_and_the_old_stack_file(
    left: tuple[SandboxStack, Leaver],
) -> None:
    stack, leaver = left
    [salt] = [line for line in leaver.file.splitlines() if line.startswith("encryptionsalt")]
    lines = stack.stack_file.read_text().splitlines()
    assert salt not in lines
    stack.stack_file.write_text("\n".join(salt if line.startswith("encryptionsalt") else line for line in lines) + "\n")
    assert decrypted(stack, OLD).returncode != 0


def test_state_is_encrypted_anew(left: tuple[SandboxStack, Leaver]) -> None:
    stack, leaver = left
    [salt] = re.findall(r"^encryptionsalt: (.*)$", leaver.file, re.MULTILINE)
    [state] = (stack.home / "state/.pulumi/stacks").glob("*/dev.json")
    assert salt not in state.read_text()


def test_leavers_keys_are_refused_and_others_get_new_ones(left: tuple[SandboxStack, Leaver]) -> None:
    stack, leaver = left
    stack.up()
    [rule] = stack.inventory.find(JWT_RULES)[0].inputs["spec"]["jwtRules"]
    known = {key["kid"] for key in json.loads(rule["jwks"])["keys"]}
    assert known
    assert jwt.get_unverified_header(leaver.key)["kid"] not in known
    assert signing_key(stack) != leaver.signing
    said = keys(stack, "list").stdout
    assert "leaver" not in said
    assert "ben" in said
