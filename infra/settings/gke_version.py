"""The lowest version of GKE, if it is not the channel's: one that what the stack installs runs on."""

import re
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from infra.releases import compatibility, pins

from .context import context


def _check(version: str, info: ValidationInfo) -> str:
    if not version:
        return version
    if not re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,9}-gke\.\d{1,12}", version, re.ASCII):
        raise ValueError(
            "is not a full GKE version like 1.34.1-gke.1829001. Use one of `gcloud container get-server-config`, or "
            "remove it to use the channel's."
        )
    if problem := compatibility.gke_problem(version, pins.versions(autoscaled=context(info).autoscaled)):
        raise ValueError(problem)
    return version


GkeVersion = Annotated[str, AfterValidator(_check)]
