"""Keeps a virtualenv with exactly what was asked for: `python3 -m sandbox.build.packages FOLDER REQUIREMENTS...`.

It is made by the Python that runs this. In it lies a copy of each requirements file that is installed, whose age `make`
compares. An interrupted set-up heals: a virtualenv that was never finished, or whose pip does not run, is made anew.
Two at once in one clone wait for each other.

Standard library only, as it installs all the rest.
"""

# Every command line here is our own.
# ruff: noqa: S603

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from . import lock
from .places import HOME

VENV = ("-m", "venv")
UNFINISHED = "unfinished"
"""A file in a virtualenv while something is being installed."""


class PackagesError(Exception):
    """The packages cannot be installed; the message says why and what to do."""


def install(folder: Path, requirements: list[Path]) -> None:
    """Install what is not installed yet, from one requirements file after the other."""
    with lock.held(HOME / "packages.lock", waiting="another make installs packages here: waiting until it is done"):
        if not usable(folder):
            _make(folder)
        copies = [folder / file.name for file in requirements]
        if wanted := [file for file, copy in zip(requirements, copies, strict=True) if not _same(file, copy)]:
            (folder / UNFINISHED).touch()
            for copy in copies:
                copy.unlink(missing_ok=True)  # so that `make` comes here again if this is interrupted
            for file in wanted:
                print(f"installing the packages of {file} into {folder}", flush=True)
                _pip(folder, file)
        for file, copy in zip(requirements, copies, strict=True):
            shutil.copyfile(file, copy)  # in this order, as `make` compares the ages
        (folder / UNFINISHED).unlink(missing_ok=True)


def usable(folder: Path) -> bool:
    """Whether a virtualenv was finished, and its pip runs."""
    python = folder / "bin" / "python"
    if (folder / UNFINISHED).exists() or not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def _make(folder: Path) -> None:
    if folder.exists():
        print(f"{folder} was not finished, or its pip does not run: making it anew", flush=True)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / UNFINISHED).touch()
    made = subprocess.run([sys.executable, *VENV, folder], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        said = (made.stdout + made.stderr).strip()  # on Debian, that the package python3-venv is missing
        raise PackagesError(f"{sys.executable} makes no virtualenv: {said}")


def _same(file: Path, copy: Path) -> bool:
    return copy.exists() and copy.read_bytes() == file.read_bytes()


def _pip(folder: Path, file: Path) -> None:
    options = ["--quiet", "--no-compile", "--disable-pip-version-check"]
    before = _contents(folder)
    code = subprocess.run([folder / "bin/python", "-m", "pip", "install", *options, "-r", file], check=False).returncode
    if code == 0:
        return
    if code > 0 and _contents(folder) == before:  # as without a network; else it is made anew
        (folder / UNFINISHED).unlink()
    for copy in folder.glob("*.txt"):  # of other requirements as well, whose packages are changed with these
        copy.unlink()
    raise PackagesError(
        f"pip has failed on {file}, see above. It needs a package registry; to try again, repeat the command"
    )


def _contents(folder: Path) -> set[tuple[str, int]]:
    """What is installed: pip puts each package into a folder of its own, and moves it away to replace it."""
    return {(path.name, path.stat().st_mtime_ns) for path in folder.glob("lib/*/site-packages/*")}


def main() -> int:
    """Parse, install, and turn what the user can fix into one message."""
    parser = argparse.ArgumentParser(prog="python3 -m sandbox.build.packages", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the virtualenv")
    parser.add_argument("requirements", type=Path, nargs="+", help="files of pinned packages")
    arguments = parser.parse_args()
    try:
        install(arguments.folder, arguments.requirements)
    except KeyboardInterrupt:
        return 130
    except (PackagesError, lock.LockError, OSError) as error:
        print(f"cannot install packages into {arguments.folder}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
