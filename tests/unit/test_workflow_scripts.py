"""What the scripts of the workflows do where nothing but a shell is needed."""

# Every command line here is our own.
# ruff: noqa: S603, S607

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cloud_file import CLOUD, DEV, PROD, in_repository
from tests.support.project import ROOT
from tests.support.workflows import script

STACKS = ("dev", "dev-eu", "prod")
CANARY = "canary-3f9c"
TOKENS = ("GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN", "PULUMI_ACCESS_TOKEN")
"""What a job holds that lets somebody in: its own tokens, and that of Pulumi Cloud."""


class Shell:
    """Runs scripts as a job does, in a folder of their own, with `gh` and others as given."""

    def __init__(self, home: Path) -> None:
        self.work, self.temp, self.bin = home / "work", home / "temp", home / "bin"
        for folder in (self.work, self.temp, self.bin):
            folder.mkdir()
        for name in ("output", "summary", "env"):
            (home / name).touch()
        self.home = home
        self.said: list[str] = []

    def program(self, name: str, text: str) -> None:
        """Put a program on PATH."""
        path = self.bin / name
        path.write_text(f"#!/usr/bin/env bash\n{text}")
        path.chmod(0o755)

    def run(self, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The script with GitHub's own options for bash."""
        files = {"GITHUB_OUTPUT": "output", "GITHUB_ENV": "env", "GITHUB_STEP_SUMMARY": "summary"}
        tokens = dict.fromkeys(TOKENS, CANARY)
        environment = os.environ | tokens | {key: str(self.home / name) for key, name in files.items()} | variables
        environment |= {"RUNNER_TEMP": str(self.temp), "PATH": f"{self.bin}:{os.environ['PATH']}"}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True, check=False)
        self.said += [done.stdout, done.stderr]
        return done

    def repository(self) -> Path:
        """The checkout as a job finds it before any package is installed: our own modules, and no file of the cloud."""
        self.program("python3", f'exec "{sys.executable}" -S "$@"')
        shutil.copytree(ROOT / "ops", self.work / "ops", ignore=shutil.ignore_patterns("__pycache__"))
        return self.work

    def everything(self) -> str:
        """All that the scripts said and wrote."""
        files = [f.read_bytes().decode(errors="replace") for f in self.home.rglob("*") if f.is_file()]
        return "\n".join(self.said + files)

    def outputs(self) -> dict[str, str]:
        """What the script told later steps."""
        return dict(line.split("=", 1) for line in (self.home / "output").read_text().splitlines())


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell, whose scripts have shown no token to anybody in the end."""
    shell = Shell(tmp_path)
    yield shell
    assert CANARY not in shell.everything()


NAMED = "config:\n  gcp:project: a\n"


def test_a_stack_is_configured_once_its_file_names_a_project_and_it_has_an_environment(shell: Shell) -> None:
    in_repository(shell.repository(), CLOUD, dev=NAMED, prod="config: {}\n", staging=NAMED)
    done = shell.run(script("actions/configured/action.yml", "look"))
    assert (done.returncode, shell.outputs()) == (0, {"stacks": '["dev"]'})


def test_without_the_file_no_stack_is_configured(shell: Shell) -> None:
    (shell.repository() / "Pulumi.dev.yaml").write_text(NAMED)
    done = shell.run(script("actions/configured/action.yml", "look"))
    assert (done.returncode, shell.outputs()) == (0, {"stacks": "[]"})


def git(folder: Path, *arguments: str) -> None:
    options = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, **stack_files: str) -> None:
    """A commit of the whole folder, with these files of stacks."""
    for stack, text in stack_files.items():
        (folder / f"Pulumi.{stack}.yaml").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--allow-empty", "-qm", "c")


@pytest.mark.parametrize(
    ("trusted", "cloud", "sandbox"),
    [("true", ["dev"], {"dev-eu": "no environment", "prod": "is false"}), ("false", [], dict.fromkeys(STACKS, "fork"))],
    ids=["the repository's own", "a fork's"],
)
def test_touched_stacks_are_previewed_in_the_cloud_where_they_can_be(
    shell: Shell, trusted: str, cloud: list[str], sandbox: dict[str, str]
) -> None:
    in_repository(shell.repository(), CLOUD)
    git(shell.work, "init", "-q")
    commit(shell.work, **dict.fromkeys([*STACKS, "staging"], NAMED))
    commit(shell.work, **dict.fromkeys(STACKS, NAMED + "  a: b\n"))
    name = "Choose the stacks, and where each is previewed"
    done = shell.run(script("workflows/pull-request.yml", name), TRUSTED=trusted)
    assert done.returncode == 0
    found = {key: json.loads(value) for key, value in shell.outputs().items()}
    assert found["cloud"] == cloud
    assert [one["stack"] for one in found["sandbox"]] == list(sandbox)
    assert all(sandbox[one["stack"]] in one["why"] for one in found["sandbox"])


def test_environment_of_a_longer_name_does_not_configure_a_stack(shell: Shell) -> None:
    in_repository(shell.repository(), {**CLOUD, "environments": {"dev-eu": DEV}})
    git(shell.work, "init", "-q")
    commit(shell.work, dev="config: {}\n")
    commit(shell.work, dev=NAMED)
    name = "Choose the stacks, and where each is previewed"
    assert shell.run(script("workflows/pull-request.yml", name), TRUSTED="true").returncode == 0
    assert json.loads(shell.outputs()["cloud"]) == []


def as_whom(shell: Shell, stack: str = "dev", role: str = "deploy") -> subprocess.CompletedProcess[str]:
    return shell.run(script("actions/setup/action.yml", "Read as whom"), STACK=stack, ROLE=role)


@pytest.mark.parametrize(("stack", "role"), [("dev", "preview"), ("dev", "drift"), ("prod", "deploy")])
def test_a_job_gets_the_folder_of_its_stack_and_the_identity_of_its_role(shell: Shell, stack: str, role: str) -> None:
    in_repository(shell.repository(), CLOUD)
    assert as_whom(shell, stack, role).returncode == 0
    assert shell.outputs() == {
        "backend": f"gs://pulumi-state-1a2b/{stack}",
        "organization": "",
        "provider": CLOUD["workloadIdentityProvider"],
        "account": {"dev": DEV, "prod": PROD}[stack][role],
    }


@pytest.mark.parametrize("key", ["backendUrl", "workloadIdentityProvider", "organization"])
def test_a_value_with_a_line_break_reaches_no_file_of_the_runner(shell: Shell, key: str) -> None:
    in_repository(shell.repository(), {**CLOUD, key: f"{CLOUD[key]}\nBASH_ENV=/tmp/x"})
    done = as_whom(shell)
    assert done.returncode != 0
    assert f"::error file=.github/cloud.json::.github/cloud.json: {key} is " in done.stderr
    assert (shell.home / "output").read_text() == (shell.home / "env").read_text() == ""


@pytest.mark.parametrize(
    ("stack", "role"), [("dev\nx=y", "deploy"), ("../dev", "deploy"), ("dev", "owner"), ("dev", "")]
)
def test_a_stack_or_role_that_is_not_in_the_file_stops_the_job(shell: Shell, stack: str, role: str) -> None:
    in_repository(shell.repository(), CLOUD)
    assert as_whom(shell, stack, role).returncode != 0
    assert (shell.home / "output").read_text() == ""


LOG_IN = "Install the policies, log in to the stack's state"


@pytest.mark.parametrize(("organization", "more"), [("", []), ("acme", ["org set-default acme"])])
def test_the_cli_is_logged_in_to_the_state_and_the_environment_of_later_steps_stays(
    shell: Shell, organization: str, more: list[str]
) -> None:
    shell.program("make", "")
    shell.program("pulumi", 'echo "$*" >> called')
    done = shell.run(script("actions/setup/action.yml", LOG_IN), BACKEND="gs://s/dev", ORGANIZATION=organization)
    assert done.returncode == 0
    assert (shell.work / "called").read_text().splitlines() == ["login --non-interactive gs://s/dev", *more]
    assert (shell.home / "env").read_text() == ""


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


PULUMI = """
printf '%s\\n' "$*" > "$RUNNER_TEMP/called"
while [ $# -gt 0 ]; do
  if [ "$1" = --event-log ] && [ "$EVENTS" ]; then echo "$EVENTS" > "$2"; fi
  shift
done
exit "$STATUS"
"""
DONE = '{"sequence": 1, "timestamp": 1, "summaryEvent": {"durationSeconds": 1, "resourceChanges": {"same": 1}}}'


@pytest.mark.parametrize(
    ("events", "status", "code"), [(DONE, "0", 0), ("", "255", 1), (DONE, "3", 3)], ids=["done", "dead", "failed late"]
)
def test_a_preview_is_reported_whatever_becomes_of_it_and_fails_with_the_engine(
    shell: Shell, events: str, status: str, code: int
) -> None:
    shell.program("pulumi", PULUMI)
    shell.program("python", f'PYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"')
    text = script("actions/preview/action.yml", "Preview")
    assert shell.run(text, STACK="dev", PLAN="", EVENTS=events, STATUS=status).returncode == code
    report = (shell.temp / "dev.md").read_text()
    assert report.startswith("<!-- gke-tpu-inference:preview:dev -->")
    assert (shell.home / "summary").read_text() == report


@pytest.mark.parametrize(("plan", "saved"), [("plan.json", True), ("", False)])
def test_a_preview_saves_a_plan_if_it_is_to(shell: Shell, plan: str, saved: bool) -> None:
    shell.program("pulumi", PULUMI)
    shell.program("python", "exit 1")
    shell.run(script("actions/preview/action.yml", "Preview"), STACK="dev", PLAN=plan, EVENTS=DONE, STATUS="0")
    called = (shell.temp / "called").read_text()
    assert called.startswith("preview --stack dev --diff --non-interactive")
    assert ("--save-plan plan.json" in called) is saved


GH = """
printf '%s\\n' "$*" >> "$RUNNER_TEMP/calls"
for argument; do
  case "$argument" in
  body=@*) cp "${argument#body=@}" "$(mktemp "$RUNNER_TEMP/sent-XXXXXX")" ;;
  esac
