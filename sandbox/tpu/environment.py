"""The compiler's virtualenv, `sandbox/tpu/.venv`: made when it is needed, from `requirements.txt` with its hashes.

tpu-inference is installed without its dependencies, as it wants vLLM and torch: the requirements name what is needed.
"""

import platform
import re
import subprocess
from pathlib import Path

from infra.releases import pins
from sandbox.build import pythons
from sandbox.build.pythons import LackError

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
VENV = Path(__file__).with_name(".venv")


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


def ensure() -> Path:
    """The virtualenv's Python. The stamp, a copy of the requirements, is written last: what was interrupted is begun
    anew."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise LackError("libtpu is published for Linux on x86-64 alone: the TPU compiler does not run here.")
    requirements = REQUIREMENTS.read_text()
    stamp, python = VENV / REQUIREMENTS.name, VENV / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_text() == requirements:
        return python  # which is a link: the Python that made it may be gone
    chosen = pythons.find("PYTHON_TPU", what="the TPU compiler", target="tpu-check")
    print("installing the TPU compiler into sandbox/tpu/.venv (360 MB, once)", flush=True)
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", "--no-deps"]
    for command in ([chosen, "-m", "venv", "--clear", VENV], [*install, "--require-hashes", "-r", REQUIREMENTS]):
        if subprocess.run(command, check=False).returncode:  # noqa: S603
            raise LackError(f"`{' '.join(map(str, command))}` has failed; see above.")
    stamp.write_text(requirements)
    return python
