"""What a machine has that has Python, make and git, and nothing else that somebody would have to install."""

import shutil
import sys
from pathlib import Path

PROGRAMS = (
    *("git", "make", "bash", "sh", "grep", "sed"),
    # coreutils
    *("basename", "cat", "chmod", "cp", "cut", "dirname", "env", "expand", "head", "ln", "ls", "mkdir", "mktemp", "mv"),
    *("paste", "printf", "rm", "sleep", "sort", "tail", "tee", "touch", "tr", "true", "wc"),
)


def fill(folder: Path) -> Path:
    """Links to these programs and to the Python that runs this, to be all of PATH."""
    for name in PROGRAMS:
        program = shutil.which(name)
        assert program, f"the unit tests need {name}: install it"
        (folder / name).symlink_to(program)
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    return folder
