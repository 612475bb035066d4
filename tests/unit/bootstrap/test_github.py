"""What GitHub is told."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bootstrap import github
from ops.cloud import problems
from tests.support.bootstrap import POOL, program
from tests.support.program import Declared

ENVIRONMENTS = "repos/acme/inference/environments"


def test_file_for_the_workflows_has_each_environments_own_identities(shared: Declared) -> None:
    def of(environment: str) -> dict[str, Any]:
        mails = {
            name: f"{name}-{environment}@my-project.iam.gserviceaccount.com" for name in ("preview", "drift", "deploy")
        }
        return {**mails, "pullRequests": environment == "dev"}

    assert shared.outputs["cloud"] == {
        "backendUrl": "gs://pulumi-state-1a2b3c4",
        "organization": "",
        "workloadIdentityProvider": f"{POOL}/providers/github",
        "environments": {"dev": of("dev"), "prod": of("prod")},
    }


def test_workflows_take_the_file_as_it_is(shared: Declared) -> None:
    assert problems(shared.outputs["cloud"]) == []
    cloud = program(pulumiCloud=True, pulumiOrganization="acme").outputs["cloud"]
    assert problems(cloud) == []


class Gh:
    """A `gh` that keeps what it was called with and what it was given, and knows some environments and branches."""

    def __init__(self, folder: Path) -> None:
        self.log, self.there = folder / "log", folder / "there"
        self.log.touch()
        (folder / "bin").mkdir()
        gh = folder / "bin/gh"
        gh.write_text(
            "#!/bin/sh\n"
            f'there="{self.there}" log="{self.log}"\n'
            'case "$*" in\n'
            '  *PUT*) echo "PUT $5 $(cat)" >> "$log" ;;\n'
            '  *POST*) echo "POST $5 $7" >> "$log" ;;\n'
            '  *branch_policies*) [ ! -e "$there" ] || echo main ;;\n'
            '  *) [ -e "$there" ] || { echo "HTTP 404" >&2; exit 1; } ;;\n'
            "esac\n"
        )
        gh.chmod(0o755)
        self.path = f"{gh.parent}:{os.environ['PATH']}"

    def run(self, commands: str) -> list[str]:
        """What has been changed by the commands, a line for each."""
        subprocess.run(["/bin/sh", "-e"], input=commands, text=True, check=True, env={"PATH": self.path})
        return self.log.read_text().splitlines()


@pytest.fixture
def gh(tmp_path: Path) -> Gh:
    return Gh(tmp_path)


POLICY = {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}
REVIEWED = {"reviewers": [{"type": "Team", "id": 7}], "prevent_self_review": True, **POLICY}


def test_environments_are_made_with_their_reviewers_and_for_the_main_branch_alone(shared: Declared, gh: Gh) -> None:
    assert gh.run(shared.outputs["githubCommands"]) == [
        f"PUT {ENVIRONMENTS}/dev {json.dumps(POLICY)}",
        f"POST {ENVIRONMENTS}/dev/deployment-branch-policies name=main",
        f"PUT {ENVIRONMENTS}/prod {json.dumps(REVIEWED)}",
        f"POST {ENVIRONMENTS}/prod/deployment-branch-policies name=main",
    ]


def test_environment_that_is_there_gets_its_reviewers_and_one_without_keeps_what_it_has(
    shared: Declared, gh: Gh
) -> None:
    gh.there.touch()
    assert gh.run(shared.outputs["githubCommands"]) == [f"PUT {ENVIRONMENTS}/prod {json.dumps(REVIEWED)}"]


def test_branch_is_the_one_that_is_set(gh: Gh) -> None:
    [_, branch, *_] = gh.run(program(mainBranch="release/v1").outputs["githubCommands"])
    assert branch == f"POST {ENVIRONMENTS}/dev/deployment-branch-policies name=release/v1"


@pytest.mark.parametrize(
    ("text", "expected"), [("team:7", {"type": "Team", "id": 7}), ("user:12", {"type": "User", "id": 12})]
)
def test_reviewer_is_a_team_or_a_person(text: str, expected: dict[str, Any]) -> None:
    assert github.reviewer(text) == expected
