"""The programs that a deployment starts, and their versions."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ops.stacks import ROOT

from .findings import Finding, fail, ok, warn

PATIENCE = 20
"""Seconds for one of them to say its version."""
INSTALL = "docs/deploy.md has how to install it"

Ask = Callable[[list[str]], str | None]


def ask(command: list[str]) -> str | None:
    """What a command says, or nothing if it is not on PATH or fails."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603
            [program, *command[1:]], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else (done.stdout or done.stderr)


def required_pulumi(folder: Path = ROOT) -> SpecifierSet:
    """The versions of the CLI that the project says it runs with."""
    return SpecifierSet(yaml.safe_load((folder / "Pulumi.yaml").read_text())["requiredPulumiVersion"])


def _version(said: str) -> str:
    found = re.search(r"\d+\.\d+(\.\d+)?", said)
    return found[0] if found else ""


def pulumi(said: str | None, required: SpecifierSet) -> Finding:
    """The CLI, of which `pulumi version` says for instance v3.274.1."""
    if said is None:
        return fail("pulumi", "pulumi is not on PATH, or does not say its version", f"{INSTALL}")
    version = _version(said)
    if not version or Version(version) not in required:
        return fail("pulumi", f"pulumi {version or said.strip()}, and {required} is needed", INSTALL)
    return ok("pulumi", f"pulumi {version}")


def gcloud(said: str | None) -> Finding:
    """gcloud, which logs in and is in many commands of the pages; Pulumi itself does not start it."""
    if said is None:
        return warn("gcloud", "gcloud is not on PATH: nothing of the program starts it, but the pages do", INSTALL)
    return ok("gcloud", f"gcloud {_version(said)}")


def plugin(said: str | None) -> Finding:
    """The plugin that Pulumi starts to come to the cluster."""
    name = "gke-gcloud-auth-plugin"
    if said is None:
        return fail(
            name,
            f"{name} is not on PATH, and Pulumi comes to the cluster by it",
            f"gcloud components install {name}, or the package of that name if gcloud came as one (docs/deploy.md)",
        )
    return ok(name, f"{name} {_version(said)}".strip())


def check(asked: Ask = ask, folder: Path = ROOT) -> Iterator[Finding]:
    """Ask each for its version."""
    yield pulumi(asked(["pulumi", "version"]), required_pulumi(folder))
    yield gcloud(asked(["gcloud", "version"]))
    yield plugin(asked(["gke-gcloud-auth-plugin", "--version"]))
