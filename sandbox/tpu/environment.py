"""The compiler's virtualenv, `sandbox/tpu/.venv`: made when it is needed, from `requirements.txt` with its hashes.

tpu-inference is installed without its dependencies, as it wants vLLM and torch: the requirements name what is needed.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.releases import pins

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
VENV = Path(__file__).with_name(".venv")
LOWEST, HIGHEST = (3, 12), (3, 14)
"""The Pythons that libtpu 0.0.44 and jaxlib 0.11.0 have wheels for."""


class LackError(Exception):
    """This machine lacks something that the user can bring; the message is one line."""


def pinned(package: str, requirements: str) -> str:
    """The version of a package in the text of a requirements file."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", requirements, re.MULTILINE)
    if not found:
        raise LackError(f"{package} is not pinned in sandbox/tpu/requirements.txt; run `make lock`.")
    return found[1]


def drift(requirements: str, image: str = pins.VLLM_TPU_IMAGE) -> str | None:
    """What is wrong if the compiler is not that of the image: the image of a release has tpu-inference of the same."""
    ours = pinned("tpu-inference", requirements)
    release = image.rpartition(":")[2].removeprefix("v")
    if ours == release:
        return None
    return (
        f"tpu-inference {ours} is checked, but infra/releases/pins.py deploys {image}. Move `tpu-inference` in "
        "pyproject.toml, and what it pins (jax, jaxlib, libtpu, flax), then run `make lock`."
    )


def _candidates() -> Iterator[str]:
    chosen = os.environ.get("PYTHON_TPU")
    if chosen:
        yield chosen
        return
    yield sys.executable
    names = [f"python3.{minor}" for minor in range(LOWEST[1], HIGHEST[1] + 1)]
    yield from filter(None, map(shutil.which, [*names, "python3"]))
    # What a version manager has, and may not show on PATH.
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv"), "versions").expanduser()
    uv = Path("~/.local/share/uv/python").expanduser()
    yield from (str(python) for folder in (pyenv, uv) for python in sorted(folder.glob("*/bin/python3")))


def find_python() -> str:
    """A Python that the compiler's packages are made for: PYTHON_TPU alone if it is set."""
    for python in _candidates():
        try:
            asked = subprocess.run(  # noqa: S603
                [python, "-c", "import ensurepip, sys; print(*sys.version_info[:2])"],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            continue
        if asked.returncode == 0 and LOWEST <= tuple(map(int, asked.stdout.split())) <= HIGHEST:
            return python
    wanted = "Python 3.12 to 3.14 with venv"
    chosen = os.environ.get("PYTHON_TPU")
    found = f"PYTHON_TPU is {chosen}, which is no {wanted}" if chosen else f"no {wanted} was found"
    raise LackError(
        f"{found}: the TPU compiler is published for nothing else. Install one, and if it is not on PATH, run "
        "`make tpu-check PYTHON_TPU=/path/to/python3.12`."
    )


def ensure() -> Path:
    """The virtualenv's Python. The stamp, a copy of the requirements, is written last: what was interrupted is begun
    anew."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise LackError("libtpu is published for Linux on x86-64 alone: the TPU compiler does not run here.")
    requirements = REQUIREMENTS.read_text()
    stamp, python = VENV / REQUIREMENTS.name, VENV / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_text() == requirements:
        return python  # which is a link: the Python that made it may be gone
    chosen = find_python()
    print("installing the TPU compiler into sandbox/tpu/.venv (360 MB, once)", flush=True)
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", "--no-deps"]
    for command in ([chosen, "-m", "venv", "--clear", VENV], [*install, "--require-hashes", "-r", REQUIREMENTS]):
        if subprocess.run(command, check=False).returncode:  # noqa: S603
            raise LackError(f"`{' '.join(map(str, command))}` has failed; see above.")
    stamp.write_text(requirements)
    return python
