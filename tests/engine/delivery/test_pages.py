"""The pages' commands for the sandbox, run in their order as they stand there, and the examples, on the engine."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.engine.stack import SandboxStack
from tests.support.pages import Command, commands
from tests.support.project import ROOT, settings_of
from tests.support.stacks import OWN

PYTHON = ".venv/bin/python -m sandbox "
EXAMPLES = sorted((ROOT / "examples").iterdir())


def shown(line: str) -> re.Pattern[str]:
    """What a line of a page stands for: dots are anything, and times are those of another run."""
    parts = [re.escape(part).replace(r"\ ", " ") for part in " ".join(line.split()).split("...")]
    return re.compile(re.sub(r"\d+\\\.\d s\b", r"\\d+\\.\\d s", ".*".join(parts)))


def run(command: Command, home: Path) -> None:
    """Run a command with its state in a folder; the lines that the page shows come in its output, in their order."""
    text = command.text.replace(".sandbox/", f"{home}/").replace(PYTHON, f"{shlex.quote(sys.executable)} -m sandbox ")
    text += f" --home {home}" if PYTHON in command.text else ""
    done = subprocess.run(["bash", "-c", text], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    said = done.stdout + done.stderr
    assert (done.returncode == 0) == ("error:" not in "".join(command.prints)), said
    rest = iter(said.splitlines())
    for line in filter(lambda line: line.strip() not in ("", "..."), command.prints):
        assert any(shown(line).search(" ".join(other.split())) for other in rest), (
            f"{line}\n\nis not, or not there, in\n\n{said}"
        )


@pytest.mark.parametrize("page", ["docs/operations.md", "docs/production.md", "docs/sandbox.md"])
def test_commands_of_a_page_print_what_it_shows(tmp_path: Path, page: str) -> None:
    ours = [c for c in commands(page) if PYTHON in c.text or c.text.startswith(("cat .sandbox/", "cp .sandbox/"))]
    assert ours
    for command in ours:
        run(command, tmp_path)


def test_engine_takes_every_example(tmp_path: Path) -> None:
    for path in EXAMPLES:
        with SandboxStack(home=tmp_path / path.stem, config={**OWN, **settings_of(path)}) as stack:
            assert set(stack.preview().change_summary) == {"create"}, path.name
