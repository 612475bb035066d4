"""Where the stacks' state is, and as whom a workflow comes to Google Cloud: `python3 -m ops.cloud COMMAND`.

That is said in `.github/cloud.json`, which is reviewed like code; variables of GitHub are not asked, as who may write
these need not be who may merge. Without the file nothing goes to Google Cloud. Every value is matched against what it
may be, so that what this prints for `$GITHUB_OUTPUT` is one line for each name. Needs no packages: a workflow calls
this before it has installed any.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .stacks import ROOT, stacks, touched

FILE = ".github/cloud.json"
ROLES = ("preview", "drift", "deploy")
AGAIN = f"`pulumi -C bootstrap stack output cloud --json > {FILE}` writes it anew (docs/ci.md)"

DOMAIN = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
SERVICE = re.compile(rf"https://{DOMAIN}(:[0-9]{{1,5}})?")
ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
PROVIDER = re.compile(
    r"projects/[0-9]{1,20}/locations/global/workloadIdentityPools/[a-z0-9-]{4,32}/providers/[a-z0-9-]{4,32}"
)
ACCOUNT = re.compile(rf"[a-z][a-z0-9-]{{4,28}}[a-z0-9]@{DOMAIN}\.iam\.gserviceaccount\.com")
ENVIRONMENT = re.compile(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?")
NAMES_PROJECT = re.compile(r"""^ +["']?gcp:project["']? *:""", re.MULTILINE)

NO_FILE = f"{FILE} is not there, so no workflow has an identity in Google Cloud."
UNTRUSTED = "GitHub gives no identity to the workflows of forks and of Dependabot."


class CloudError(Exception):
    """What is wrong with the file, or with what was asked of it; each argument is a line for a person."""


class Environment(NamedTuple):
    """The service accounts of one environment, and whether pull requests get the first of them."""

    accounts: dict[str, str]
    pull_requests: bool


class Cloud(NamedTuple):
    """The file, each value as its pattern says."""

    backend_url: str
    organization: str
    provider: str
    environments: dict[str, Environment]

    def backend(self, stack: str) -> str:
        """What `pulumi login` takes: in a bucket, each stack has a folder that only its own identity can write."""
        return f"{self.backend_url}/{stack}" if BUCKET.fullmatch(self.backend_url) else self.backend_url


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of a name that is there twice, a reader and a reviewer could take different ones."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise CloudError(f"{json.dumps(name)} is there twice. Leave one of them")
    return dict(pairs)


def _wrong_keys(where: str, found: Any, wanted: tuple[str, ...]) -> list[str]:
    if not isinstance(found, dict):
        what = where.rstrip(".") or "the whole"
        return [f"{what} is {json.dumps(found)}, not an object with {', '.join(wanted)}. {AGAIN}"]
    odd = [
        f"{where}{json.dumps(key)} is unknown. Take it out: {', '.join(wanted)} are known"
        for key in found
        if key not in wanted
    ]
    return odd + [f"{where}{key} is missing. {AGAIN}" for key in wanted if key not in found]


def _wrong(key: str, value: Any, what: str, *patterns: re.Pattern[str]) -> list[str]:
    if isinstance(value, str) and any(pattern.fullmatch(value) for pattern in patterns):
        return []
    return [f"{key} is {json.dumps(value)}, which is not {what}. {AGAIN}"]


def _wrong_environment(name: str, found: Any) -> list[str]:
    if wrong := _wrong("a name in environments", name, "at most 22 small letters, digits and hyphens", ENVIRONMENT):
        return wrong
    where = f"environments.{name}."
    if wrong := _wrong_keys(where, found, (*ROLES, "pullRequests")):
        return wrong
    for role in ROLES:
        wrong += _wrong(f"{where}{role}", found[role], "the email of a service account", ACCOUNT)
    if not isinstance(found["pullRequests"], bool):
        wrong.append(f"{where}pullRequests is {json.dumps(found['pullRequests'])}, not true or false. {AGAIN}")
    return wrong


def _wrong_backend(backend: Any, organization: Any) -> list[str]:
    wrong = _wrong("backendUrl", backend, "gs://BUCKET or the https://HOST of Pulumi Cloud", BUCKET, SERVICE)
    if wrong:
        return wrong
    if BUCKET.fullmatch(backend):
        said = f'organization is {json.dumps(organization)}, but the backend is a bucket, which has none. Make it ""'
        return [] if organization == "" else [said]
    if organization == "":
        return ['organization is "", but the backend is Pulumi Cloud. Name the organization whose stacks these are']
    return _wrong("organization", organization, "the name of an organization of Pulumi Cloud", ORGANIZATION)


def problems(found: Any) -> list[str]:
    """All that is wrong with the content of the file: key, value, what it may be, and the way out."""
    keys = ("backendUrl", "organization", "workloadIdentityProvider", "environments")
    if missing := _wrong_keys("", found, keys):
        return missing
    wrong = _wrong_backend(found["backendUrl"], found["organization"])
    what = "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER"
    wrong += _wrong("workloadIdentityProvider", found["workloadIdentityProvider"], what, PROVIDER)
    if not isinstance(found["environments"], dict):
        return [*wrong, f"environments is {json.dumps(found['environments'])}, not an object. {AGAIN}"]
    return wrong + [p for name, of in found["environments"].items() for p in _wrong_environment(name, of)]


def load(root: Path = ROOT) -> Cloud | None:
    """The file, or None without it; raises `CloudError` with all that is wrong."""
    path = root / FILE
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(), object_pairs_hook=_pairs)
    except (OSError, ValueError) as error:
        raise CloudError(f"it is not JSON: {error}. {AGAIN}") from None
    if wrong := problems(found):
        raise CloudError(*wrong)
    environments = {
        name: Environment({role: of[role] for role in ROLES}, of["pullRequests"])
        for name, of in found["environments"].items()
    }
    return Cloud(found["backendUrl"], found["organization"], found["workloadIdentityProvider"], environments)


