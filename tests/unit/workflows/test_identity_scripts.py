"""As whom a job comes to Google Cloud, and which stacks it can reach, as the scripts of the workflows find out."""

import json
import subprocess

import pytest

from tests.support.cloud_file import CLOUD, DEV, PROD, in_repository
from tests.support.jobs import NAMED, Shell, commit, git
from tests.support.workflows import script

STACKS = ("dev", "dev-eu", "prod")


def test_a_stack_is_configured_once_its_file_names_a_project_and_it_has_an_environment(shell: Shell) -> None:
    in_repository(shell.repository(), CLOUD, dev=NAMED, prod="config: {}\n", staging=NAMED)
    done = shell.run(script("actions/configured/action.yml", "look"))
    assert (done.returncode, shell.outputs()) == (0, {"stacks": '["dev"]'})


def test_without_the_file_no_stack_is_configured(shell: Shell) -> None:
    (shell.repository() / "Pulumi.dev.yaml").write_text(NAMED)
    done = shell.run(script("actions/configured/action.yml", "look"))
    assert (done.returncode, shell.outputs()) == (0, {"stacks": "[]"})


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
