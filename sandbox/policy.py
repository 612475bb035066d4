"""The policy pack in the sandbox: on the real engine, and as plain rules over a state."""

import os
from typing import Any

from policy.rules import RULES, of_state, violations

from .stack import REPO, Sandbox, SandboxError

PACK = REPO / "policy"


def enforced(sandbox: Sandbox) -> dict[str, Any]:
    """The options with which `preview` and `up` of an entered sandbox run the pack, as `--policy-pack policy` does.

    The CLI built here brings no host for Python. The engine then looks on PATH for a plugin that runs packs in
    Python, and gives it its own address and the pack's folder, where it starts it.
    """
    if not (PACK / ".venv").exists():
        raise SandboxError("policy/.venv is missing, in which the policy pack runs: run `make policy`")
    plugin = sandbox.home / "bin" / "pulumi-analyzer-policy-python"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text('#!/bin/sh\nexec .venv/bin/python -u -m pulumi.policy "$1" "$2"\n')
    plugin.chmod(0o755)
    workspace = sandbox.stack.workspace
    workspace.env_vars = {**workspace.env_vars, "PATH": f"{plugin.parent}{os.pathsep}{os.environ['PATH']}"}
    return {"policy_packs": [str(PACK)]}


def check(sandbox: Sandbox) -> str:
    """What the rules say of everything in the state, in words; raises if one is broken."""
    resources = of_state(sandbox.resources())
    broken = [problem for resource in resources for problem in violations(resource)]
    if broken:
        raise SandboxError("\n".join(["the stack breaks its own policy:", *(f"  {problem}" for problem in broken)]))
    return f"{len(resources)} resources keep {len(RULES)} rules"
