"""What GitHub is told: the file that the workflows read, and the commands that make its environments."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

ENVIRONMENTS = "repos/{repository}/environments/{environment}"


def cloud(
    *,
    backend_url: str,
    organization: str,
    provider: str,
    emails: Mapping[str, Mapping[str, str]],
    open_environments: Sequence[str],
) -> dict[str, Any]:
    """What stands in .github/cloud.json: names and addresses, none of which lets anybody in."""
    return {
        "backendUrl": backend_url,
        "organization": organization,
        "workloadIdentityProvider": provider,
        "environments": {
            name: {**of_environment, "pullRequests": name in open_environments}
            for name, of_environment in emails.items()
        },
    }


def reviewer(text: str) -> dict[str, Any]:
    """A reviewer as GitHub's API has it, of `team:NUMBER` or `user:NUMBER`."""
    kind, _, number = text.partition(":")
    return {"type": kind.capitalize(), "id": int(number)}


def _put(path: str, body: Mapping[str, Any]) -> str:
    return f"echo '{json.dumps(body)}' | gh api --silent --method PUT {path} --input -"


def commands(repository: str, main_branch: str, reviewers: Mapping[str, Sequence[str]]) -> str:
    """The commands that make the GitHub environments, each of which has the main branch alone, and its reviewers.

    One that has reviewers gets them, and the main branch, whether it is there or not, and keeps its other branches;
    another that is there keeps what it has. Nobody approves what they have started themselves.
    """
    policy = {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}
    lines: list[str] = []
    for environment, of_environment in reviewers.items():
        path = ENVIRONMENTS.format(repository=repository, environment=environment)
        branch = f"gh api --silent --method POST {path}/deployment-branch-policies -f name={main_branch}"
        if of_environment:
            rules = {"reviewers": [reviewer(text) for text in of_environment], "prevent_self_review": True, **policy}
            there = f"gh api {path}/deployment-branch-policies --jq '.branch_policies[].name' | grep -qxF {main_branch}"
            lines += [_put(path, rules), f"{there} || {branch}"]
        else:
            lines.append(f"gh api --silent {path} 2>/dev/null || {{ {_put(path, policy)} && {branch}; }}")
    return "\n".join(lines)
