"""What stops a deployment or teardown before it has an identity."""

import json
import shutil
import subprocess
import sys
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from tests.support.cloud_file import CLOUD, in_repository
from tests.support.jobs import CANARY, NAMED, Shell, commit, git
from tests.support.project import ROOT
from tests.support.workflows import script

# A commit that main has left behind


REMOTE = "o/r"


@pytest.fixture
def checkout(shell: Shell) -> Shell:
    """What actions/checkout leaves of the first commit of main: `origin/main` is that, wherever main is by now."""
    work = in_repository(shell.repository(), CLOUD, dev=NAMED, prod=NAMED)
    git(work, "init", "-qb", "main")
    commit(work)
    git(work, "tag", "base")
    git(work, "init", "-q", "--bare", str(shell.home / REMOTE))
    push_main(shell)
    return shell


def push_main(shell: Shell) -> None:
    git(shell.work, "push", "-qf", str(shell.home / REMOTE), "main")
    git(shell.work, "checkout", "-q", "--detach", "base")
    git(shell.work, "update-ref", "refs/remotes/origin/main", "base")
    git(shell.work, "branch", "-qD", "main")


def move_main(shell: Shell, path: str, text: str | None) -> None:
    """A newer commit of main, which writes or removes a file; the checkout stays."""
    git(shell.work, "fetch", "-q", str(shell.home / REMOTE), "main:main")
    git(shell.work, "checkout", "-q", "main")
    file = shell.work / path
    if text is None:
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    commit(shell.work)
    push_main(shell)


def guard(shell: Shell, stack: str, server: str = "") -> subprocess.CompletedProcess[str]:
    text = script("actions/setup/action.yml", "Refuse a commit that main has left behind")
    where = {"GITHUB_SERVER_URL": server or f"file://{shell.home}", "GITHUB_REPOSITORY": REMOTE}
    return shell.run(text, STACK=stack, **where)


def test_the_newest_commit_of_main_is_deployed(checkout: Shell) -> None:
    assert guard(checkout, "prod").returncode == 0


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("Pulumi.prod.yaml", {"prod"}),
        ("infra/models/pod.py", {"dev", "prod"}),
        ("requirements.txt", {"dev", "prod"}),
        (".github/cloud.json", {"dev", "prod"}),
        (".github/actions/setup/action.yml", {"dev", "prod"}),
        ("ops/guards.py", {"dev", "prod"}),
        ("ops/cost.py", set()),
        ("docs/ci.md", set()),
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


def test_a_tag_that_is_called_as_main_is_does_not_stand_in_for_it(checkout: Shell) -> None:
    move_main(checkout, "Pulumi.prod.yaml", "config: {}\n")
    for name in ("main", "origin/main", "guard/main"):
        git(checkout.work, "tag", name, "base")
    assert guard(checkout, "prod").returncode != 0


class Refusing(BaseHTTPRequestHandler):
    """Asks for a password, and takes none."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["Authorization"])
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Basic realm=git")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""


def test_main_is_asked_for_with_the_jobs_token_which_is_in_no_command_and_nothing_goes_on_without_an_answer(
    checkout: Shell,
) -> None:
    checkout.program("git", f'echo "$*" >> "$RUNNER_TEMP/commands"\nexec {shutil.which("git")} "$@"\n')
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        done = guard(checkout, "dev", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    given = b64encode(f"x-access-token:{CANARY}".encode()).decode()
    assert Refusing.asked == [None, f"Basic {given}"]
    assert done.returncode != 0
    assert "Nothing was changed" in done.stdout
    assert given not in checkout.everything()
    assert "fetch" in (checkout.temp / "commands").read_text()


def test_a_commit_that_is_not_of_main_is_refused(checkout: Shell) -> None:
    commit(checkout.work)
    done = guard(checkout, "dev")
    assert done.returncode != 0
    assert "Not a commit of main" in done.stdout


# An environment that nobody reviews

RULE = {"type": "required_reviewers", "prevent_self_review": True, "reviewers": [{"type": "User"}]}
REVIEWED = {"protection_rules": [RULE]}


@pytest.mark.parametrize(
    ("stack", "answer", "code"),
    [
        ("prod", REVIEWED, 0),
        ("prod", {"protection_rules": [{**RULE, "prevent_self_review": False}]}, 1),
        ("prod", {"protection_rules": []}, 1),
        ("prod", {"protection_rules": [{"type": "branch_policy"}]}, 1),
        ("prod", None, 1),
        ("dev", {"protection_rules": []}, 0),
    ],
    ids=["reviewed", "by oneself", "made by GitHub", "only for a branch", "not to be read", "not protected"],
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
