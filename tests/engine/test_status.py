"""`python -m ops status` of a stack of the engine, without any credentials: what it knows, and what it leaves out."""

import json
import subprocess
import sys
from typing import Any

from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, Make

NAME = f"{MODEL['namespace']}/{MODEL['name']}"


ALONE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
"""Variables by which nothing is reached: the addresses of simulated Google Cloud are somebody else's."""


def status(stack: SandboxStack, *options: str) -> tuple[int, str]:
    """Exit code and output of the command, on a machine that has no account of Google's and is none of its own.

    What gcloud's plugin has to say against it goes to the standard error, if it is there.
    """
    command = [sys.executable, "-m", "ops", "status", "--stack=dev", *options]
    env = {**stack.environment(), **ALONE, "NO_GCE_CHECK": "true", "CLOUDSDK_CONFIG": "/nonexistent"}
    done = subprocess.run(command, cwd=stack.home / "work", env=env, capture_output=True, text=True, check=False)  # noqa: S603
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_without_credentials_it_tells_what_the_engine_and_the_file_know(up: Make) -> None:
    stack = up()
    stack.up(message="ops resume by ann@laptop from commit c0ffee")
    code, said = status(stack, "--json")
    found: dict[str, Any] = json.loads(said)
    assert (code, found["serving"]) == (2, None)
    assert found["deployed"]["message"] == "ops resume by ann@laptop from commit c0ffee"
    [model] = found["models"]
    assert (model["name"], model["state"], model["url"]) == (NAME, "unknown", stack.outputs()["baseUrl"])
    assert model["detail"].startswith("no answer: ")
    assert 0 <= found["cost_today"]["least"] <= found["cost_today"]["most"] < 400
    assert found["maintenance"] == "any time"
    for part in (found["nodes"], found["alerts"], model["replicas"], model["traffic"]):
        assert list(part) == ["because"]
    assert "gcloud auth application-default login" in found["alerts"]["because"]


def test_without_a_stack_it_cannot_tell(sandbox: Make) -> None:
    stack = sandbox()
    stack.stack.workspace.remove_stack("dev", preserve_config=True)
    code, said = status(stack)
    assert code == 2
    assert said.startswith("dev: unknown\n")
    assert "no stack named 'dev' found" in said
