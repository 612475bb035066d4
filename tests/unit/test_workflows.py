"""The workflows: what they may do, what they name, and what their scripts do where nothing but a shell is needed."""

# Every command line here is our own.
# ruff: noqa: S603, S607

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ops import stacks
from sandbox.build import go
from tests.support.project import ROOT, STACKS

GITHUB = ROOT / ".github"
FILES = {path.relative_to(GITHUB).as_posix(): path.read_text() for path in sorted(GITHUB.rglob("*.yml"))}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in FILES.items() if name.startswith("workflows/")}
ACTIONS = {name: yaml.safe_load(text) for name, text in FILES.items() if name.startswith("actions/")}
DOCUMENT = (ROOT / "docs/ci.md").read_text()


class Job(NamedTuple):
    """A job and where it stands."""

    workflow: str
    name: str
    body: dict[str, Any]

    @property
    def calls(self) -> bool:
        """Whether it runs another workflow."""
        return "uses" in self.body


JOBS = [
    Job(name.removeprefix("workflows/").removesuffix(".yml"), key, body)
    for name, workflow in WORKFLOWS.items()
    for key, body in workflow["jobs"].items()
]
each_job = pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.workflow}.{job.name}")
each_file = pytest.mark.parametrize("file", FILES)


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of every job and action, with its file."""
    for name, workflow in WORKFLOWS.items():
        for body in workflow["jobs"].values():
            yield from ((name, step) for step in body.get("steps", []))
    for name, action in ACTIONS.items():
        yield from ((name, step) for step in action["runs"]["steps"])


SCRIPTS = [(file, step) for file, step in steps() if "run" in step]


def script(file: str, name: str) -> str:
    """The script of the step with this name."""
    [found] = [step["run"] for where, step in SCRIPTS if where == file and step.get("name", step.get("id")) == name]
    return found


# What they may do


def test_actions_of_others_are_pinned_by_commit_and_say_their_version() -> None:
    uses = [line for text in FILES.values() for line in text.splitlines() if re.match(r"\s*(- )?uses: [^.]", line)]
    assert len(uses) > 20
    assert [line for line in uses if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_an_action_has_one_version() -> None:
    pins = set(re.findall(r"uses: ([\w./-]+@\S+)", "".join(FILES.values())))
    assert len(pins) == len({pin.split("@")[0] for pin in pins})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_grants_nothing_by_itself(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}


@each_job
def test_a_job_says_what_it_may_and_how_long_it_may_take(job: Job) -> None:
    assert job.body["permissions"]
    assert job.calls or job.body["timeout-minutes"] <= 240


@each_job
def test_only_jobs_with_a_purpose_may_write(job: Job) -> None:
    allowed = {
        "pull-request.preview": {"id-token"},
        "comment.comment": {"pull-requests"},
        "drift.drift": {"id-token", "issues"},
        **{f"deploy.{name}": {"id-token"} for name in ("dev", "staging", "plan-prod", "prod")},
        "deploy-stack.up": {"id-token"},
        "teardown.teardown": {"id-token"},
    }
    granted = {scope for scope, level in job.body["permissions"].items() if level != "read"}
    assert granted == allowed.get(f"{job.workflow}.{job.name}", set())


def test_there_are_no_secrets_to_leak() -> None:
    assert [name for name, text in FILES.items() if re.search(r"\bsecrets\b[.:\[]", text)] == []


def test_checkouts_keep_no_token() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize(("file", "step"), SCRIPTS, ids=lambda value: value if isinstance(value, str) else "")
def test_no_script_has_an_expression_in_it(file: str, step: dict[str, Any]) -> None:
    assert "${{" not in step["run"]
    assert file.startswith("workflows/") or step["shell"] == "bash"


@pytest.mark.parametrize(("file", "step"), [s for s in SCRIPTS if s[0] in ACTIONS], ids=lambda v: str(v)[:30])
def test_scripts_of_actions_pass_shellcheck(file: str, step: dict[str, Any]) -> None:
    """`actionlint` looks into workflows alone."""
    command = [Path(sys.executable).with_name("shellcheck"), "--shell=bash", "-"]
    done = subprocess.run(command, input=step["run"], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), file


def test_what_can_write_comments_runs_nothing_of_the_pull_request() -> None:
    [job] = WORKFLOWS["workflows/comment.yml"]["jobs"].values()
    assert [step["uses"].split("@")[0] for step in job["steps"] if "uses" in step] == ["actions/download-artifact"]


def test_environments_and_their_identities_are_used_from_the_main_branch_alone() -> None:
    in_environment = [job for job in JOBS if "environment" in job.body]
    assert {job.workflow for job in in_environment} == {"deploy-stack", "teardown"}
    assert {job.body["concurrency"]["group"] for job in in_environment} == {"stack-${{ inputs.stack }}"}
    assert {job.body["concurrency"]["cancel-in-progress"] for job in in_environment} == {False}
    assert WORKFLOWS["workflows/teardown.yml"]["jobs"]["teardown"]["if"] == "github.ref == 'refs/heads/main'"
    assert WORKFLOWS["workflows/deploy.yml"]["jobs"]["stacks"]["if"] == "github.ref == 'refs/heads/main'"


# What they name


def test_stacks_that_are_deployed_and_torn_down_are_the_committed_ones() -> None:
    on = WORKFLOWS["workflows/teardown.yml"][True]  # YAML 1.1 reads `on` as a boolean
    assert sorted(on["workflow_dispatch"]["inputs"]["stack"]["options"]) == STACKS
    deployed = [job.body["with"]["stack"] for job in JOBS if job.workflow == "deploy" and job.calls]
    assert deployed == ["dev", "staging", "prod"]
    assert sorted(deployed) == STACKS


def test_a_push_deploys_what_a_pull_request_previews() -> None:
    paths = WORKFLOWS["workflows/deploy.yml"][True]["push"]["paths"]
    assert paths == ["Pulumi*.yaml", "__main__.py", "infra/**", "policy/**", "requirements.txt"]
    for path in ("Pulumi.yaml", "__main__.py", "infra/google/nodes.py", "policy/rules.py", "requirements.txt"):
        assert stacks.touched([path], ["dev"]) == ["dev"]
    for path in ("README.md", "sandbox/engine/stack.py", "requirements-dev.txt", "bootstrap/trust.py"):
        assert stacks.touched([path], ["dev"]) == []


def test_every_module_that_is_run_is_there() -> None:
    modules = set(re.findall(r"python3? -m ([\w.]+)", "".join(FILES.values())))
    assert {"ops.stacks", "ops.changes", "ops.recover", "ops.smoke", "ops.teardown", "sandbox"} <= modules
    for module in modules:
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_every_target_that_is_made_is_there() -> None:
    targets = {target for _, step in SCRIPTS for target in re.findall(r"^make (\w+)$", step["run"], re.MULTILINE)}
    assert {"setup", "lint", "test", "e2e", "conformance"} <= targets
    known = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets - known == set()


def test_every_local_action_and_workflow_is_there() -> None:
    for path in set(re.findall(r"uses: (\./\S+)", "".join(FILES.values()))):
        assert (ROOT / path).is_file() or (ROOT / path / "action.yml").is_file(), path


def test_every_variable_is_documented() -> None:
    variables = set(re.findall(r"\bvars\.(\w+)", "".join(FILES.values())))
    assert "PULUMI_BACKEND_URL" in variables
    assert variables == set(re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT, re.MULTILINE))


def test_every_workflow_is_documented() -> None:
    assert {name for name in WORKFLOWS if f"`{name.removeprefix('workflows/')}`" not in DOCUMENT} == set()


def test_the_engine_is_the_one_that_the_tests_run_on() -> None:
    tested = go.required("pulumi", "github.com/pulumi/pulumi/pkg/v3")
    assert f"v{(GITHUB / 'pulumi-version').read_text().strip()}" == tested


# What their scripts do


class Shell:
    """Runs scripts as a job does, in a folder of their own, with `gh` and others as given."""

    def __init__(self, home: Path) -> None:
        self.work, self.temp, self.bin = home / "work", home / "temp", home / "bin"
        for folder in (self.work, self.temp, self.bin):
            folder.mkdir()
        for name in ("output", "summary", "env"):
            (home / name).touch()
        self.home = home

    def program(self, name: str, text: str) -> None:
        """Put a program on PATH."""
        path = self.bin / name
        path.write_text(f"#!/usr/bin/env bash\n{text}")
        path.chmod(0o755)

    def run(self, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The script with GitHub's own options for bash."""
        files = {"GITHUB_OUTPUT": "output", "GITHUB_ENV": "env", "GITHUB_STEP_SUMMARY": "summary"}
        environment = os.environ | {key: str(self.home / name) for key, name in files.items()} | variables
        environment |= {"RUNNER_TEMP": str(self.temp), "PATH": f"{self.bin}:{os.environ['PATH']}"}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
        return subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True, check=False)

    def outputs(self) -> dict[str, str]:
        """What the script told later steps."""
        return dict(line.split("=", 1) for line in (self.home / "output").read_text().splitlines())


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize(("url", "found"), [("gs://state", '["dev","prod"]'), ("", "[]")])
def test_a_stack_is_configured_once_its_file_names_a_project(shell: Shell, url: str, found: str) -> None:
    for stack, text in {"dev": "  gcp:project: a", "prod": '  "gcp:project": b', "staging": "# gcp:project: c"}.items():
        (shell.work / f"Pulumi.{stack}.yaml").write_text(f"config:\n{text}\n")
    done = shell.run(script("actions/configured/action.yml", "look"), BACKEND_URL=url)
    assert (done.returncode, shell.outputs()) == (0, {"stacks": found})


