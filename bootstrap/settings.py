"""The configuration of the bootstrap stack, checked: `load()` is the only place that reads it.

Names, types, defaults and descriptions stand in Pulumi.yaml. It is read, and its problems are told, as the other
program does it.
"""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from infra.settings import configuration
from infra.settings.explain import PROJECT_KEY, listed, refuse
from infra.settings.monitoring import AlertEmails
from infra.settings.projects import NO_PROJECT, ProjectId, is_project
from infra.settings.scalars import TrueOrFalse, Whole

OWN_FOLDER = "bootstrap"
"""Where the state of this program itself goes in the bucket: no environment may have that name."""

MOST_REVIEWERS = 6
"""https://docs.github.com/en/actions/reference/workflows-and-actions/deployments-and-environments"""
NO_REGION = "is not a region, like europe-west4."


class Settings(BaseModel):
    """What is trusted, and for which environments."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    project: Annotated[ProjectId, Field(alias=PROJECT_KEY)]
    repository: str
    repository_id: Whole
    environments: dict[str, str]
    open_environments: list[str]
    reviewers: dict[str, list[str]]
    cluster_keys: dict[str, str]
    alert_emails: AlertEmails
    main_branch: str
    location: str
    pulumi_cloud: TrueOrFalse
    pulumi_organization: str
    workload_identity_pool: str
    protect: TrueOrFalse

    @field_validator("repository")
    @classmethod
    def _owner_and_name(cls, repository: str) -> str:
        if not repository:
            raise ValueError("is not set. Run `pulumi config set repository OWNER/NAME`.")
        return _matched(
            r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", repository, "is not a GitHub repository. Write OWNER/NAME."
        )

    @field_validator("repository_id")
    @classmethod
    def _number(cls, number: int, info: ValidationInfo) -> int:
        if number < 1:
            repository = info.data.get("repository", "OWNER/NAME")
            raise ValueError(
                f'is not the number of a repository. Run `pulumi config set repositoryId "$(gh api repos/{repository} '
                '--jq .id)"`.'
            )
        return number

    @field_validator("environments")
    @classmethod
    def _apart(cls, environments: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if not environments:
            raise ValueError("is empty. Run `pulumi config set --path environments.dev PROJECT_ID` for each of them.")
        problems: list[str] = []
        owners = {info.data.get("project"): "the state and the identities"}
        for name, project in environments.items():
            if not re.fullmatch(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", name) or name == OWN_FOLDER:
                problems.append(
                    f"has the name {name!r}. Use at most 22 lower-case letters, digits and hyphens, a letter first, no "
                    f"hyphen last, and not {OWN_FOLDER}."
                )
            if not is_project(project):
                problems.append(f"has {project!r} for {name}, which {NO_PROJECT}")
            elif project in owners:
                problems.append(
                    f"has {project} for {name}, which is the project of {owners[project]} already: whoever deploys "
                    "there could take over both. Give each its own project."
                )
            owners.setdefault(project, name)
        refuse(problems)
        return environments

    @field_validator("open_environments", "reviewers", "cluster_keys")
    @classmethod
    def _of_environments(cls, value: Collection[str], info: ValidationInfo) -> Collection[str]:
        known = info.data.get("environments", value)
        refuse(
            [
                f"has {name!r}, which is not among `environments`: {listed(known)}. Correct or remove it."
                for name in value
                if name not in known
            ]
        )
        return value

    @field_validator("reviewers")
    @classmethod
    def _approved(cls, reviewers: dict[str, list[str]], info: ValidationInfo) -> dict[str, list[str]]:
        problems = [
            f"has {text!r} for {name}, which is neither team:NUMBER nor user:NUMBER. "
            "`gh api orgs/OWNER/teams/TEAM --jq .id` and `gh api users/LOGIN --jq .id` show the numbers."
            for name, those in reviewers.items()
            for text in those
            if not re.fullmatch(r"(team|user):[1-9]\d*", text, re.ASCII)
        ]
        problems += [
            f"has {len(those)} for {name}, and GitHub takes {MOST_REVIEWERS}. Name a team."
            for name, those in reviewers.items()
            if len(those) > MOST_REVIEWERS
        ]
        is_open = info.data.get("open_environments")
        if is_open is not None:
            problems += [
                f"has nobody for {name}, so everyone who may push to the main branch would deploy it. "
                f"Run `pulumi config set --path 'reviewers.{name}[0]' team:NUMBER`. Or, if whoever may push a branch "
                f"may read its secrets, too, `pulumi config set --path 'openEnvironments[{len(is_open)}]' {name}`."
                for name in info.data.get("environments", ())
                if name not in is_open and not reviewers.get(name)
            ]
        refuse(problems)
        return reviewers

    @field_validator("cluster_keys")
    @classmethod
    def _regions(cls, keys: dict[str, str]) -> dict[str, str]:
        refuse(
            [f"has {region!r} for {name}, which {NO_REGION}" for name, region in keys.items() if not is_region(region)]
        )
        return keys

    @field_validator("pulumi_organization")
    @classmethod
    def _of_pulumi_cloud(cls, organization: str, info: ValidationInfo) -> str:
        cloud = info.data.get("pulumi_cloud")
        if cloud and not organization:
            raise ValueError("is not set, and `pulumiCloud` is true. Run `pulumi config set pulumiOrganization NAME`.")
        if organization and cloud is False:
            raise ValueError(
                "is set, and `pulumiCloud` is false, so nobody would read it. Set that to true, or remove it."
            )
        if not organization:
            return organization
        return _matched(
            r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", organization, "is not the name of an organization in Pulumi Cloud."
        )

    @field_validator("main_branch")
    @classmethod
    def _branch(cls, branch: str) -> str:
        return _matched(r"[A-Za-z0-9][A-Za-z0-9._/-]*", branch, "is not the name of a branch, like main.")

    @field_validator("location")
    @classmethod
    def _region(cls, location: str) -> str:
        if not is_region(location):
            raise ValueError(NO_REGION)
        return location

    @field_validator("workload_identity_pool")
    @classmethod
    def _pool(cls, pool: str) -> str:
        return _matched(
            r"(?!gcp-)[a-z0-9-]{4,32}",
            pool,
            "is not an ID of a pool. Use 4 to 32 lower-case letters, digits and hyphens, not gcp- first.",
        )


def is_region(name: str) -> bool:
    """Whether a name looks like a region's."""
    return bool(re.fullmatch(r"[a-z]+-[a-z]+\d+", name, re.ASCII))


def _matched(pattern: str, value: str, problem: str) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError(problem)
    return value


def parse(
    values: Mapping[str, Any],
    *,
    secrets: Collection[str] = (),
    stack: str = "shared",
    others: Collection[str] = (),
    project: str = "gke-tpu-inference-bootstrap",
) -> Settings:
    """The checked settings from the names and values of the configuration. Raises `SettingsError`."""
    settings, problems = configuration.check(Settings, values, secrets=secrets)
    problems = [*configuration.misplaced(others, project), *problems]
    if settings is None or problems:
        raise configuration.refused(stack, problems)
    return settings


def load() -> Settings:
    """The settings of the running stack. Raises `SettingsError`."""
    values, secrets, others = configuration.read(
        {"environments", "openEnvironments", "reviewers", "clusterKeys", "alertEmails"}
    )
    return parse(values, secrets=secrets, stack=pulumi.get_stack(), others=others, project=pulumi.get_project())
