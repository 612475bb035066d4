"""The project's own files, read."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
STACKS = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))


def schema() -> dict[str, dict[str, Any]]:
    """The settings that Pulumi.yaml declares: type, description and default by name."""
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


def defaults() -> dict[str, Any]:
    """The configuration that Pulumi.yaml alone gives a stack."""
    return {key: item["default"] for key, item in schema().items()}


def stack_file(stack: str) -> dict[str, Any]:
    """The configuration in a stack's own file, without the project's prefix."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix("gke-tpu-inference:"): value for key, value in config.items()}
