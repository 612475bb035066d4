"""Which stacks do changed files touch? `python -m ops stacks FILE...`, or one path a line on standard input.

A stack's own file touches that stack; the program, what it is checked by and what it runs on touch all of them;
everything else touches none. Paths are relative to the root of the repository. Needs no packages: a workflow calls this
before it has installed any.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STACK_FILE = re.compile(r"Pulumi\.([A-Za-z0-9_.-]+)\.yaml")
ALL = re.compile(r"Pulumi\.yaml|__main__\.py|requirements\.txt|(infra|policy|oci:)/.*")
"""What every stack is made from: settings' defaults, program, packages and policies, and what Helm would take for
a registry's chart (`policy/rules/charts.py`)."""
GUARDS = re.compile(r"\.github/.*|ops/(cloud|guards|stacks)\.py")
"""What says whether a run may deploy, and as whom: a run from before a change of it has the old one."""


def stacks(root: Path = ROOT) -> list[str]:
    """The stacks that have a file in the repository."""
    return sorted(match[1] for path in root.iterdir() if (match := STACK_FILE.fullmatch(path.name)))


def touched(changed: Iterable[str], known: Iterable[str]) -> list[str]:
    """The stacks among `known` that the changed paths touch; a stack whose file is deleted is not known any more."""
    paths = list(changed)
    if any(ALL.fullmatch(path) for path in paths):
        return sorted(known)
    own = {match[1] for path in paths if (match := STACK_FILE.fullmatch(path))}
    return sorted(own & set(known))


def outdated(changed: Iterable[str], stack: str) -> bool:
    """Whether a commit is too old to deploy a stack, by the paths that the main branch has changed since."""
    paths = list(changed)
    return bool(touched(paths, [stack])) or any(GUARDS.fullmatch(path) for path in paths)


def as_json(changed: Iterable[str]) -> str:
    """The stacks that the lines of changed paths touch, as a JSON list."""
    return json.dumps(touched((line.rstrip("\n") for line in changed), stacks()))
