"""The examples of docs/api-access.md, run by curl as they stand there, through Envoy."""

import json
import re
import subprocess
from typing import NamedTuple

import pytest

from sandbox.engine.stack import SandboxStack
from tests.support.project import ROOT

GUIDE = (ROOT / "docs/api-access.md").read_text()


class Example(NamedTuple):
    """A command, what its block says it prints, and the language and text of the block that follows."""

    command: str
    prints: str
    language: str
    answer: str


def examples() -> list[Example]:
    """Every block of the guide that begins with curl."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    found: list[Example] = []
    for (language, text), after in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language == "console" and text.startswith("$ curl"):
            lines = text.removeprefix("$ ").splitlines()
            more = next((i for i, line in enumerate(lines[1:], 1) if not line.startswith(" ")), len(lines))
            found.append(Example("\n".join(lines[:more]), "\n".join(lines[more:]), *after))
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.command.splitlines()[0])
def test_example_of_the_guide_prints_what_it_says(deployed: SandboxStack, example: Example) -> None:
    script = f"jq() {{ cat; }}; BASE={deployed.outputs()['baseUrl']}\n{example.command}"
    asked = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603, S607
    if example.prints:
        assert asked.stdout.strip() == example.prints
    elif example.language == "json":
        assert json.loads(example.answer).keys() <= json.loads(asked.stdout).keys()
    else:
        assert asked.stdout.startswith("data: ")
        assert asked.stdout.rstrip().endswith(example.answer.rstrip().splitlines()[-1])


def test_the_guide_has_an_example_of_each_path() -> None:
    assert len(examples()) >= 5