def why_not(stack: str, cloud: Cloud | None, root: Path = ROOT) -> str:
    """Why a stack cannot be reached in Google Cloud; empty if it is configured."""
    if cloud is None:
        return NO_FILE
    if stack not in cloud.environments:
        return f"{FILE} has no environment {stack}."
    if not NAMES_PROJECT.search((root / f"Pulumi.{stack}.yaml").read_text()):
        return f"Pulumi.{stack}.yaml names no gcp:project."
    return ""


def configured(root: Path = ROOT) -> list[str]:
    """The stacks that can be reached in Google Cloud."""
    cloud = load(root)
    return [stack for stack in stacks(root) if not why_not(stack, cloud, root)]


def identity(stack: str, role: str, root: Path = ROOT) -> dict[str, str]:
    """What a job needs to work on a stack in a role; raises `CloudError` if the file does not have it."""
    cloud = load(root)
    if cloud is None:
        raise CloudError(f"it is not there. {AGAIN}")
    if stack not in cloud.environments:
        known = ", ".join(cloud.environments) or "none"
        raise CloudError(f"environments has no {json.dumps(stack)}, only: {known}. Add it in bootstrap/, then {AGAIN}")
    return {
        "backend": cloud.backend(stack),
        "organization": cloud.organization,
        "provider": cloud.provider,
        "account": cloud.environments[stack].accounts[role],
    }


def places(changed: Iterable[str], *, trusted: bool, root: Path = ROOT) -> dict[str, list[Any]]:
    """Where a pull request's stacks are previewed: in the cloud, or in the sandbox and why there."""
    cloud = load(root) if trusted else None
    found: dict[str, list[Any]] = {"cloud": [], "sandbox": []}
    for stack in touched(changed, stacks(root)):
        why = why_not(stack, cloud, root) if trusted else UNTRUSTED
        if not why and cloud and not cloud.environments[stack].pull_requests:
            why = f"Pull requests get no identity of {stack}: environments.{stack}.pullRequests of {FILE} is false."
        if why:
            found["sandbox"].append({"stack": stack, "why": why})
        else:
            found["cloud"].append(stack)
    return found


def answer(arguments: argparse.Namespace) -> dict[str, str]:
    """What the command says, by name."""
    if arguments.command == "stacks":
        return {"stacks": json.dumps(configured())}
    if arguments.command == "identity":
        return identity(arguments.stack, arguments.role)
    lines = (line.rstrip("\n") for line in sys.stdin)
    return {key: json.dumps(value) for key, value in places(lines, trusted=not arguments.untrusted).items()}


def main() -> None:
    """Print NAME=VALUE for a workflow, or what is wrong as its errors, and exit with 1."""
    parser = argparse.ArgumentParser(prog="python3 -m ops.cloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("stacks", help="the stacks that can be reached in Google Cloud")
    one = commands.add_parser("identity", help="backend and service account for one stack")
    one.add_argument("--stack", required=True)
    one.add_argument("--role", required=True, choices=ROLES)
    changed = commands.add_parser("previews", help="where the stacks are previewed that the paths on input touch")
    changed.add_argument("--untrusted", action="store_true", help="for a pull request that gets no identity")
    try:
        for name, value in answer(parser.parse_args()).items():
            print(f"{name}={value}")
    except CloudError as error:
        for problem in error.args:
            # Not on the output, which goes to later steps. A workflow's command takes a percent sign as an escape.
            print(f"::error file={FILE}::{FILE}: {problem.replace('%', '%25')}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
