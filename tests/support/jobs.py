"""Runs the scripts of workflows as a job does, where nothing but a shell and git are needed."""

# Every command line here is our own.
# ruff: noqa: S603, S607

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.project import ROOT

NAMED = "config:\n  gcp:project: a\n"
"""A stack file that names a project."""
CANARY = "canary-3f9c"
TOKENS = ("GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN", "PULUMI_ACCESS_TOKEN")
"""What a job holds that lets somebody in: its own tokens, and that of Pulumi Cloud."""


class Shell:
    """Runs scripts as a job does, in a folder of their own, with `gh` and others as given."""

    def __init__(self, home: Path) -> None:
        self.work, self.temp, self.bin = home / "work", home / "temp", home / "bin"
        for folder in (self.work, self.temp, self.bin):
            folder.mkdir()
        for name in ("output", "summary", "env"):
            (home / name).touch()
        self.home = home
        self.said: list[str] = []

    def program(self, name: str, text: str) -> None:
        """Put a program on PATH."""
        path = self.bin / name
        path.write_text(f"#!/usr/bin/env bash\n{text}")
        path.chmod(0o755)

    def run(self, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The script with GitHub's own options for bash."""
        files = {"GITHUB_OUTPUT": "output", "GITHUB_ENV": "env", "GITHUB_STEP_SUMMARY": "summary"}
        tokens = dict.fromkeys(TOKENS, CANARY)
        environment = os.environ | tokens | {key: str(self.home / name) for key, name in files.items()} | variables
        environment |= {"RUNNER_TEMP": str(self.temp), "PATH": f"{self.bin}:{os.environ['PATH']}"}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True, check=False)
        self.said += [done.stdout, done.stderr]
        return done

    def repository(self) -> Path:
        """The checkout as a job finds it before any package is installed: our own modules, and no file of the cloud."""
        self.program("python3", f'exec "{sys.executable}" -S "$@"')
        shutil.copytree(ROOT / "ops", self.work / "ops", ignore=shutil.ignore_patterns("__pycache__"))
        return self.work

    def everything(self) -> str:
        """All that the scripts said and wrote."""
        files = [f.read_bytes().decode(errors="replace") for f in self.home.rglob("*") if f.is_file()]
        return "\n".join(self.said + files)

    def outputs(self) -> dict[str, str]:
        """What the script told later steps."""
        return dict(line.split("=", 1) for line in (self.home / "output").read_text().splitlines())


def git(folder: Path, *arguments: str) -> None:
    options = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, **stack_files: str) -> None:
    """A commit of the whole folder, with these files of stacks."""
    for stack, text in stack_files.items():
        (folder / f"Pulumi.{stack}.yaml").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--allow-empty", "-qm", "c")
