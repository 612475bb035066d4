"""The bootstrap program on the real engine: its life, what it refuses, and what stays behind in Google Cloud."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError, OpType

from ops.cloud import problems
from sandbox.clouds.google_kinds import (
    ACCOUNT,
    ACCOUNT_MEMBER,
    BUCKET,
    FOLDER,
    IDENTITY_POOL,
    IDENTITY_PROVIDER,
    KEY,
    KEY_RING,
    MEMBER,
    MEMBER_REMOVED,
    OBJECT,
)
from sandbox.clouds.inventory import Inventory, Item
from sandbox.engine.stack import SandboxError, SandboxStack, setting
from tests.support.project import ROOT
from tests.support.stacks import since

CONFIG: dict[str, Any] = {
    "repository": "acme/inference",
    "repositoryId": "123456",
    "environments": {"dev": "acme-dev", "prod": "acme-prod"},
    "openEnvironments": ["dev"],
    "reviewers": {"prod": ["team:7"]},
    "clusterKeys": {"prod": "us-east5"},
    "alertEmails": ["team@example.com"],
}
Bootstrap = Callable[..., SandboxStack]


def at(home: Path, **config: Any) -> SandboxStack:
    """A sandbox of the bootstrap project, `CONFIG` changed by the keywords."""
    return SandboxStack("shared", project=ROOT / "bootstrap", home=home, config={**CONFIG, **config})


@pytest.fixture
def bootstrap(tmp_path: Path) -> Iterator[Bootstrap]:
    """Makes such a sandbox, with nothing in it."""
    with ExitStack() as stack:
        yield lambda **config: stack.enter_context(at(tmp_path / "home", **config))


@pytest.fixture(scope="session")
def deployed_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one that is up."""
    home = tmp_path_factory.mktemp("bootstrap")
    with at(home) as stack:
        stack.up()
    return home


@pytest.fixture
def stack(deployed_bootstrap: Path, tmp_path: Path) -> Iterator[SandboxStack]:
    """A copy of one that is up, as `CONFIG` has it."""
    with at(Path(shutil.copytree(deployed_bootstrap, tmp_path / "home"))) as sandbox:
        yield sandbox


def write_state(stack: SandboxStack, environment: str) -> None:
    """What Pulumi does with the backend URL of an environment."""
    [bucket] = stack.inventory.find(BUCKET)
    path = f"{environment}/.pulumi/meta.yaml"
    stack.inventory.record("create", Item("gcp", OBJECT, bucket.name, path, f"{bucket.name}/{path}", {}))


def test_it_goes_up_in_empty_projects_shows_no_change_and_goes_away(bootstrap: Bootstrap) -> None:
    stack = bootstrap(protect="false")
    planned = stack.preview().change_summary
    assert stack.up().summary.resource_changes == planned
    assert set(stack.preview().change_summary) == {"same"}
    assert set(stack.refresh().summary.resource_changes or {}) == {"same"}
    assert problems(stack.outputs()["cloud"]) == []
    stack.destroy()
    assert stack.inventory.find() == []


def test_preview_and_its_refresh_write_nothing_into_the_backend(stack: SandboxStack) -> None:

    def files() -> dict[str, int]:
        return {str(f): f.stat().st_mtime_ns for f in (stack.home / "state").rglob("*")}

    before = files()
    stack.preview()
    stack.stack.preview_refresh()
    assert files() == before


def test_names_of_keys_and_of_the_pool_stay_taken_and_another_bootstrap_gets_around_it(bootstrap: Bootstrap) -> None:
    stack = bootstrap(protect="false")
    stack.up()
    made = {i.id for k in (KEY_RING, KEY, IDENTITY_POOL, IDENTITY_PROVIDER) for i in stack.inventory.find(k)}
    stack.destroy()
    assert Inventory(stack.inventory.path).taken == made
    with pytest.raises(CommandError, match="workloadIdentityPools/github-actions' already exists"):
        stack.up()
    stack.set_config("workloadIdentityPool", "github-actions-2")
    stack.up()
    assert len(stack.inventory.find(KEY)) == 3


def test_destroy_is_refused_until_protection_is_lifted(stack: SandboxStack) -> None:
    with pytest.raises(CommandError, match="protected"):
        stack.destroy()
    stack.set_config("protect", False)
    assert since(stack, stack.up) == []
    stack.destroy()
    assert stack.inventory.find() == []


