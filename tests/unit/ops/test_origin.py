"""What the history of a stack says of who has changed it."""

import subprocess
from pathlib import Path

import pytest

from ops.origin import message


@pytest.fixture(autouse=True)
def at_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a workflow, even if the tests are."""
    for name in ("GITHUB_ACTIONS", "GITHUB_RUN_ID", "GITHUB_TRIGGERING_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "alice")
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with one commit."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)  # noqa: S603, S607
    return tmp_path


def commit(tree: Path) -> str:
    words = ["git", "-C", str(tree), "rev-parse", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout[:12]  # noqa: S603


def test_person_machine_and_commit_are_said(tree: Path) -> None:
    assert message("teardown", tree) == f"ops teardown by alice@laptop from commit {commit(tree)}"


def test_changes_that_are_in_no_commit_are_said(tree: Path) -> None:
    (tree / "Pulumi.dev.yaml").touch()
    assert message("recover", tree).endswith(f"from commit {commit(tree)}, with changes that are in no commit")


def test_folder_that_is_no_work_tree_has_no_commit(tmp_path: Path) -> None:
    assert message("recover", tmp_path) == "ops recover by alice@laptop from no commit"


def test_machine_without_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert message("recover", tmp_path).endswith("from no commit")


def test_workflow_run_is_said_with_who_started_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"ACTIONS": "true", "RUN_ID": "17", "REPOSITORY": "org/repo", "TRIGGERING_ACTOR": "bob", "ACTOR": "alice"}
    for name, value in given.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert message("teardown", tmp_path) == "ops teardown by bob in org/repo/actions/runs/17 from no commit"