def git(folder: Path, *arguments: str) -> None:
    options = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("configured", "cloud", "sandbox"),
    [('["dev","prod"]', '["dev"]', '["staging"]'), ("[]", "[]", '["dev","staging"]')],
    ids=["the repository's own", "a fork's"],
)
def test_touched_stacks_are_previewed_in_the_cloud_where_they_can_be(
    shell: Shell, configured: str, cloud: str, sandbox: str
) -> None:
    shutil.copytree(ROOT / "ops", shell.work / "ops", ignore=shutil.ignore_patterns("__pycache__"))
    for stack in ("dev", "staging", "prod"):
        (shell.work / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    git(shell.work, "init", "-q")
    git(shell.work, "add", ".")
    git(shell.work, "commit", "-qm", "base")
    for stack in ("dev", "staging"):
        (shell.work / f"Pulumi.{stack}.yaml").write_text("config: {a: b}\n")
    git(shell.work, "commit", "-qam", "change")
    done = shell.run(
        script("workflows/pull-request.yml", "Choose the stacks, and where each is previewed"), CONFIGURED=configured
    )
    assert (done.returncode, shell.outputs()) == (0, {"cloud": cloud, "sandbox": sandbox})


SET = {"BACKEND_URL": "gs://state/", "PROVIDER": "projects/1/x", "ACCOUNT": "a@b"}


@pytest.mark.parametrize(
    ("url", "backend"),
    [("gs://state", "gs://state/dev"), ("gs://state/", "gs://state/dev"), ("https://api.pulumi.com",) * 2],
)
def test_a_stack_in_a_bucket_has_a_folder_of_its_own(shell: Shell, url: str, backend: str) -> None:
    done = shell.run(
        script("actions/setup/action.yml", "Check the variables"), STACK="dev", **{**SET, "BACKEND_URL": url}
    )
    assert done.returncode == 0
    assert (shell.home / "env").read_text() == f"PULUMI_BACKEND_URL={backend}\n"


@pytest.mark.parametrize(
    ("unset", "named"),
    [
        ("BACKEND_URL", "PULUMI_BACKEND_URL"),
        ("PROVIDER", "WORKLOAD_IDENTITY_PROVIDER"),
        ("ACCOUNT", "DEPLOY_SERVICE_ACCOUNT of the GitHub environment dev"),
    ],
)
def test_a_variable_that_is_not_set_stops_the_job_with_its_name(shell: Shell, unset: str, named: str) -> None:
    done = shell.run(script("actions/setup/action.yml", "Check the variables"), STACK="dev", **{**SET, unset: ""})
    assert done.returncode != 0
    assert named in done.stdout
    assert (shell.home / "env").read_text() == ""


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
RUN = {"REPOSITORY": "o/r", "OWNER": "fork", "BRANCH": "b", "COMMIT": "c0ffee", "RUN_URL": "https://run", "PULL": "7"}


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
    assert comments.sent().splitlines()[:2] == [OF.format("dev"), "## dev"]
    assert "c0ffee, [run](https://run)" in comments.sent()


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
