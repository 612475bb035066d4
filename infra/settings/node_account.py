"""The service account that the nodes run as, if somebody else has made it."""

import re
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

NAME = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
"""The part before the @: https://cloud.google.com/iam/docs/service-accounts-create."""


def domain(project: str) -> str:
    """What stands behind the @ of a project's own accounts. A project of a domain is named backwards there."""
    return f"{'.'.join(reversed(project.split(':')))}.iam.gserviceaccount.com"


def _of_the_project(email: str, info: ValidationInfo) -> str:
    project = info.data.get("project")
    if not email or project is None:
        return email
    if email.endswith("@developer.gserviceaccount.com"):
        raise ValueError(
            "is the project's default account, which may have far more rights than a node needs. Use one of the nodes' "
            "own, or leave it out, and the program makes it."
        )
    of_project = f"@{domain(project)}"
    if not re.fullmatch(NAME + re.escape(of_project), email, re.ASCII):
        raise ValueError(
            f"is no service account of the stack's project, whose nodes it is for. Use one like NAME{of_project}: "
            f"`gcloud iam service-accounts list --project={project}` shows them. Or leave it out, and the program "
            "makes it."
        )
    return email


NodeServiceAccount = Annotated[str, AfterValidator(_of_the_project)]