done
case "$*" in
*/pulls*) printf '%s' "$PULL" ;;
*--paginate*) printf '%b' "$COMMENTS" ;;
esac
"""
OF = "<!-- gke-tpu-inference:preview:{} -->"
RUN = {
    "REPOSITORY": "o/r",
    "OWNER": "fork",
    "BRANCH": "b",
    "COMMIT": "c0ffee" * 6 + "c0ff",
    "RUN_URL": "https://run",
    "PULL": "7",
}


class Comments:
    """The comments that the workflow writes; `existing` are (id, stack)."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        shell.program("gh", GH)
        (shell.temp / "previews").mkdir()

    def preview(self, name: str, text: str) -> None:
        (self.shell.temp / "previews" / name).write_text(text)

    def write(self, *existing: tuple[int, str], conclusion: str = "success", **changes: str) -> list[str]:
        """The calls after the first two, which look."""
        comments = "".join(f"{number}\\t{OF.format(stack)}\\n" for number, stack in existing)
        text = script("workflows/comment.yml", "Write the comments")
        done = self.shell.run(text, **{**RUN, "COMMENTS": comments, "CONCLUSION": conclusion, **changes})
        assert done.returncode == 0, done.stderr
        calls = re.split(r"\n(?=api )", (self.shell.temp / "calls").read_text().rstrip())
        return [re.sub(r" -F body=.*", "", call.removeprefix("api --silent ")) for call in calls][2:]

    def sent(self) -> str:
        [body] = self.shell.temp.glob("sent-*")
        return body.read_text()


