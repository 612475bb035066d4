"""The command that makes keys."""

import subprocess
import sys

from sandbox.engine.stack import SandboxStack


def keys(stack: SandboxStack, *arguments: str, fails: bool = False) -> "subprocess.CompletedProcess[str]":
    """`python -m ops keys`, as a user runs it."""
    command = [sys.executable, "-m", "ops", "keys", *arguments, f"--stack={stack.name}"]
    done = subprocess.run(  # noqa: S603
        command, cwd=stack.stack_file.parent, env=stack.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == (2 if fails else 0), done.stderr
    return done
