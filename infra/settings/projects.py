"""Projects of Google Cloud, by their IDs."""

import re
from typing import Annotated

from pydantic import AfterValidator

NO_PROJECT = "is not a project ID (not its name or number). `gcloud projects list` shows the IDs."


def is_project(name: str) -> bool:
    """Whether a name looks like a project's ID."""
    return bool(re.fullmatch(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]", name))


def _check(project: str) -> str:
    if not is_project(project):
        raise ValueError(NO_PROJECT)
    return project


ProjectId = Annotated[str, AfterValidator(_check)]
