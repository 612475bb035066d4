"""How virtualenvs are made, with packages that need no registry: a requirements file of nothing but comments."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.build import lock, packages
from tests.support.project import ROOT


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone of its own, whose virtualenvs have a pip that does nothing but what the file `pip` says."""
    monkeypatch.setattr(packages, "HOME", tmp_path / "home")
    monkeypatch.setattr(packages, "VENV", (*packages.VENV, "--without-pip"))
    pip = tmp_path / "modules" / "pip.py"
    pip.parent.mkdir()
    pip.write_text(f"exec(open({str(tmp_path / 'pip')!r}).read())")
    (tmp_path / "pip").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(pip.parent))
    monkeypatch.chdir(tmp_path)


VENV = Path(".venv")


def requirements(text: str, name: str = "requirements.txt") -> Path:
    file = Path(name)
    file.write_text(f"# {text}\n")
    return file


def test_what_is_installed_is_not_installed_again(capsys: pytest.CaptureFixture[str]) -> None:
    file = requirements("one")
    packages.install(VENV, [file])
    assert capsys.readouterr().out == "installing the packages of requirements.txt into .venv\n"
    packages.install(VENV, [file])
    assert capsys.readouterr().out == ""
    packages.install(VENV, [requirements("two")])
    assert capsys.readouterr().out == "installing the packages of requirements.txt into .venv\n"


def test_set_up_that_was_interrupted_is_made_anew() -> None:
    file = requirements("one")
    Path("pip").write_text("import os, sys; 'install' in sys.argv and os.kill(os.getpid(), 9)")
    with pytest.raises(packages.PackagesError):
        packages.install(VENV, [file])
    (VENV / "half").touch()
    Path("pip").write_text("")
    packages.install(VENV, [file])
    assert not (VENV / "half").exists()
    assert packages.usable(VENV)


def test_update_that_was_interrupted_is_not_taken_for_done() -> None:
    """`make` sees no copy of the requirements, and comes back."""
    dev = requirements("dev", "requirements-dev.txt")
    packages.install(VENV, [requirements("one"), dev])
    Path("pip").write_text("import os, sys; 'install' in sys.argv and os.kill(os.getpid(), 9)")
    with pytest.raises(packages.PackagesError):
        packages.install(VENV, [requirements("two"), dev])
    assert not (VENV / "requirements.txt").exists()
    assert not packages.usable(VENV)


def test_virtualenv_without_pip_is_made_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """What Ctrl-C leaves while pip is put into it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", VENV], check=True)  # noqa: S603
    (VENV / "half").touch()
    Path("pip").write_text(f"import os, sys; sys.exit(os.path.exists({str(VENV.resolve() / 'half')!r}))")
    packages.install(VENV, [requirements("one")])
    assert capsys.readouterr().out.startswith(".venv was not finished, or its pip does not run: making it anew\n")
    assert not (VENV / "half").exists()


def test_pip_that_fails_costs_no_virtualenv() -> None:
    """As without a network: pip changes nothing, and the next try goes on from there."""
    packages.install(VENV, [requirements("one")])
    (VENV / "kept").touch()
    Path("pip").write_text("import sys; sys.exit('install' in sys.argv)")
    with pytest.raises(packages.PackagesError, match=r"pip has failed on requirements\.txt"):
        packages.install(VENV, [requirements("two")])
    Path("pip").write_text("")
    packages.install(VENV, [requirements("two")])
    assert (VENV / "kept").exists()


FAILS_HALF_WAY = """
import sys, pathlib, sysconfig
if 'install' in sys.argv:
    pathlib.Path(sysconfig.get_path('purelib'), 'half').mkdir()
    sys.exit(1)
"""


def test_pip_that_fails_half_way_costs_the_virtualenv() -> None:
    """As without room on the disk: nobody knows what is in it."""
    packages.install(VENV, [requirements("one")])
    (VENV / "gone").touch()
    Path("pip").write_text(FAILS_HALF_WAY)
    with pytest.raises(packages.PackagesError):
        packages.install(VENV, [requirements("two")])
    assert not packages.usable(VENV)
    Path("pip").write_text("")
    packages.install(VENV, [requirements("two")])
    assert not (VENV / "gone").exists()


@pytest.mark.parametrize("pip", [FAILS_HALF_WAY, "import sys; sys.exit('install' in sys.argv)"])
def test_after_a_failure_no_stamp_claims_the_old_state(pip: str) -> None:
    """Nor that of other requirements, which share packages with these."""
    first, dev = requirements("one"), requirements("dev", "requirements-dev.txt")
    packages.install(VENV, [first, dev])
    Path("pip").write_text(pip)
    with pytest.raises(packages.PackagesError):
        packages.install(VENV, [requirements("two")])
    assert not list(VENV.glob("*.txt"))


def test_second_install_at_once_waits_for_the_first(tmp_path: Path) -> None:
    file = requirements("one")
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path"]
    command[-1] += f"; from sandbox.build import packages; packages.HOME = Path({str(tmp_path / 'home')!r})"
    command[-1] += "; packages.install(Path('.venv'), [Path('requirements.txt')])"
    with lock.held(tmp_path / "home" / "packages.lock"):
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert second.stdout
        assert second.stdout.readline() == "another make installs packages here: waiting until it is done\n"
        assert not VENV.exists()
        packages._make(VENV)
        (VENV / packages.UNFINISHED).unlink()
        (VENV / file.name).write_text(file.read_text())
    assert (second.communicate()[0], second.returncode) == ("", 0)


def test_folder_that_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "HOME", Path("/proc/clone/.sandbox"))
    monkeypatch.setattr("sys.argv", ["packages", ".venv", str(requirements("one"))])
    assert packages.main() == 1
    said = capsys.readouterr().err
    assert (
        said
        == "cannot install packages into .venv: cannot write into /proc/clone/.sandbox: No such file or directory\n"
    )


def test_make_lets_python_keep_what_it_has_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages are installed uncompiled, so the first to import them does it for all that follow."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    asks = requirements('\nasked:\n\t@python3 -c "import sys; print(sys.dont_write_bytecode)"', "asks.mk")
    make = ["make", "--no-print-directory", "-f", ROOT / "Makefile", "-f", asks, "asked"]
    assert subprocess.run(make, capture_output=True, text=True, check=True).stdout == "False\n"  # noqa: S603
