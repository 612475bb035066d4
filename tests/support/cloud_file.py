"""`.github/cloud.json` as `bootstrap/` prints it, of a repository that there is not."""

import json
from pathlib import Path
from typing import Any


def _environment(name: str, *, pull_requests: bool) -> dict[str, Any]:
    accounts = {role: f"{role}-{name}@acme-ci.iam.gserviceaccount.com" for role in ("preview", "drift", "deploy")}
    return {**accounts, "pullRequests": pull_requests}


DEV = _environment("dev", pull_requests=True)
PROD = _environment("prod", pull_requests=False)
CLOUD: dict[str, Any] = {
    "backendUrl": "gs://pulumi-state-1a2b",
    "organization": "",
    "workloadIdentityProvider": "projects/1234/locations/global/workloadIdentityPools/github-actions/providers/github",
    "environments": {"dev": DEV, "prod": PROD},
}


def in_repository(root: Path, content: Any, **stack_files: str) -> Path:
    """Write the file, text as it is and else as JSON, and stack files beside it; returns the repository's root."""
    (root / ".github").mkdir(exist_ok=True)
    (root / ".github/cloud.json").write_text(content if isinstance(content, str) else json.dumps(content))
    for stack, text in stack_files.items():
        (root / f"Pulumi.{stack}.yaml").write_text(text)
    return root
