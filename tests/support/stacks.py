"""Stacks on the real engine and simulated clouds: what they are made of, and what an operation does to them."""

from collections.abc import Callable
from typing import Any

from sandbox.engine.stack import SandboxStack

from .project import stack_file

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
OWN: dict[str, Any] = {"gcp:project": "simulated-project", "huggingFaceToken": ""}
"""In place of what users add to the committed stack files."""
OTHER = {**MODEL, "name": "other", "namespace": "team-b"}


def autoscaled(**fields: Any) -> dict[str, Any]:
    """Settings by which the load decides how many replicas the dev stack's model has, one to three unless said."""
    return {"models": [{**MODEL, "replicas": {"min": 1, "max": 3, **fields}}], "tpuMaxNodes": 3}


Make = Callable[..., SandboxStack]


def unchanged(preview: Any) -> bool:
    """Whether a preview plans nothing."""
    return set(preview.change_summary) == {"same"}


def since(sandbox: SandboxStack, operation: Callable[[], Any]) -> list[tuple[str, str, str]]:
    """What an operation does in the clouds: (create, update or delete; type; name), in order."""
    before = len(sandbox.inventory.log)
    operation()
    return sandbox.inventory.log[before:]
