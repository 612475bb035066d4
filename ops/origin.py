"""Who runs a command, and from which commit: for the stack's own history, which `pulumi stack history` shows.

It is what this machine says of itself, for people to read. Whoever may write to the stack may write anything there.
"""

import getpass
import os
import socket
import subprocess
from pathlib import Path


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None if it is not there, or this is no work tree."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _who() -> str:
    """A person at a machine, or a person's workflow run."""
    run = os.environ.get("GITHUB_RUN_ID")
    if run and os.environ.get("GITHUB_ACTIONS") == "true":
        where = f"{os.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
        return f"{os.environ.get('GITHUB_TRIGGERING_ACTOR') or os.environ.get('GITHUB_ACTOR', 'somebody')} in {where}"
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def message(command: str, folder: Path) -> str:
    """The message of an update: command, person, commit, and whether what ran differs from that commit."""
    commit, changes = _git(folder, "rev-parse", "--short=12", "HEAD"), _git(folder, "status", "--porcelain")
    told = f"commit {commit}" if commit else "no commit"
    return f"ops {command} by {_who()} from {told}{', with changes that are in no commit' if changes else ''}"
