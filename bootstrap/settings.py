"""The configuration of the bootstrap stack, checked: `load()` is the only place that reads it.

Names, types, defaults and descriptions stand in Pulumi.yaml. Everything else is checked here, before any resource is
declared, and told in one message.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

PROJECT_KEY = "gcp:project"
OWN_FOLDER = "bootstrap"
"""Where the state of this program itself goes in the bucket: no environment may have that name."""

_PROJECT = r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_NOT_A_PROJECT = "is not a project ID (not its name or number). `gcloud projects list` shows the IDs."


class SettingsError(pulumi.RunError):
    """Every problem of the configuration, one a line. A `RunError`, so that the engine prints no traceback."""


class Settings(BaseModel):
    """What is trusted, and for which environments."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    project: Annotated[str, Field(alias=PROJECT_KEY)]
    repository: str
    repository_id: int
    environments: dict[str, str]
    main_branch: str
    location: str
    pulumi_cloud: bool
    workload_identity_pool: str
    protect: bool

    @field_validator("project")
    @classmethod
    def _project_id(cls, project: str) -> str:
        return _matched(_PROJECT, project, _NOT_A_PROJECT)

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
            if not re.fullmatch(_PROJECT, project):
                problems.append(f"has {project!r} for {name}, which {_NOT_A_PROJECT}")
            elif project in owners:
                problems.append(
                    f"has {project} for {name}, which is the project of {owners[project]} already: whoever deploys "
                    "there could take over both. Give each its own project."
                )
            owners.setdefault(project, name)
        if problems:
            raise ValueError("\n".join(problems))
        return environments

    @field_validator("main_branch")
    @classmethod
    def _branch(cls, branch: str) -> str:
        return _matched(r"[A-Za-z0-9][A-Za-z0-9._/-]*", branch, "is not the name of a branch, like main.")

    @field_validator("location")
    @classmethod
    def _region(cls, location: str) -> str:
        return _matched(r"[a-z]+-[a-z]+\d+", location, "is not a region, like europe-west4.")

    @field_validator("workload_identity_pool")
    @classmethod
    def _pool(cls, pool: str) -> str:
        return _matched(
            r"(?!gcp-)[a-z0-9-]{4,32}",
            pool,
            "is not an ID of a pool. Use 4 to 32 lower-case letters, digits and hyphens, not gcp- first.",
        )


def _matched(pattern: str, value: str, problem: str) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError(problem)
    return value


def _explain(error: Any) -> list[str]:
    """The lines for one error of pydantic: setting, value, what is wrong and what to do."""
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "missing":
        return [f"{where}: is not set. Run `pulumi config set {where} ...`; its description is in Pulumi.yaml."]
    if error["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in Settings.model_fields.items())
        return [f"{where}: there is no such setting. Allowed: {known}. Change its name, or remove it."]
    if error["type"] == "value_error":
        reasons = str(error["ctx"]["error"]).splitlines()
    else:
        reasons = [f"is not valid: {error['msg']}. Its type is in Pulumi.yaml."]
    shown = "" if where == "environments" else json.dumps(error["input"], default=str) + " "
    return [f"{where}: {shown}{reason}" for reason in reasons]


def parse(values: Mapping[str, Any], *, stack: str = "shared") -> Settings:
    """The checked settings from the names and values of the configuration. Raises `SettingsError`."""
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as failed:
        lines = [line for error in failed.errors(include_url=False) for line in _explain(error)]
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    raise SettingsError("\n  ".join([f"Pulumi.{stack}.yaml has {count}; nothing was changed.", *lines]))


def load() -> Settings:
    """The settings of the running stack. Raises `SettingsError`."""
    prefix = f"{pulumi.get_project()}:"
    config = {**pulumi.runtime.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    values: dict[str, Any] = {
        k.removeprefix(prefix): v for k, v in config.items() if k.startswith((prefix, PROJECT_KEY))
    }
    with suppress(ValueError):  # what is not JSON stays text, which `parse` refuses by name
        values["environments"] = json.loads(values["environments"])
    return parse(values, stack=pulumi.get_stack())
