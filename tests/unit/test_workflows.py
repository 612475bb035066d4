"""The workflows: what they may do and what they name."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from ops import stacks
from ops.__main__ import app
from sandbox.build import go
from tests.support.cloud_file import CLOUD
from tests.support.project import ROOT, STACKS
from tests.support.workflows import ACTIONS, FILES, GITHUB, SCRIPTS, WORKFLOWS, steps

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


def test_there_are_no_secrets_to_leak_and_no_variables_to_trust() -> None:
    asked = re.compile(r"\b(secrets|vars)\b *[.:\[]")
    assert [name for name, text in FILES.items() if asked.search(text)] == []


def test_no_script_changes_the_environment_of_later_steps_but_by_where_the_packages_are() -> None:
    assert [name for name, text in FILES.items() if "GITHUB_ENV" in text] == []
    of_path = [line.strip() for text in FILES.values() for line in text.splitlines() if "GITHUB_PATH" in line]
    assert of_path == ['echo "$PWD/.venv/bin" >> "$GITHUB_PATH"']


def test_what_is_deployed_or_torn_down_passes_the_guards_before_it_has_an_identity() -> None:
    [action] = [body for name, body in ACTIONS.items() if name == "actions/setup/action.yml"]
    order = [step.get("name", step.get("uses", "").split("@")[0]) for step in action["runs"]["steps"]]
    guards = ["Refuse a commit that main has left behind", "Refuse a protected stack whose environment nobody reviews"]
    assert max(map(order.index, guards)) < order.index("google-github-actions/auth")
    conditions = {step.get("name"): step.get("if") for step in action["runs"]["steps"]}
    assert [conditions[name] for name in guards] == ["inputs.role == 'deploy'"] * 2


def test_a_job_with_an_identity_installs_nothing_from_a_cache_that_others_write() -> None:
    own = ACTIONS["actions/setup/action.yml"]["runs"]["steps"]
    [python] = [step["with"] for step in own if step.get("uses", "").startswith("actions/setup-python@")]
    assert python["cache"] == "${{ inputs.stack == '' && 'pip' || '' }}"
    installs = [step for step in own if "make " in step.get("run", "")]
    assert [step["env"]["PIP_NO_CACHE_DIR"] for step in installs] == ["${{ inputs.stack != '' && '1' || '' }}", "1"]
    cached = {name for name, step in steps() if step.get("uses", "").startswith("actions/cache@")}
    assert cached == {"workflows/main.yml"}
    assert not [job.name for job in JOBS if job.workflow == "main" and "id-token" in job.body["permissions"]]


@each_job
def test_a_job_takes_the_identity_of_its_purpose_and_to_deploy_it_knows_all_commits(job: Job) -> None:
    roles = {
        **dict.fromkeys(["pull-request.preview", "deploy.plan-prod"], "preview"),
        "drift.drift": "drift",
        **dict.fromkeys(["deploy-stack.up", "teardown.teardown"], "deploy"),
    }
    role = roles.get(f"{job.workflow}.{job.name}")
    steps = job.body.get("steps", [])
    asked = [s["with"] for s in steps if s.get("uses") == "./.github/actions/setup" and "with" in s]
    assert [inputs["role"] for inputs in asked if inputs["stack"]] == ([role] if role else [])
    if role == "deploy":
        [checkout] = [step["with"] for step in steps if step.get("uses", "").startswith("actions/checkout@")]
        assert checkout["fetch-depth"] == 0
        assert job.body["permissions"]["actions"] == "read"
        assert job.body["environment"] == asked[0]["stack"]


def test_zizmor_finds_nothing_that_is_not_answered() -> None:
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", "--quiet", GITHUB]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


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
    done = subprocess.run(command, input=step["run"], text=True, capture_output=True, check=False)  # noqa: S603
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
    for path in ("Pulumi.yaml", "__main__.py", "infra/google/nodes.py", "policy/rules/grants.py", "requirements.txt"):
        assert stacks.touched([path], ["dev"]) == ["dev"]
    for path in ("README.md", "sandbox/engine/stack.py", "requirements-dev.txt", "bootstrap/trust.py"):
        assert stacks.touched([path], ["dev"]) == []


def test_every_module_that_is_run_is_there() -> None:
    run = set(re.findall(r"python3? -m ([\w.]+)", "".join(FILES.values())))
    assert run == {"ops", "ops.cloud", "sandbox"}
    files = [ROOT.joinpath(*name.split(".")) for name in run]
    assert [f for f in files if not f.with_suffix(".py").exists() and not (f / "__main__.py").exists()] == []


def test_every_command_is_there_with_its_options() -> None:
    lines = [line for _, step in SCRIPTS for line in re.findall(r"(?<!`)python -m ops (.*)", step["run"])]
    commands = [shlex.split(line) for line in lines]
    assert {name for name, *_ in commands} == {"keys", "recover", "report", "smoke", "teardown"}
    for command in commands:
        name = command[: 2 if command[0] == "keys" else 1]
        options = [argument for argument in command if argument.startswith("--")]
        said = CliRunner().invoke(app, [*name, "--help"]).output
        assert [option for option in options if f"  {option} " not in said] == [], name


def test_every_target_that_is_made_is_there() -> None:
    targets = {target for _, step in SCRIPTS for target in re.findall(r"^make (\w+)$", step["run"], re.MULTILINE)}
    assert {"setup", "lint", "test", "e2e", "conformance"} <= targets
    known = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets - known == set()


def test_every_local_action_and_workflow_is_there() -> None:
    for path in set(re.findall(r"uses: (\./\S+)", "".join(FILES.values()))):
        assert (ROOT / path).is_file() or (ROOT / path / "action.yml").is_file(), path


def test_every_key_of_the_file_that_says_as_whom_is_documented() -> None:
    told = re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    assert told == [*CLOUD, *CLOUD["environments"]["dev"]]


def test_every_workflow_is_documented() -> None:
    assert {name for name in WORKFLOWS if f"`{name.removeprefix('workflows/')}`" not in DOCUMENT} == set()


def test_the_engine_is_the_one_that_the_tests_run_on() -> None:
    tested = go.required("pulumi", "github.com/pulumi/pulumi/pkg/v3")
    assert f"v{(GITHUB / 'pulumi-version').read_text().strip()}" == tested
