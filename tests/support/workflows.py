"""The workflows and actions, as GitHub reads them."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.project import ROOT

GITHUB = ROOT / ".github"
FILES = {path.relative_to(GITHUB).as_posix(): path.read_text() for path in sorted(GITHUB.rglob("*.yml"))}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in FILES.items() if name.startswith("workflows/")}
ACTIONS = {name: yaml.safe_load(text) for name, text in FILES.items() if name.startswith("actions/")}


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of every job and action, with its file."""
    for name, workflow in WORKFLOWS.items():
        for body in workflow["jobs"].values():
            yield from ((name, step) for step in body.get("steps", []))
    for name, action in ACTIONS.items():
        yield from ((name, step) for step in action["runs"]["steps"])


SCRIPTS = [(file, step) for file, step in steps() if "run" in step]


def script(file: str, name: str) -> str:
    """The script of the step with this name."""
    [found] = [step["run"] for where, step in SCRIPTS if where == file and step.get("name", step.get("id")) == name]
    return found
