"""What has to hold before a workflow may deploy."""

import json
from pathlib import Path

import pytest

from ops import guards, stacks


def test_committed_stacks_are_protected_as_their_files_say() -> None:
    assert {stack: guards.protected(stack) for stack in stacks.stacks()} == {
        "dev": False,
        "staging": False,
        "prod": True,
    }


@pytest.mark.parametrize(
    ("default", "text", "expected"),
    [
        ("false", "config: {}", False),
        ("false", "config:", False),
        ("true", "config: {}", True),
        ("false", "config:\n  gcp:project: a", False),
        ("false", "config:\n  gke-tpu-inference:protect: true", True),
        ("false", 'config:\n  "gke-tpu-inference:protect": "true"', True),
        ("false", "config: {gke-tpu-inference:protect: True}", True),
        ("true", "config:\n  gke-tpu-inference:protect: false", False),
        ("false", "config:\n  gke-tpu-inference:protect: {secure: x}", True),
        ("false", "config: [", True),
        ("false", "", True),
    ],
)
def test_stack_is_protected_unless_it_says_otherwise(tmp_path: Path, default: str, text: str, expected: bool) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"config:\n  protect:\n    default: {default}\n")
    (tmp_path / "Pulumi.x.yaml").write_text(text)
    assert guards.protected("x", tmp_path) is expected


def test_stack_without_a_file_counts_as_protected() -> None:
    assert guards.protected("nowhere")


USER = {"type": "User", "reviewer": {"login": "a"}}
RULE = {"type": "required_reviewers", "prevent_self_review": True, "reviewers": [USER]}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"protection_rules": [{"type": "branch_policy"}, RULE]}, True),
        ({"protection_rules": [{"type": "branch_policy"}, {"type": "wait_timer", "wait_timer": 30}]}, False),
        ({"protection_rules": [{**RULE, "reviewers": []}]}, False),
        ({"protection_rules": [{**RULE, "prevent_self_review": False}]}, False),
        ({"protection_rules": [{"type": "required_reviewers", "reviewers": [USER]}]}, False),
        ({"protection_rules": []}, False),
        ({"message": "Not Found", "status": "404"}, False),
        ([], False),
    ],
)
def test_environment_is_reviewed_if_it_names_somebody_and_nobody_approves_their_own_runs(
    environment: object, expected: bool
) -> None:
    assert guards.reviewed(json.dumps(environment)) is expected


def test_no_answer_is_no_review() -> None:
    assert not guards.reviewed("")
