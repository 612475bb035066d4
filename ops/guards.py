"""What has to hold before a workflow may deploy or tear down a stack, read from what GitHub and the repository say."""

import json
from pathlib import Path
from typing import Any

import yaml

from .stacks import ROOT

SETTING = "gke-tpu-inference:protect"


def protected(stack: str, root: Path = ROOT) -> bool:
    """Whether a stack is production: `protect` of its file, or its default. What cannot be read counts as protected."""
    try:
        default = yaml.safe_load((root / "Pulumi.yaml").read_text())["config"]["protect"]["default"]
        config = yaml.safe_load((root / f"Pulumi.{stack}.yaml").read_text())["config"] or {}
        return str(config.get(SETTING, default)).lower() != "false"
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return True


def reviewed(environment: str) -> bool:
    """Whether somebody has to approve the jobs of an environment who did not start them, in the JSON of GitHub's API.

    GitHub makes an environment that a job names and nobody has made, without any rule
    (https://docs.github.com/en/actions/reference/workflows-and-actions/deployments-and-environments).
    """
    try:
        rules: list[dict[str, Any]] = json.loads(environment)["protection_rules"]
        reviews = [rule for rule in rules if rule["type"] == "required_reviewers" and rule["reviewers"]]
        return any(rule.get("prevent_self_review") is True for rule in reviews)
    except (ValueError, KeyError, TypeError):
        return False