@pytest.fixture
def comments(shell: Shell) -> Comments:
    return Comments(shell)


def test_a_first_preview_makes_a_comment_with_its_mark(comments: Comments) -> None:
    comments.preview("dev.md", f"{OF.format('dev')}\n## dev\n")
    assert comments.write() == ["repos/o/r/issues/7/comments"]
    first, disclaimer, *_, last = comments.sent().splitlines()
    assert (first, last) == (OF.format("dev"), "## dev")
    assert disclaimer.endswith("c0ff, [run](https://run). The code of this pull request made the text below.")


@pytest.mark.parametrize("end", ["<!--", "```", "<details>", "<pre>", "[run]: https://evil"])
def test_what_a_report_opens_and_does_not_close_swallows_nothing_of_ours(comments: Comments, end: str) -> None:
    comments.preview("dev.md", f"## dev\n{end}")
    comments.write()
    ours, _, theirs = comments.sent().partition("\n---\n")
    assert "The code of this pull request made the text below." in ours
    assert theirs.strip() == f"## dev\n{end}"


def test_a_commit_or_number_that_is_none_stops_the_comments(comments: Comments) -> None:
    text = script("workflows/comment.yml", "Write the comments")
    for bad in ({"COMMIT": '") | .id, "'}, {"PULL": "7/../8"}):
        assert comments.shell.run(text, **{**RUN, "COMMENTS": "", "CONCLUSION": "success", **bad}).returncode != 0


