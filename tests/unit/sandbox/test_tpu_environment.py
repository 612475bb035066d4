"""The virtualenv of the TPU compiler."""

from pathlib import Path

import pytest

from infra.releases import pins
from sandbox.build import pythons
from sandbox.build.pythons import LackError
from sandbox.tpu import environment


def test_compiler_is_that_of_the_deployed_image() -> None:
    assert environment.drift(environment.REQUIREMENTS.read_text(), pins.VLLM_TPU_IMAGE) is None


def test_moved_image_asks_for_its_compiler() -> None:
    moved = environment.drift("tpu-inference==0.27.0 \\\n", "docker.io/vllm/vllm-tpu:v0.32.0")
    assert moved is not None
    assert moved.startswith("tpu-inference 0.27.0 is checked, but infra/releases/pins.py deploys")


PYTHON = """#!/bin/sh
# Python of a version, that makes virtualenvs of itself.
case "$1 $2" in
"-c "*) echo $VERSION ;;
"-m venv") rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
"-m pip") echo install >> "$LOG"; exit $PIP_EXITS ;;
esac
"""


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python 3.12 that only pretends, in an empty place for the virtualenv."""
    script = tmp_path / "python3.12"
    script.write_text(PYTHON)
    script.chmod(0o755)
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    variables = {"PYTHON_TPU": str(script), "VERSION": "3 12", "PIP_EXITS": "0", "LOG": str(tmp_path / "log")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return script


@pytest.mark.parametrize("version", ["3 11", "3 15"])
def test_python_of_another_version_is_refused_with_the_way_out(
    version: str, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERSION", version)
    with pytest.raises(LackError, match=f"{python}, which is no Python 3.12.*make tpu-check PYTHON_TPU="):
        environment.ensure()


@pytest.mark.parametrize("folder", [".pyenv/versions/3.12.1", ".local/share/uv/python/cpython-3.12"])
def test_python_of_a_version_manager_is_found(
    folder: str, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / folder / "bin" / "python3"
    hidden.parent.mkdir(parents=True)
    python.rename(hidden)
    monkeypatch.delenv("PYTHON_TPU")
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("sys.executable", "/nowhere")
    assert pythons.find("PYTHON_TPU", what="", target="") == str(hidden)


def test_python_that_does_not_exist_is_refused(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_TPU", f"{python}-gone")
    with pytest.raises(LackError, match=f"{python}-gone, which is no Python"):
        environment.ensure()


def test_compiler_is_installed_once(python: Path) -> None:
    assert environment.ensure() == environment.ensure()
    assert (python.parent / "log").read_text() == "install\n"


def test_virtualenv_whose_python_is_gone_is_made_anew(python: Path) -> None:
    link = environment.ensure()
    link.unlink()
    link.symlink_to("/nowhere/python3.12")
    assert environment.ensure().exists()
    assert (python.parent / "log").read_text() == "install\ninstall\n"


def test_interrupted_installation_is_begun_anew(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_EXITS", "1")
    with pytest.raises(LackError, match="has failed"):
        environment.ensure()
    monkeypatch.setenv("PIP_EXITS", "0")
    environment.ensure()
    assert (python.parent / "log").read_text() == "install\ninstall\n"


@pytest.mark.usefixtures("python")
def test_machine_that_libtpu_is_not_made_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(LackError, match="libtpu is published for Linux on x86-64 alone"):
        environment.ensure()
