"""What the settings of the bootstrap program refuse, and that its page has them all."""

import json
from typing import Any

import pytest

from bootstrap import settings
from infra.settings.configuration import SettingsError
from tests.support.bootstrap import SCHEMA, VALUES
from tests.support.project import ROOT

NO_PROJECT = "is not a project ID (not its name or number). `gcloud projects list` shows the IDs."
NO_NAME = "Use at most 22 lower-case letters, digits and hyphens, a letter first, no hyphen last, and not bootstrap."
SHARED_PROJECT = "already: whoever deploys there could take over both. Give each its own project."
NO_NUMBER = (
    'is not the number of a repository. Run `pulumi config set repositoryId "$(gh api repos/acme/inference --jq .id)"`.'
)
NO_REVIEWER = (
    "which is neither team:NUMBER nor user:NUMBER. `gh api orgs/OWNER/teams/TEAM --jq .id` and `gh api users/LOGIN "
    "--jq .id` show the numbers."
)

BAD: list[tuple[dict[str, Any], str]] = [
    ({"gcp:project": "Acme"}, f'gcp:project: "Acme" {NO_PROJECT}'),
    ({"repository": ""}, 'repository: "" is not set. Run `pulumi config set repository OWNER/NAME`.'),
    (
        {"repository": "https://github.com/acme/inference"},
        'repository: "https://github.com/acme/inference" is not a GitHub repository. Write OWNER/NAME.',
    ),
    ({"repositoryId": 0}, f"repositoryId: 0 {NO_NUMBER}"),
    (
        {"repositoryId": "acme"},
        'repositoryId: "acme" is not a whole number. Use one, without quotes.',
    ),
    (
        {"environments": {}},
        "environments: {} is empty. Run `pulumi config set --path environments.dev PROJECT_ID` for each of them.",
    ),
    ({"environments": {"Dev": "acme-dev"}}, f'environments: {{"Dev": "acme-dev"}} has the name \'Dev\'. {NO_NAME}'),
    (
        {"environments": {"bootstrap": "acme-dev"}},
        f'environments: {{"bootstrap": "acme-dev"}} has the name \'bootstrap\'. {NO_NAME}',
    ),
    (
        {"environments": {"e" * 23: "acme-dev"}},
        f'environments: {{"{"e" * 23}": "acme-dev"}} has the name \'{"e" * 23}\'. {NO_NAME}',
    ),
    (
        {"alertEmails": ["team"]},
        "alertEmails: [\"team\"] contains 'team', which is no mail address. Use one like team@example.com.",
    ),
    ({"environments": {"dev": "12345"}}, f'environments: {{"dev": "12345"}} has \'12345\' for dev, which {NO_PROJECT}'),
    (
        {"environments": {"dev": "acme-one", "prod": "acme-one"}},
        'environments: {"dev": "acme-one", "prod": "acme-one"} has acme-one for prod, which is the project of dev '
        + SHARED_PROJECT,
    ),
    (
        {"environments": {"dev": "acme-ci"}},
        'environments: {"dev": "acme-ci"} has acme-ci for dev, which is the project of the state and the identities '
        + SHARED_PROJECT,
    ),
    (
        {"openEnvironments": ["dev", "staging"]},
        'openEnvironments: ["dev", "staging"] has \'staging\', which is not among `environments`: dev, prod. Correct '
        "or remove it.",
    ),
    (
        {"openEnvironments": []},
        'reviewers: {"prod": ["team:7"]} has nobody for dev, so everyone who may push to the main branch would deploy '
        "it. Run `pulumi config set --path 'reviewers.dev[0]' team:NUMBER`. Or, if whoever may push a branch may read "
        "its secrets, too, `pulumi config set --path 'openEnvironments[0]' dev`.",
    ),
    (
        {"reviewers": {"prod": []}},
        'reviewers: {"prod": []} has nobody for prod, so everyone who may push to the main branch would deploy it. Run '
        "`pulumi config set --path 'reviewers.prod[0]' team:NUMBER`. Or, if whoever may push a branch may read its "
        "secrets, too, `pulumi config set --path 'openEnvironments[1]' prod`.",
    ),
    (
        {"reviewers": {"prod": ["team:7"], "qa": ["team:7"]}},
        'reviewers: {"prod": ["team:7"], "qa": ["team:7"]} has \'qa\', which is not among `environments`: dev, prod. '
        "Correct or remove it.",
    ),
    *(
        ({"reviewers": {"prod": [text]}}, f'reviewers: {{"prod": ["{text}"]}} has \'{text}\' for prod, {NO_REVIEWER}')
        for text in ("ann", "team:sre", "team:0", "group:7", "team:7 ")
    ),
    (
        {"reviewers": {"prod": [f"user:{n}" for n in range(1, 8)]}},
        f"reviewers: {json.dumps({'prod': [f'user:{n}' for n in range(1, 8)]})} has 7 for prod, and GitHub takes 6. "
        "Name a team.",
    ),
    (
        {"clusterKeys": {"prod": "europe"}},
        'clusterKeys: {"prod": "europe"} has \'europe\' for prod, which is not a region, like europe-west4.',
    ),
    (
        {"clusterKeys": {"qa": "europe-west4"}},
        'clusterKeys: {"qa": "europe-west4"} has \'qa\', which is not among `environments`: dev, prod. Correct or '
        "remove it.",
    ),
    (
        {"pulumiCloud": True},
        'pulumiOrganization: "" is not set, and `pulumiCloud` is true. Run `pulumi config set pulumiOrganization '
        "NAME`.",
    ),
    (
        {"pulumiOrganization": "acme"},
        'pulumiOrganization: "acme" is set, and `pulumiCloud` is false, so nobody would read it. Set that to true, or '
        "remove it.",
    ),
    (
        {"pulumiCloud": True, "pulumiOrganization": "ac me"},
        'pulumiOrganization: "ac me" is not the name of an organization in Pulumi Cloud.',
    ),
    (
        {"pulumiCloud": True, "pulumiOrganization": "a" * 41},
        f'pulumiOrganization: "{"a" * 41}" is not the name of an organization in Pulumi Cloud.',
    ),
    ({"mainBranch": "a' || true"}, 'mainBranch: "a\' || true" is not the name of a branch, like main.'),
    ({"location": "europe"}, 'location: "europe" is not a region, like europe-west4.'),
    (
        {"workloadIdentityPool": "gcp-ci"},
        'workloadIdentityPool: "gcp-ci" is not an ID of a pool. Use 4 to 32 lower-case letters, digits and hyphens, '
        "not gcp- first.",
    ),
    (
        {"repositoryID": 5},
        "repositoryID: there is no such setting. Did you mean repositoryId? Change its name, or remove it.",
    ),
]


