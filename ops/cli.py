"""The Pulumi CLI, on one stack."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class CliError(Exception):
    """The CLI refused; the message is its own, and empty if it went to the terminal."""


class Cli:
    """The CLI on a stack of the project in a folder. Raises `CliError`.

    What is secret goes to it by its standard input and comes back by its output: never on a command line, which every
    process of the machine can read.
    """

    def __init__(self, stack: str, folder: Path) -> None:
        self.stack = stack
        self._options = [f"--stack={stack}", f"--cwd={folder}", "--non-interactive"]

    def __call__(self, *command: str, given: str | None = None, shown: bool = False) -> str:
        """Run a command; what it prints is returned, or with `shown` goes to the terminal."""
        arguments = ["pulumi", *command, *self._options]
        done = subprocess.run(arguments, input=given, capture_output=not shown, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise CliError(done.stderr or "")
        return done.stdout or ""

    @contextmanager
    def waiting(self, *command: str) -> Iterator[Callable[[str], None]]:
        """Start a command that reads its input first, and give it that later; without it the command is ended."""
        arguments = ["pulumi", *command, *self._options]
        pipe = subprocess.PIPE
        with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603

            def give(text: str) -> None:
                _, said = process.communicate(text)
                if process.returncode:
                    raise CliError(said)

            try:
                yield give
            finally:
                if process.poll() is None:
                    process.kill()
