"""Unit tests run as on a machine that has Python, make and git, and nothing else that they would have to say."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GIVEN = (
    *("git", "make", "bash", "sh", "grep", "sed"),
    # coreutils
    *("basename", "cat", "chmod", "cp", "cut", "dirname", "env", "expand", "head", "ln", "ls", "mkdir", "mktemp", "mv"),
    *("paste", "printf", "rm", "sleep", "sort", "tail", "tee", "touch", "tr", "true", "wc"),
)


@pytest.fixture(scope="session", autouse=True)
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """PATH, with the programs that every machine of a contributor has."""
    folder = tmp_path_factory.mktemp("path")
    for name in GIVEN:
        program = shutil.which(name)
        assert program, f"the unit tests need {name}: install it"
        (folder / name).symlink_to(program)
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder))
        yield folder
