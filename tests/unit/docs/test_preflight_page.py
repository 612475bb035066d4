"""The page of preflight shows what the command prints, without credentials and in a project that is replayed."""

from collections.abc import Callable

import httpx2
import pytest
from google.auth.credentials import AnonymousCredentials
from typer.testing import CliRunner

from ops.__main__ import app
from ops.preflight import checks, models, permissions, run, tools, tpu_quota
from tests.support.google_apis import Apis, policy, quota
from tests.support.pages import Command, commands
from tests.support.preflight import SAID
from tests.support.project import ROOT

PAGE = "docs/preflight.md"
SHOWN = [command for command in commands(PAGE) if command.prints]


def replayed() -> Apis:
    """The project that the page describes."""
    project = Apis()
    project.quota_infos[tpu_quota.ON_DEMAND] = quota(everywhere=0)
    project.permissions -= set(permissions.ROLES["roles/compute.securityAdmin"])
    project.policies["gcp.resourceLocations"] = policy(values={"allowed_values": ["in:eu-locations"]})
    return project


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What the command prints where the tools are installed, and no network is but that of the project."""
    monkeypatch.setattr(tools.check, "__defaults__", (lambda command: SAID[command[0]], ROOT))
    monkeypatch.setattr(models.check, "__defaults__", (lambda *_: httpx2.ConnectError("no network"),))
    monkeypatch.setattr(run, "credentials", lambda _: AnonymousCredentials())
    monkeypatch.setattr(run, "maker", lambda _: replayed().make)

    def command(text: str) -> list[str]:
        done = CliRunner().invoke(app, ["preflight", *text.split("-m ops preflight ")[1].split()])
        return [line.rstrip() for line in done.output.splitlines()]

    return command


@pytest.mark.parametrize("shown", SHOWN, ids=[command.text for command in SHOWN])
def test_page_shows_what_the_command_prints(ask: Callable[[str], list[str]], shown: Command) -> None:
    assert ask(shown.text) == shown.prints


def test_page_shows_both() -> None:
    assert len(SHOWN) == 2


def test_page_names_every_check_and_the_role_that_may_ask() -> None:
    page = (ROOT / PAGE).read_text()
    rows = {row.split("|")[1].strip(): row for row in page.splitlines() if row.startswith("| ")}
    for check in checks.CHECKS:
        assert check.role in rows[check.name] or check.role == "roles/browser", check.name
