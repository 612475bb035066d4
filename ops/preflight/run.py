"""Asks everything side by side, prints a line for each finding, and says whether a stack can come up."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from rich.table import Table
from rich.text import Text

from infra.costs import budget
from infra.settings.schema import Settings
from ops.console import console
from ops.refusal import refuse
from ops.stack_file import Stack, StackFileError, stack

from . import models, tools
from .checks import CHECKS, Check, Project
from .cloud import Cloud, credentials, maker, who
from .findings import Finding, Status, ok, warn
from .probe import probe
from .unanswered import no_credentials, no_project, unanswered

COLOURS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red", Status.LEFT_OUT: "cyan"}
UNREACHED = (GoogleAPICallError, GoogleAuthError, requests.RequestException)


def _asked(check: Check, of: Project) -> list[Finding]:
    try:
        return list(check.run(of))
    except UNREACHED as error:
        return [unanswered(check, error, of.settings.project)]


def of_google(settings: Settings, make: Callable[[Any], Any]) -> list[Finding]:
    """All checks of Google Cloud."""
    cloud = Cloud(settings.project, make)
    with ThreadPoolExecutor(len(CHECKS) + 1) as pool:
        project = Project(settings, cloud, pool.submit(cloud.clusters))
        return [finding for found in pool.map(lambda check: _asked(check, project), CHECKS) for finding in found]


def _probe(settings: Settings, make: Callable[[Any], Any]) -> list[Finding]:
    check = Check("probe", "compute.googleapis.com", "roles/compute.instanceAdmin.v1", lambda _: iter(()))
    try:
        return list(probe(settings, Cloud(settings.project, make).subnets(), make))
    except UNREACHED as error:
        return [unanswered(check, error, settings.project)]


def _google(read: Stack, *, probing: bool) -> Iterator[Finding]:
    if not read.has_project:
        yield no_project()
        return
    try:
        found = credentials(read.settings.project)
    except (GoogleAuthError, requests.RequestException) as error:
        yield no_credentials(error)
        return
    yield ok("credentials", f"application-default credentials of {who(found)}")
    make = maker(found)
    yield from of_google(read.settings, make)
    if probing:
        yield from _probe(read.settings, make)


def _settings(read: Stack) -> Iterator[Finding]:
    yield ok("settings", "the stack's file is one that the program takes")
    for warning in [*read.settings.warnings, *budget.warnings(read.settings)]:
        yield warn("settings", warning, "")


def show(findings: Iterable[Finding]) -> int:
    """Print a line for each finding and one that counts them; the exit code."""
    to = console()
    table = Table("", "check", "found, and what to do")
    count = Counter[Status]()
    for status, check, found, do in findings:
        count[status] += 1
        table.add_row(Text(status.value, COLOURS[status]), check, Text(f"{found}\n-> {do}" if do else found))
    to.print(table)
    to.print(", ".join(f"{count[status]} {status.value}" for status in Status), highlight=False)
    return int(bool(count[Status.FAIL]))


def run(name: str, token: str, *, project: str, probing: bool) -> int:
    """Ask, print; the exit code. `token` is one of Hugging Face's, `project` comes before the file's."""
    try:
        read = stack(name, project=project)
    except StackFileError as wrong:
        refuse(str(wrong))
    of_models = models.Token("huggingFaceToken" in read.secrets, token)
    parts: list[Callable[[], Iterable[Finding]]] = [
        tools.check,
        lambda: _settings(read),
        lambda: models.check(read.settings, of_models),
        lambda: _google(read, probing=probing),
    ]
    with ThreadPoolExecutor(len(parts)) as pool:
        told = [finding for part in pool.map(lambda ask: list(ask()), parts) for finding in part]
    return show(told)
