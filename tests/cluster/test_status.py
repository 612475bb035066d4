"""`python -m ops status` on the real control plane: a model that serves, and one that is paused."""

import json
import subprocess
import sys
from typing import Any

import httpx2

from sandbox.cluster.control_plane import wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL


def status(stack: SandboxStack) -> tuple[int, dict[str, Any]]:
    """Exit code, and what it tells."""
    command = [sys.executable, "-m", "ops", "status", "--stack=dev", "--json"]
    env = {**stack.environment(), "NO_GCE_CHECK": "true"}
    folder = stack.stack.workspace.work_dir
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def answers(stack: SandboxStack, code: int) -> None:
    """Wait until the model's health answers so."""
    url = f"{stack.outputs()['baseUrl']}/health"
    wait_until(lambda: httpx2.get(url).status_code == code, f"the model's health is not {code}", 60)


def test_model_that_serves_is_told_with_its_pods_and_nodes(deployed: SandboxStack) -> None:
    answers(deployed, 200)
    code, found = status(deployed)
    assert (code, found["serving"]) == (0, True)
    [model] = found["models"]
    assert (model["state"], model["replicas"]) == ("serving", {"ready": 1, "wanted": 1})
    assert model["since"] == found["since"]
    assert found["nodes"]["v6e-4 on-demand"] == 1
    assert found["nodes"]["system"] >= 1
    assert found["cost_today"]["least"] == found["cost_today"]["most"]
    assert not found["left_out"]


def test_paused_model_is_not_down(deployed: SandboxStack) -> None:
    deployed.set_config("models", [{**MODEL, "paused": True}])
    deployed.up()
    try:
        answers(deployed, 503)
        code, found = status(deployed)
        assert (code, found["serving"]) == (1, False)
        [model] = found["models"]
        assert (model["state"], model["replicas"]["ready"]) == ("paused", 0)
    finally:
        deployed.set_config("models", [MODEL])
        deployed.up()
