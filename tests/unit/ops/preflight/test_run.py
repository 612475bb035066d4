"""The command: what it does without credentials or a project, what it prints, and its exit codes."""

from collections.abc import Callable
from typing import Any

import google.auth
import httpx2
import pytest
import requests
from google.api_core.exceptions import GoogleAPICallError, ServiceUnavailable
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from google.oauth2.credentials import Credentials as UserCredentials
from typer.testing import CliRunner

from infra.settings.load import parse
from ops import config_json
from ops.__main__ import app
from ops.preflight import cloud, findings, run, tools
from ops.preflight.checks import CHECKS
from ops.preflight.unanswered import unanswered
from ops.stack_file import Stack
from tests.support.google_apis import Apis
from tests.support.preflight import SAID
from tests.support.stack_settings import stack

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def project() -> Apis:
    return Apis()


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, project: Apis) -> Ask:
    """The command, where tools are as they should be and Hugging Face answers; exit code and what it says."""
    monkeypatch.setattr(tools.check, "__defaults__", (lambda command: SAID[command[0]], tools.ROOT))
    monkeypatch.setattr("ops.preflight.models.check.__defaults__", (lambda *_: httpx2.Response(200, json={}),))
    monkeypatch.setattr(run, "credentials", lambda _: AnonymousCredentials())
    monkeypatch.setattr(run, "maker", lambda _: project.make)

    def command(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["preflight", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, " ".join(done.output.replace("│", " ").split())

    return command


def test_stack_that_comes_up(ask: Ask) -> None:
    code, said = ask("--stack", "dev", "--project", "my-project")
    assert code == 0
    assert said.endswith("23 ok, 0 warn, 0 fail, 0 left out")


def test_failure_is_an_exit_code(ask: Ask, project: Apis) -> None:
    project.permissions.clear()
    code, said = ask("--stack", "dev", "--project", "my-project")
    assert code == 1
    assert "11 fail, 0 left out" in said


def test_warning_is_none(ask: Ask, project: Apis) -> None:
    project.vpcs.append("tpu-inference-0123abc")
    assert ask("--stack", "dev", "--project", "my-project")[0] == 0


def test_without_a_project_the_rest_is_done(ask: Ask) -> None:
    code, said = ask("--stack", "dev")
    assert code == 0
    assert "the stack's file has no gcp:project. So these were not asked: APIs, permissions, organisation" in said
    assert "-> `pulumi config set gcp:project PROJECT_ID`, or --project PROJECT_ID" in said
    assert "ok fit" in said


@pytest.mark.parametrize(
    "error",
    [
        DefaultCredentialsError("Your default credentials were not found. To set up, see https://x"),
        RefreshError("Your default credentials were not found.", {"error": "invalid_grant"}),
        requests.ConnectionError("Your default credentials were not found"),
    ],
)
def test_without_credentials_the_rest_is_done(ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def none(_: str) -> Any:
        raise error

    monkeypatch.setattr(run, "credentials", none)
    code, said = ask("--stack", "dev", "--project", "my-project")
    assert code == 0
    assert "Your default credentials were not found. So these were not asked: APIs, permissions" in said
    assert "-> gcloud auth application-default login" in said
    assert "pulumi 3.274.1" in said


def test_wrong_stack_file_is_refused(ask: Ask) -> None:
    code, said = ask("--stack", "none")
    assert code == 2
    assert said.startswith("Error: there is no Pulumi.none.yaml. Stacks with a file: dev, prod, staging")


def test_nothing_is_made_unless_it_is_asked_for(ask: Ask, project: Apis) -> None:
    ask("--stack", "dev", "--project", "my-project")
    assert project.made == {}
    code, said = ask("--stack", "dev", "--project", "my-project", "--probe")
    assert (code, len(project.made), project.deleted) == (0, 1, list(project.made))
    assert "came, and is asked to go" in said


def test_probe_that_cannot_be_asked_is_left_out(ask: Ask, project: Apis) -> None:
    project.forbidden.add("compute.googleapis.com")
    _, said = ask("--stack", "dev", "--project", "my-project", "--probe")
    assert "left out probe these credentials may not ask compute.googleapis.com" in said


def test_warnings_of_the_settings_are_told(ask: Ask) -> None:
    assert "warn settings auth: tokens, and no key counts yet" in ask("--stack", "prod")[1]


def test_budget_that_cannot_be_kept_is_told(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = parse(stack({"budget": {"billingAccount": "012345-6789AB-CDEF01", "usd": 1}}))
    monkeypatch.setattr(run, "stack", lambda *_, **__: Stack(settings, True, frozenset()))
    assert "warn settings budget.usd: 1 is below the 217 US dollars" in ask("--stack", "dev")[1]


@pytest.mark.parametrize(
    ("error", "found", "do"),
    [
        (ServiceUnavailable("busy"), "compute.googleapis.com answers: busy", "Run this again"),
        (requests.ConnectionError("no route"), "compute.googleapis.com was not reached (ConnectionError)", "where it"),
    ],
)
def test_api_that_does_not_answer_is_left_out(error: GoogleAPICallError | OSError, found: str, do: str) -> None:
    [check] = [one for one in CHECKS if one.name == "machine type"]
    told = unanswered(check, error, "my-project")
    assert (told.status, told.found) == (findings.Status.LEFT_OUT, found)
    assert do in told.do


def test_hub_is_the_one_of_fit() -> None:
    assert run.models.check.__defaults__ == (config_json.ask,)


# Credentials


class Person(UserCredentials):
    def refresh(self, request: Any) -> None:
        """No network."""


def default(monkeypatch: pytest.MonkeyPatch, found: Any) -> None:
    monkeypatch.setattr(google.auth, "default", lambda **_: (found, None))


def test_requests_of_a_person_are_counted_against_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person("token", refresh_token="r", token_uri="u", client_id="c", client_secret="s")  # noqa: S106
    default(monkeypatch, person)
    monkeypatch.setattr(UserCredentials, "refresh", Person.refresh)
    assert cloud.credentials("my-project").quota_project_id == "my-project"
    default(monkeypatch, person.with_quota_project("own"))
    assert cloud.credentials("my-project").quota_project_id == "own"


def test_whose_the_credentials_are_is_told_if_they_say_it() -> None:
    class Account:
        service_account_email = "deploy-dev@ci.iam.gserviceaccount.com"

    assert cloud.who(Account()) == "deploy-dev@ci.iam.gserviceaccount.com"
    assert cloud.who(AnonymousCredentials()) == "a person"


def test_clients_of_the_program_use_the_transport_that_is_tried_here() -> None:
    make, stand_in = cloud.maker(AnonymousCredentials()), Apis().make
    kind = cloud.orgpolicy_v2.OrgPolicyClient
    assert type(make(kind).transport) is type(stand_in(kind).transport)
