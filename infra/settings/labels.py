"""Labels of Google Cloud's resources (https://cloud.google.com/resource-manager/docs/labels-overview)."""

import re
from typing import Annotated

from pydantic import AfterValidator

from .explain import refuse

MAX_LABELS = 64 - len(("goog-pulumi-provisioned",))
"""Labels of a resource; the provider adds one."""


def _problem(key: str, value: str) -> str | None:
    if not re.fullmatch(r"[a-z][-_a-z0-9]{0,62}", key) or not re.fullmatch(r"[-_a-z0-9]{0,63}", value):
        return (
            f"contains {key!r}. Keys and values are at most 63 lower-case letters, digits, hyphens and underscores; a "
            "key begins with a letter."
        )
    if key.startswith("goog"):
        return f"contains {key!r}, and keys that begin with goog are Google's own. Choose another key."
    return None


def _check(labels: dict[str, str]) -> dict[str, str]:
    refuse(_problem(key, value) for key, value in labels.items())
    if len(labels) > MAX_LABELS:
        raise ValueError(
            f"has {len(labels)} labels, and {MAX_LABELS} are the most: Google Cloud takes 64, and the provider adds "
            "one. Remove some."
        )
    return labels


Labels = Annotated[dict[str, str], AfterValidator(_check)]