def test_bucket_and_folder_with_state_in_them_stay_even_without_protection(bootstrap: Bootstrap) -> None:
    stack = bootstrap(protect="false")
    stack.up()
    write_state(stack, "prod")
    with pytest.raises(CommandError, match=r"which holds .*/prod/\.pulumi/meta\.yaml, without `forceDestroy`"):
        stack.destroy()
    assert stack.inventory.find(BUCKET)
    assert "prod/" in {folder.name for folder in stack.inventory.find(FOLDER)}


def test_key_of_an_environment_that_is_taken_out_stays_while_protected(stack: SandboxStack) -> None:
    stack.set_config("environments", {"prod": "acme-prod"})
    stack.set_config("openEnvironments", [])
    with pytest.raises(CommandError, match="protected"):
        stack.up()
    assert len(stack.inventory.find(KEY)) == 3


def test_added_environment_touches_nothing_of_the_others(stack: SandboxStack) -> None:
    before = {account.id for account in stack.inventory.find(ACCOUNT)}
    stack.set_config("environments", {**CONFIG["environments"], "staging": "acme-staging"})
    stack.set_config("openEnvironments", ["dev", "staging"])
    changes = stack.up().summary.resource_changes or {}
    assert set(changes) == {"same", "create"}
    added = [account.name for account in stack.inventory.find(ACCOUNT) if account.id not in before]
    assert set(added) == {
        *(f"{identity}-staging" for identity in ("preview", "drift", "deploy")),
        "gke-nodes",
    }


def test_environment_that_is_no_longer_open_takes_its_preview_from_pull_requests_and_nothing_else(
    stack: SandboxStack,
) -> None:
    stack.set_config("openEnvironments", [])
    stack.set_config("reviewers", {"dev": ["user:1"], "prod": ["team:7"]})
    assert {(op, kind) for op, kind, _ in since(stack, stack.up)} == {
        ("create", ACCOUNT_MEMBER),
        ("delete", ACCOUNT_MEMBER),
        ("update", ACCOUNT),
    }
    [member] = [m for m in stack.inventory.find(ACCOUNT_MEMBER) if "preview-dev@" in m.inputs["serviceAccountId"]]
    assert member.inputs["member"].endswith("/attribute.plan/true")


def test_editor_that_a_default_account_is_made_again_is_seen_by_a_refresh_and_taken_away(stack: SandboxStack) -> None:
    removed = next(r for r in stack.inventory.find(MEMBER_REMOVED) if "compute@" in r.inputs["member"])
    again = Item("gcp", MEMBER, "acme-prod", "again", f"{removed.id}/again", dict(removed.inputs))
    stack.inventory.record("create", again)
    assert (stack.refresh().summary.resource_changes or {})[OpType.DELETE] == 1
    stack.up()
    assert again not in stack.inventory.find(MEMBER)
    assert set(stack.preview().change_summary) == {"same"}


def test_renamed_repository_changes_no_trust(stack: SandboxStack) -> None:
    stack.set_config("repository", "acme/renamed")
    assert since(stack, stack.up) == [("update", IDENTITY_POOL, "github-actions")]


def test_stack_without_settings_is_told_all_that_it_needs_and_makes_nothing(tmp_path: Path) -> None:
    with (
        SandboxStack("shared", project=ROOT / "bootstrap", home=tmp_path) as stack,
        pytest.raises(CommandError) as error,
    ):
        stack.up()
    assert stack.inventory.find() == []
    for command in (
        "set repository OWNER/NAME",
        'set repositoryId "$(gh api repos/OWNER/NAME --jq .id)"',
        "set --path environments.dev PROJECT_ID",
    ):
        assert f"`pulumi config {command}`" in str(error.value)


def test_stack_of_the_main_project_needs_its_file(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"stack other: there is no Pulumi\.other\.yaml in .*; copy Pulumi\.dev"):
        SandboxStack("other", home=tmp_path).__enter__()


def test_folder_without_a_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"there is no Pulumi\.yaml in it"):
        SandboxStack(project=tmp_path, home=tmp_path).__enter__()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("repositoryId=12", ("repositoryId", "12")),
        ("protect=false", ("protect", "false")),
        ("a=b=c", ("a", "b=c")),
        ("a=", ("a", "")),
        ("a=x: [", ("a", "x: [")),
        ('environments={"dev": "acme-dev"}', ("environments", {"dev": "acme-dev"})),
        ("tpuZones=[a, b]", ("tpuZones", ["a", "b"])),
    ],
)
def test_setting_on_the_command_line_is_text_unless_it_is_a_list_or_a_mapping(text: str, expected: Any) -> None:
    assert setting(text) == expected
