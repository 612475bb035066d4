"""The shell in which scripts of workflows run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jobs import CANARY, Shell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell, whose scripts have shown no token to anybody in the end."""
    shell = Shell(tmp_path)
    yield shell
    assert CANARY not in shell.everything()
