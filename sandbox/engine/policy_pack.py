"""The policy pack in the sandbox: on the real engine, and as plain rules over a state."""

import shlex
from typing import Any

from policy.rules import RULES, violations
from policy.rules.repositories import with_caches
from policy.rules.resource import of_state

from .stack import REPO, SandboxError, SandboxStack

PACK = REPO / "policy"
OWN_PLACES = ("chartMirror", "imageRegistry")


def enforced(sandbox: SandboxStack) -> dict[str, Any]:
    """The options with which `preview` and `up` of an entered sandbox run the pack, as `--policy-pack policy` does.

    The CLI built here brings no host for Python, which would start the pack. The engine takes a program for a pack as
    well, and gives it its own address: here one that runs the pack in Python, in its own folder.
    """
    if not (PACK / ".venv").exists():
        raise SandboxError("policy/.venv is missing, in which the policy pack runs: run `make policy`")
    program = sandbox.home / "policy"
    program.write_text(f'#!/bin/sh\ncd {shlex.quote(str(PACK))} && exec .venv/bin/python -u -m pulumi.policy "$1" .\n')
    program.chmod(0o755)
    return {"policy_packs": [str(program)]}


def check(sandbox: SandboxStack) -> str:
    """What the rules say of everything in the state, in words; raises if one is broken.

    What a stack says of where its charts and images come from is believed here; to the pack itself it is not.
    """
    config = sandbox.stack.get_all_config()
    places = [of.value for key, of in config.items() if key.rpartition(":")[2] in OWN_PLACES and of.value]
    resources = with_caches(of_state(sandbox.resources(), tuple(places)))
    broken = [problem for resource in resources for problem in violations(resource)]
    if broken:
        raise SandboxError("\n".join(["the stack breaks its own policy:", *(f"  {problem}" for problem in broken)]))
    return f"{len(resources)} resources keep {len(RULES)} rules"