def parse(**changes: Any) -> settings.Settings:
    values = {**{key: item["default"] for key, item in SCHEMA.items()}, **VALUES, "gcp:project": "acme-ci", **changes}
    return settings.parse(values)


@pytest.mark.parametrize(("changes", "line"), BAD, ids=lambda v: str(v) if isinstance(v, dict) else "")
def test_bad_setting_is_refused_with_the_way_out(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse(**changes)
    assert str(error.value).splitlines() == ["Pulumi.shared.yaml has 1 problem; nothing was changed.", f"  {line}"]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match="has 3 problems"):
        parse(repository="", location="x", environments={"Dev": "acme-dev", "prod": "1"})


def test_environments_that_have_a_problem_of_their_own_are_not_compared_with() -> None:
    with pytest.raises(SettingsError, match="has 1 problem; "):
        parse(environments={}, reviewers={"qa": ["user:1"]}, clusterKeys={"qa": "europe-west4"})


def test_six_reviewers_and_reviewers_of_an_open_environment_are_taken() -> None:
    reviewers = {"dev": [f"user:{n}" for n in range(1, 7)], "prod": ["team:7"]}
    assert parse(reviewers=reviewers).reviewers == reviewers


def test_unset_project_is_told_with_its_command() -> None:
    with pytest.raises(SettingsError, match=r"gcp:project: is not set\. Run `pulumi config set gcp:project"):
        settings.parse({**{key: item["default"] for key, item in SCHEMA.items()}, **VALUES})


@pytest.mark.parametrize("key", SCHEMA)
def test_page_has_each_setting_as_pulumi_yaml_declares_it(key: str) -> None:
    item, page = SCHEMA[key], (ROOT / "docs/bootstrap.md").read_text()
    of = f" of {item['items']['type']}" if item["type"] == "array" else ""
    assert f"| `{key}` | {item['type']}{of} | `{json.dumps(item['default'])}` | {item['description']} |" in page