def test_later_previews_update_it_and_only_it(comments: Comments) -> None:
    comments.preview("dev.md", "## dev\n")
    assert comments.write((1, "dev-2"), (2, "dev"), conclusion="failure") == [
        "--method PATCH repos/o/r/issues/comments/2"
    ]


def test_the_comment_of_a_stack_that_is_not_touched_any_more_goes(comments: Comments) -> None:
    assert comments.write((1, "dev"), (2, "prod")) == [
        "--method DELETE repos/o/r/issues/comments/1",
        "--method DELETE repos/o/r/issues/comments/2",
    ]


def test_a_run_that_failed_removes_no_comment(comments: Comments) -> None:
    assert comments.write((1, "dev"), conclusion="failure") == []


def test_what_a_pull_request_names_badly_or_marks_falsely_is_harmless(comments: Comments) -> None:
    comments.preview("$(touch pwned).md", "x")
    comments.preview("dev.md", f"{OF.format('prod')}\n" + "ä" * 50_000)
    (comments.shell.temp / "previews" / "link.md").symlink_to("/etc/passwd")
    assert comments.write() == ["repos/o/r/issues/7/comments"]
    assert comments.sent().startswith(OF.format("dev"))
    assert len(comments.sent().encode()) < 65_536
    assert list(comments.shell.work.iterdir()) == []


def test_a_commit_that_is_not_the_newest_gets_no_comment(comments: Comments) -> None:
    comments.preview("dev.md", "x")
    assert comments.write((1, "dev"), PULL="") == []


DRIFT_GH = """
printf '%s\\n' "$*" >> "$RUNNER_TEMP/calls"
case "$*" in
*runs*) printf '%s' "$BUSY" ;;
*list*) printf '%s' "$ISSUE" ;;
esac
"""


@pytest.mark.parametrize(
    ("drifted", "issue", "busy", "done"),
    [
        ("true", "", "0", ["label create", "issue create"]),
        ("true", "5", "0", ["issue edit"]),
        ("false", "5", "0", ["issue close"]),
        ("false", "", "0", []),
        ("true", "5", "1", []),
    ],
    ids=["first", "still", "gone", "none", "while a deployment runs"],
)
def test_one_issue_follows_the_drift_of_a_stack(
    shell: Shell, drifted: str, issue: str, busy: str, done: list[str]
) -> None:
    shell.program("gh", DRIFT_GH)
    (shell.temp / "drift.md").write_text("what drifted\n")
    text = script("workflows/drift.yml", "Open, update or close the issue")
    known = {"STACK": "dev", "REPOSITORY": "o/r", "RUN_URL": "https://run"}
    assert shell.run(text, **known, DRIFTED=drifted, ISSUE=issue, BUSY=busy).returncode == 0
    calls = [line for line in (shell.temp / "calls").read_text().splitlines() if line.startswith(("issue", "label"))]
    assert [" ".join(call.split()[:2]) for call in calls if "issue list" not in call] == done


@pytest.mark.parametrize(
    ("key", "asked"), [("", "-m ops smoke --url http://a"), ("k.e.y", "-m ops smoke --url http://a --key k.e.y")]
)
def test_models_are_called_with_a_key_where_one_is_asked_for(shell: Shell, key: str, asked: str) -> None:
    shell.program("jq", 'case "$*" in *caCertificate*) ;; *) echo http://a ;; esac')
    shell.program(
        "python", f'case "$*" in *"keys token --stack dev") printf "%s" "{key}" ;; *) echo "$*" >> asked ;; esac'
    )
    done = shell.run(script("workflows/deploy-stack.yml", "Call every model"), STACK="dev")
    assert (done.returncode, (shell.work / "asked").read_text().strip()) == (0, asked)
    assert done.stdout == (f"::add-mask::{key}\n" if key else "")


def test_deployment_fails_where_no_key_can_be_had(shell: Shell) -> None:
    shell.program("jq", 'case "$*" in *caCertificate*) ;; *) echo http://a ;; esac')
    shell.program("python", 'case "$*" in *"keys token"*) exit 2 ;; *) echo asked ;; esac')
    done = shell.run(script("workflows/deploy-stack.yml", "Call every model"), STACK="dev")
    assert (done.returncode, done.stdout) == (2, "")
