"""Secrets on the real engine: each is where it has to be, and nowhere else that an operation writes."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.settings.access import SIGNING_KEY
from ops.report.comment import report
from sandbox.clouds.kubernetes_kinds import SECRET
from sandbox.engine.stack import SandboxStack
from tests.support.ops_keys import keys
from tests.support.project import PREFIX
from tests.support.stacks import Make

FIRST, SECOND = "hf_canary-of-the-beginning", "hf_canary-of-the-end"


class Done(NamedTuple):
    """What became of a stack with every secret: the secrets by what they are, and all that was said and written."""

    secrets: dict[str, list[str]]
    told: dict[str, str]
    cloud: str


def in_the_cluster(stack: SandboxStack) -> dict[str, list[str]]:
    """The private keys that cert-manager has made, as they are and as the Kubernetes API has them."""
    found: dict[str, list[str]] = {}
    for name in ("gateway-authority", "gateway-tls"):
        [secret] = stack.inventory.find(SECRET, name=name)
        encoded = secret.inputs["data"]["tls.key"]
        # A line of it, as text has it in many ways.
        found[name] = [encoded, base64.b64decode(encoded).decode().splitlines()[1]]
    return found


@pytest.fixture
def done(sandbox: Make, tmp_path: Path) -> Done:
    """From nothing to what a preview shows of a new token, each step watched as CI watches it."""
    stack = sandbox(auth="tokens", tls="self-signed")
    told: dict[str, str] = {}
    plan = str(tmp_path / "plan.json")

    def watch(step: str, operation: Callable[..., Any], **options: Any) -> None:
        said: list[str] = []
        events: list[Any] = []
        operation(on_output=said.append, on_error=said.append, on_event=events.append, **options)
        told[step] = "".join(said)
        told[f"events of {step}"] = json.dumps(events, default=lambda one: getattr(one, "__dict__", str(one)))
        told[f"report of {step}"] = report(events, stack="dev")

    stack.set_config("huggingFaceToken", FIRST, secret=True)
    made = keys(stack, "create", "--name=ann")
    token = made.stdout.strip()
    watch("preview", stack.preview, diff=True, plan=plan)
    watch("up", stack.up, diff=True, plan=plan)
    cluster = in_the_cluster(stack)
    told["outputs"] = json.dumps(stack.outputs(), default=str)
    told["keys"] = "".join([made.stderr, keys(stack, "list").stdout, keys(stack, "revoke", "ann").stderr])
    signing = stack.stack.get_config(PREFIX + SIGNING_KEY).value
    told["rotation"] = keys(stack, "rotate").stderr
    stack.set_config("huggingFaceToken", SECOND, secret=True)
    watch("refresh", stack.refresh)
    watch("preview of a change", stack.preview, diff=True)
    watch("up with a change", stack.up, diff=True)
    secrets = {
        "Hugging Face token": [FIRST, SECOND],
        "signing keys": [signing, stack.stack.get_config(PREFIX + SIGNING_KEY).value],
        "key": [token, token.rsplit(".", 1)[1]],
        **cluster,
    }
    cloud = stack.inventory.path
    written = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*") if path.is_file()}
    told |= {name: path.read_bytes().decode(errors="replace") for name, path in written.items() if path != cloud}
    return Done(secrets, told, cloud.read_text())


def test_secrets_are_nowhere_that_somebody_reads(done: Done) -> None:
    """Previews, plan, state, events, reports, outputs, the stack file and what the commands say."""
    assert {"plan.json", "home/work/Pulumi.dev.yaml"} <= done.told.keys()
    assert any("checkpoint" in text or '"deployment"' in text for text in done.told.values())
    assert "`stringData.HF_TOKEN`" in done.told["report of preview of a change"]
    assert SECOND in done.cloud  # its Secret, in the cluster
    seen = {
        (secret, place)
        for secret, words in done.secrets.items()
        for place, text in done.told.items()
        if any(word in text for word in words)
    }
    assert seen == set()
    assert "PRIVATE KEY" not in "".join(done.told.values())


def test_only_the_token_and_cert_managers_keys_are_in_the_cluster(done: Done) -> None:
    assert not any(word in done.cloud for name in ("signing keys", "key") for word in done.secrets[name])
