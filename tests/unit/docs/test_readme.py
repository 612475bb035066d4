"""The README: what to open to change something is there, with its test, and the smallest stack file is one."""

import re

import pytest
import yaml

from infra.settings.load import parse
from tests.support.project import PREFIX, ROOT, defaults

README = (ROOT / "README.md").read_text()
ROWS = re.findall(r"^\| (.+) \| `([^` ]+)` \| `(test_\w+)` \|$", README, re.MULTILINE)
TESTS = {
    name
    for path in (ROOT / "tests/unit").rglob("test_*.py")
    for name in re.findall(r"^(?:def )?(test_\w+)(?:\(| = )", path.read_text(), re.MULTILINE)
}


def test_there_are_some_twenty_rows() -> None:
    assert len(ROWS) == 21


@pytest.mark.parametrize(("what", "path", "test"), ROWS, ids=[row[1] for row in ROWS])
def test_file_and_test_of_a_row_are_there(what: str, path: str, test: str) -> None:
    assert (ROOT / path).is_file(), what
    assert test in TESTS, what


def test_smallest_stack_file_of_the_readme_is_valid() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    config = {key.removeprefix(PREFIX): value for key, value in yaml.safe_load(text)["config"].items()}
    assert parse({**defaults(), **config, "gcp:project": "my-project"}).warnings == []
