"""The project's own files, read."""

import subprocess
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PREFIX = "gke-tpu-inference:"
_FILES = subprocess.run(["git", "ls-files", "Pulumi.*.yaml"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
STACKS = sorted(name.split(".")[1] for name in _FILES.stdout.split())
"""Those that are committed; a user may have others."""


@cache
def _parsed(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)


def read(path: Path) -> dict[str, Any]:
    """A project or stack file, to be changed at will. The same text is parsed once: it takes longer than a test."""
    return deepcopy(_parsed(path.read_text()))


def schema() -> dict[str, dict[str, Any]]:
    """The settings that Pulumi.yaml declares: type, description and default by name."""
    return read(ROOT / "Pulumi.yaml")["config"]


def defaults() -> dict[str, Any]:
    """The configuration that Pulumi.yaml alone gives a stack."""
    return {key: item["default"] for key, item in schema().items()}


def settings_of(path: Path) -> dict[str, Any]:
    """The project's own settings in a stack file, as they stand there."""
    config = read(path)["config"]
    return {key.removeprefix(PREFIX): value for key, value in config.items() if key.startswith(PREFIX)}


def stack_file(stack: str) -> dict[str, Any]:
    """The settings in a stack's own file, without what only its user can add: the project, and what is encrypted."""
    settings = settings_of(ROOT / f"Pulumi.{stack}.yaml")
    return {key: value for key, value in settings.items() if not (isinstance(value, dict) and "secure" in value)}


def protected() -> dict[str, Any]:
    """What makes the dev stack one that is protected and open all the same: its model by the commit of prod."""
    [model], [in_prod] = stack_file("dev")["models"], stack_file("prod")["models"]
    model["uri"] = in_prod["uri"]
    return {"protect": True, "publicWithoutAuthentication": True, "models": [model]}
