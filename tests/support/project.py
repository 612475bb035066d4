"""The project's own files, read."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PREFIX = "gke-tpu-inference:"
_FILES = subprocess.run(["git", "ls-files", "Pulumi.*.yaml"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
STACKS = sorted(name.split(".")[1] for name in _FILES.stdout.split())
"""Those that are committed; a user may have others."""


def schema() -> dict[str, dict[str, Any]]:
    """The settings that Pulumi.yaml declares: type, description and default by name."""
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


def defaults() -> dict[str, Any]:
    """The configuration that Pulumi.yaml alone gives a stack."""
    return {key: item["default"] for key, item in schema().items()}


def settings_of(path: Path) -> dict[str, Any]:
    """The project's own settings in a stack file, as they stand there."""
    config = yaml.safe_load(path.read_text())["config"]
    return {key.removeprefix(PREFIX): value for key, value in config.items() if key.startswith(PREFIX)}


def stack_file(stack: str) -> dict[str, Any]:
    """The settings in a stack's own file, without what only its user can add: the project, and what is encrypted."""
    settings = settings_of(ROOT / f"Pulumi.{stack}.yaml")
    return {key: value for key, value in settings.items() if not (isinstance(value, dict) and "secure" in value)}
