"""What stops a deployment or teardown before it has an identity."""

import json
import subprocess
import sys

import pytest

from tests.support.cloud_file import CLOUD, in_repository
from tests.support.jobs import NAMED, Shell, commit, git
from tests.support.project import ROOT
from tests.support.workflows import script

# A commit that main has left behind


@pytest.fixture
def checkout(shell: Shell) -> Shell:
    """A checkout of the newest commit of main, as `fetch-depth: 0` makes it."""
    work = in_repository(shell.repository(), CLOUD, dev=NAMED, prod=NAMED)
    git(work, "init", "-qb", "main")
    commit(work)
    git(work, "tag", "base")
    git(work, "update-ref", "refs/remotes/origin/main", "main")
    git(work, "checkout", "-q", "--detach")
    return shell


def move_main(shell: Shell, path: str, text: str | None) -> None:
    """A newer commit of main, which writes or removes a file; the checkout stays."""
    git(shell.work, "checkout", "-q", "main")
    file = shell.work / path
    if text is None:
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    commit(shell.work)
    git(shell.work, "update-ref", "refs/remotes/origin/main", "main")
    git(shell.work, "checkout", "-q", "--detach", "base")


def guard(shell: Shell, stack: str) -> subprocess.CompletedProcess[str]:
    return shell.run(script("actions/setup/action.yml", "Refuse a commit that main has left behind"), STACK=stack)


def test_the_newest_commit_of_main_is_deployed(checkout: Shell) -> None:
    assert guard(checkout, "prod").returncode == 0


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("Pulumi.prod.yaml", {"prod"}),
        ("infra/models/pod.py", {"dev", "prod"}),
        ("requirements.txt", {"dev", "prod"}),
        (".github/cloud.json", {"dev", "prod"}),
        ("docs/ci.md", set()),
        (".github/cloud.json.md", set()),
    ],
)
def test_an_older_commit_is_refused_where_main_has_touched_the_stack_since(
    checkout: Shell, path: str, refused: set[str]
) -> None:
    move_main(checkout, path, "config: {}\n")
    for stack in ("dev", "prod"):
        done = guard(checkout, stack)
        assert (done.returncode != 0) is (stack in refused)
        assert ("gh workflow run deploy.yml --ref main" in done.stdout) is (stack in refused)


def test_a_change_that_was_taken_back_keeps_nothing_from_being_deployed(checkout: Shell) -> None:
    move_main(checkout, "Pulumi.prod.yaml", "config: {}\n")
    move_main(checkout, "Pulumi.prod.yaml", NAMED)
    assert guard(checkout, "prod").returncode == 0


def test_a_stack_that_main_has_removed_is_not_deployed(checkout: Shell) -> None:
    move_main(checkout, "Pulumi.prod.yaml", None)
    assert guard(checkout, "prod").returncode != 0


def test_a_commit_that_is_not_of_main_is_refused(checkout: Shell) -> None:
    commit(checkout.work)
    done = guard(checkout, "dev")
    assert done.returncode != 0
    assert "Not a commit of main" in done.stdout


# An environment that nobody reviews

REVIEWED = {"protection_rules": [{"type": "required_reviewers", "reviewers": [{"type": "User"}]}]}


@pytest.mark.parametrize(
    ("stack", "answer", "code"),
    [
        ("prod", REVIEWED, 0),
        ("prod", {"protection_rules": []}, 1),
        ("prod", {"protection_rules": [{"type": "branch_policy"}]}, 1),
        ("prod", None, 1),
        ("dev", {"protection_rules": []}, 0),
    ],
    ids=["reviewed", "made by GitHub", "only for a branch", "not to be read", "not protected"],
)
def test_a_protected_stack_is_deployed_only_where_somebody_approves(
    shell: Shell, stack: str, answer: object, code: int
) -> None:
    says = f"echo '{json.dumps(answer)}'" if answer else "echo 'gh: HTTP 403' >&2; exit 1"
    shell.program("gh", f'[ "$*" = "api repos/o/r/environments/{stack}" ] || exit 9\n{says}\n')
    shell.program("python", f'PYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"')
    name = "Refuse a protected stack whose environment nobody reviews"
    done = shell.run(script("actions/setup/action.yml", name), STACK=stack, REPOSITORY="o/r")
    assert done.returncode == code
    assert ("no required reviewers" in done.stdout and "docs/ci.md" in done.stdout) is bool(code)


@pytest.mark.parametrize(("typed", "code"), [("dev", 0), ("prod", 1), ("", 1), ("dev\n::add-path::/tmp", 1)])
def test_a_teardown_goes_on_only_if_the_name_of_the_stack_was_typed(shell: Shell, typed: str, code: int) -> None:
    done = shell.run(script("workflows/teardown.yml", "Compare what was typed"), STACK="dev", CONFIRM=typed)
    assert done.returncode == code
    assert "add-path" not in done.stdout + done.stderr
