"""Where stacks live and as whom workflows come to them: the file that says it, and what it may say."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ops import cloud
from tests.support.cloud_file import CLOUD, DEV, PROD, in_repository
from tests.support.project import ROOT


def refused(root: Path, content: Any) -> str:
    """What is said of a file; it is nothing else than that."""
    in_repository(root, content)
    with pytest.raises(cloud.CloudError) as error:
        cloud.load(root)
    return "\n".join(error.value.args)


def test_file_as_bootstrap_prints_it_is_read_as_it_is(tmp_path: Path) -> None:
    found = cloud.load(in_repository(tmp_path, CLOUD))
    assert found == cloud.Cloud(
        CLOUD["backendUrl"],
        "",
        CLOUD["workloadIdentityProvider"],
        {
            "dev": cloud.Environment({role: DEV[role] for role in cloud.ROLES}, True),
            "prod": cloud.Environment({role: PROD[role] for role in cloud.ROLES}, False),
        },
    )


def test_committed_file_is_good_if_there_is_one() -> None:
    cloud.load(ROOT)


INJECTED = "gs://state\nBASH_ENV=/tmp/x"
TAIL = " `pulumi -C bootstrap stack output cloud --json > .github/cloud.json` writes it anew (docs/ci.md)"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("backendUrl", INJECTED, 'backendUrl is "gs://state\\nBASH_ENV=/tmp/x", which is not gs://BUCKET or the'),
        ("backendUrl", "gs://state\n", "backendUrl"),
        ("backendUrl", "gs://state/dev", "backendUrl"),
        ("backendUrl", "gs://state?x=y", "backendUrl"),
        ("backendUrl", "file:///tmp", "backendUrl"),
        ("backendUrl", "http://api.pulumi.com", "backendUrl"),
        ("backendUrl", "https://user@api.pulumi.com", "backendUrl"),
        ("backendUrl", "", "backendUrl"),
        ("backendUrl", None, "backendUrl is null"),
        ("organization", "acme", 'organization is "acme", but the backend is a bucket, which has none. Make it ""'),
        ("organization", None, "organization is null"),
        ("workloadIdentityProvider", "projects/1/x", 'workloadIdentityProvider is "projects/1/x", which is not proj'),
        ("workloadIdentityProvider", CLOUD["workloadIdentityProvider"] + "\n", "workloadIdentityProvider"),
        ("environments", [], "environments is [], not an object"),
        ("environments", {"Dev": DEV}, 'a name in environments is "Dev", which is not at most 22 small letters'),
        ("environments", {"a\nb": DEV}, 'a name in environments is "a\\nb"'),
        ("environments", {"..": DEV}, "a name in environments"),
        ("environments", {"dev": None}, "environments.dev is null, not an object with preview, drift, deploy"),
        ("environments", {"dev": {**DEV, "x": 1}}, 'environments.dev."x" is unknown. Take it out: preview, drift'),
        ("environments", {"dev": {**DEV, "deploy": "me@example.com"}}, "environments.dev.deploy is"),
        ("environments", {"dev": {**DEV, "drift": f"{DEV['drift']}\nx=y"}}, "environments.dev.drift is"),
        ("environments", {"dev": {**DEV, "preview": ""}}, 'environments.dev.preview is "", which is not the email of'),
        ("environments", {"dev": {**DEV, "pullRequests": "false"}}, 'dev.pullRequests is "false", not true or false'),
    ],
)
def test_value_that_is_not_of_its_kind_is_refused_with_key_and_value_in_one_line(
    tmp_path: Path, key: str, value: Any, said: str
) -> None:
    text = refused(tmp_path, {**CLOUD, key: value})
    assert said in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("key", CLOUD)
def test_missing_key_is_named_with_the_command_that_writes_it(tmp_path: Path, key: str) -> None:
    assert refused(tmp_path, {k: v for k, v in CLOUD.items() if k != key}) == f"{key} is missing.{TAIL}"


def test_unknown_key_is_refused(tmp_path: Path) -> None:
    assert '"backendURL" is unknown. Take it out: backendUrl' in refused(tmp_path, {**CLOUD, "backendURL": "gs://x"})


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = refused(tmp_path, {**CLOUD, "backendUrl": "x", "environments": {"dev": {**DEV, "drift": "y", "deploy": 1}}})
    assert [line.split(" is ")[0] for line in text.splitlines()] == [
        "backendUrl",
        "environments.dev.drift",
        "environments.dev.deploy",
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_file_that_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text).startswith(("it is not JSON", "the whole is"))


def test_key_that_is_there_twice_is_refused_as_a_reviewer_may_see_the_other(tmp_path: Path) -> None:
    text = json.dumps(CLOUD).replace('"organization"', '"backendUrl": "gs://evil-state", "organization"')
    assert refused(tmp_path, text) == '"backendUrl" is there twice. Leave one of them'


@pytest.mark.parametrize(
    ("backend", "organization", "said"),
    [
        ("https://api.pulumi.com", "", 'organization is "", but the backend is Pulumi Cloud. Name the organization'),
        ("https://api.pulumi.com", "a b", 'organization is "a b", which is not the name of an organization'),
    ],
)
def test_pulumi_cloud_needs_an_organization(tmp_path: Path, backend: str, organization: str, said: str) -> None:
    assert said in refused(tmp_path, {**CLOUD, "backendUrl": backend, "organization": organization})


# What is made of it


def test_stack_in_a_bucket_has_a_folder_of_its_own_and_in_pulumi_cloud_none(tmp_path: Path) -> None:
    in_repository(tmp_path, CLOUD)
    assert cloud.identity("dev", "deploy", tmp_path) == {
        "backend": "gs://pulumi-state-1a2b/dev",
        "organization": "",
        "provider": CLOUD["workloadIdentityProvider"],
        "account": DEV["deploy"],
    }
    in_repository(tmp_path, {**CLOUD, "backendUrl": "https://api.pulumi.com", "organization": "acme"})
    there = cloud.identity("dev", "preview", tmp_path)
    assert (there["backend"], there["organization"]) == ("https://api.pulumi.com", "acme")
    assert there["account"] == DEV["preview"]


def test_stack_without_an_environment_has_no_identity(tmp_path: Path) -> None:
    with pytest.raises(cloud.CloudError, match='environments has no "staging", only: dev, prod'):
        cloud.identity("staging", "deploy", in_repository(tmp_path, CLOUD))
    with pytest.raises(cloud.CloudError, match="it is not there"):
        cloud.identity("staging", "deploy", tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("config:\n  gcp:project: a\n", ["dev"]),
        ('config:\n    "gcp:project": a\n', ["dev"]),
        ("config:\n  'gcp:project': a\n", ["dev"]),
        ("config:\n  # gcp:project: a\n", []),
        ("config: {}\n", []),
    ],
)
def test_stack_is_configured_once_its_file_names_a_project(tmp_path: Path, text: str, found: list[str]) -> None:
    in_repository(tmp_path, CLOUD, dev=text)
    assert cloud.configured(tmp_path) == found


def test_stack_is_configured_only_with_its_own_environment(tmp_path: Path) -> None:
    named = "config:\n  gcp:project: a\n"
    environments = {"dev-eu": DEV, "prod": PROD}
    in_repository(tmp_path, {**CLOUD, "environments": environments}, dev=named, prod=named)
    assert cloud.configured(tmp_path) == ["prod"]
    (tmp_path / cloud.FILE).unlink()
    assert cloud.configured(tmp_path) == []


def test_pull_request_is_previewed_in_the_cloud_where_it_gets_an_identity_and_else_says_why(tmp_path: Path) -> None:
    named = "config:\n  gcp:project: a\n"
    in_repository(tmp_path, CLOUD, dev=named, prod=named, staging=named)
    assert cloud.places(["Pulumi.yaml"], trusted=True, root=tmp_path) == {
        "cloud": ["dev"],
        "sandbox": [
            {
                "stack": "prod",
                "why": "Pull requests get no identity of prod: environments.prod.pullRequests of .github/cloud.json is"
                " false.",
            },
            {"stack": "staging", "why": ".github/cloud.json has no environment staging."},
        ],
    }


def test_pull_request_of_a_fork_gets_no_identity_and_its_file_is_not_even_read(tmp_path: Path) -> None:
    in_repository(tmp_path, "{", dev="config:\n  gcp:project: a\n")
    assert cloud.places(["Pulumi.dev.yaml"], trusted=False, root=tmp_path) == {
        "cloud": [],
        "sandbox": [{"stack": "dev", "why": cloud.UNTRUSTED}],
    }


def test_without_the_file_everything_is_previewed_in_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  gcp:project: a\n")
    found = cloud.places(["Pulumi.dev.yaml"], trusted=True, root=tmp_path)
    assert found == {"cloud": [], "sandbox": [{"stack": "dev", "why": cloud.NO_FILE}]}


def test_command_says_what_is_wrong_as_errors_of_a_workflow_and_nothing_for_later_steps(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ops", tmp_path / "ops", ignore=shutil.ignore_patterns("__pycache__"))
    in_repository(tmp_path, {**CLOUD, "backendUrl": INJECTED, "workloadIdentityProvider": "100%"})
    command = [sys.executable, "-S", "-m", "ops.cloud", "identity", "--stack", "dev", "--role", "deploy"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (1, "")
    backend, provider = done.stderr.splitlines()
    prefix = "::error file=.github/cloud.json::.github/cloud.json: "
    assert backend.startswith(f'{prefix}backendUrl is "gs://state\\nBASH_ENV')
    assert provider.startswith(f'{prefix}workloadIdentityProvider is "100%25"')
