"""`make mutants`: changes `infra/` in one place after the other, and tells which changes no unit test notices.

Neither mutmut (3.8) nor cosmic-ray (8.7) does it here. The first leaves out decorated functions and everything outside
of functions, which are the validators and the tables; the second starts Python anew for each mutant, and importing
Pulumi's SDKs takes longer than most tests.

So here everything but the project is imported once, and every mutant is a fork that imports the project with one change
and runs the tests that come by the changed statement: first those that have noticed others in the same file, then those
that lie as the file lies, then the quick ones, up to the first failure. A mutant that breaks an import, or never ends,
is noticed too. One that nothing has noticed after `ENOUGH` seconds counts as not noticed, so the share that is told is
the least that it can be. What changes nothing that a test could see is in `mutants.yaml`, with the reason.
"""

import contextlib
import gc
import os
import pickle
import re
import resource
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

import pytest
import yaml

from .mutations import Mutant, mutants
from .project import ROOT

CODE = "infra"
FOLDER = f"{ROOT / CODE}/"
TESTS = ("tests/unit/infra", "tests/unit/docs/test_api_guide.py")
LEAST = 97
"""Percent that must be noticed."""
ENOUGH = 10
"""Seconds of processor time after which no further test of a mutant is begun."""
SECONDS = 60
"""Of processor time for the tests of one mutant. No test takes nearly as much as is left of it."""
ARGUMENTS = ("-x", "-p", "no:cacheprovider", "-p", "no:xdist")
EQUIVALENT: dict[str, str] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
"""Reasons, by a pattern of the mutants that they are for."""


class Reached:
    """A pytest plugin: which tests come by which lines, how long each takes, and which of them run the program.

    Those share its runs (`program.declared`), so what one of them comes by, all do.
    """

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.seconds: dict[str, float] = {}
        self.program: set[str] = set()
        self.now = ""
        """The test that runs, or none while they are collected: what runs then, all of them rest on."""

    def trace(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """Python's trace function."""
        file = frame.f_code.co_filename
        if not file.startswith(FOLDER):
            return None
        self.lines[file, frame.f_lineno].add(self.now)
        return self.trace

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Function) -> Iterator[None]:
        """Empties the caches of the code first: what a test finds there, it does not come by."""
        for module in [module for name, module in sys.modules.items() if name.split(".")[0] == CODE]:
            for value in list(vars(module).values()):
                getattr(value, "cache_clear", lambda: None)()
        if "run" in item.fixturenames:
            self.program.add(item.nodeid)
        sys.settrace(self.trace)  # Python drops it if the stack overflows in it
        self.now, began = item.nodeid, time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid], self.now = time.process_time() - began, ""

    def tests(self, mutant: Mutant) -> set[str]:
        """Those that may notice a mutant: all, if it runs before any of them, or none is seen to come by."""
        found = set[str]().union(*(self.lines.get((str(mutant.path), line), ()) for line in mutant.statement))
        if not found or "" in found:
            return set(self.seconds)
        return found | self.program if found & self.program else found


class Chosen:
    """A pytest plugin: runs these tests in this order for as long as is `ENOUGH`, and remembers the one that fails."""

    def __init__(self, tests: list[str]) -> None:
        self.order = {test: i for i, test in enumerate(tests)}
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves out the others."""
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda i: self.order[i.nodeid])

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Ends it."""
        if time.process_time() > ENOUGH:
            item.session.shouldstop = "no test has noticed it"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of setup, call and teardown."""
        if report.failed:
            self.failed = report.nodeid


class _Changed(SourceFileLoader):
    """Imports one file as its changed tree."""

    def __init__(self, mutant: Mutant) -> None:
        module = ".".join(Path(mutant.file).with_suffix("").parts).removesuffix(".__init__")
        super().__init__(module, str(mutant.path))
        self.tree = mutant.tree

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """For `sys.meta_path`."""
        return spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - importlib's signature
        """In place of what the file holds."""
        return compile(self.tree, self.path, "exec")


def _fork(work: Callable[[], object], folder: Path) -> int:
    """Starts a process that writes down what `work` returns, in a file of its own number."""
    if pid := os.fork():
        return pid
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        (folder / str(os.getpid())).write_bytes(pickle.dumps(work()))
    finally:
        os._exit(0)


def _wait(folder: Path) -> tuple[int, Any]:
    """The number of the process that ends next, and what its `work` returned, or the signal that ended it."""
    pid, status = os.wait()
    result = folder / str(pid)
    if os.WIFSIGNALED(status):
        return pid, signal.Signals(os.WTERMSIG(status)).name
    if not result.exists():
        raise RuntimeError(f"a process that ran tests broke off: {status}")
    returned = pickle.loads(result.read_bytes())  # noqa: S301 - our own
    result.unlink()
    return pid, returned


def _survey() -> tuple[int, Reached, list[str]]:
    """The result of all tests with nothing changed, who came by what, and the modules that were imported for them."""
    reached = Reached()
    threading.settrace(reached.trace)
    sys.settrace(reached.trace)
    code = pytest.main([*ARGUMENTS, *TESTS], plugins=[reached])
    sys.settrace(None)
    return code, reached, [name for name in sys.modules if not (ROOT / name.partition(".")[0]).exists()]


def _noticed(mutant: Mutant, tests: list[str]) -> str | None:
    """The first of these tests that fails with a mutant, or the file that cannot be collected."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    mutant.apply()
    sys.meta_path.insert(0, _Changed(mutant))
    first, *others = dict.fromkeys(test.partition("::")[0] for test in tests)
    for files in ([first], others):  # most end in the first
        chosen = Chosen([test for test in tests if test.partition("::")[0] in files])
        code = pytest.main([*ARGUMENTS, *files], plugins=[chosen]) if files else pytest.ExitCode.OK
        if code == pytest.ExitCode.INTERRUPTED:
            return None
        # A mutant that is in the name of a test leaves none of that name, which is not noticed.
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return chosen.failed or files[0]
    return None


def _distance(mutant: Mutant, test: str) -> int:
    """How far a test lies from a mutant: 0 is `tests/unit/infra/x/test_y.py` of `infra/x/y.py`, 1 the same folder."""
    file, home = Path(test.partition("::")[0]), Path("tests/unit", mutant.file)
    return (file.parent != home.parent) + (file != home.with_name(f"test_{home.name}"))


def _fates(found: list[Mutant], reached: Reached, folder: Path) -> Iterator[tuple[Mutant, str | None]]:
    """Each mutant and what noticed it; as many run at a time as there are processors."""
    running: dict[int, Mutant] = {}
    noticed: dict[str, Counter[str]] = defaultdict(Counter)

    def tests_of(mutant: Mutant) -> list[str]:
        def rank(test: str) -> tuple[float | str, ...]:
            return -noticed[mutant.file][test], _distance(mutant, test), "[preview" in test, reached.seconds[test], test

        return sorted(reached.tests(mutant), key=rank)

    def ended() -> tuple[Mutant, str | None]:
        pid, by = _wait(folder)
        mutant = running.pop(pid)
        noticed[mutant.file][by or ""] += 1
        return mutant, by

    for mutant in found:
        if len(running) == len(os.sched_getaffinity(0)):
            yield ended()
        running[_fork(partial(_noticed, mutant, tests_of(mutant)), folder)] = mutant
    while running:
        yield ended()


def _reason(mutant: Mutant) -> str | None:
    """Why nothing has to notice a mutant."""
    told = f"{mutant.file}: {mutant.code}: {mutant.change}"
    return next((why for pattern, why in EQUIVALENT.items() if re.search(pattern, told)), None)


def main(paths: Sequence[str]) -> str | None:
    """Runs them all, and returns what is wrong."""
    files = sorted(
        file for path in paths for file in ([ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("*.py"))
    )
    found = [mutant for file in files for mutant in mutants(file)]
    excused = [mutant for mutant in found if _reason(mutant)]
    found = [mutant for mutant in found if not _reason(mutant)]
    survivors: list[Mutant] = []
    yaml.SafeLoader = yaml.CSafeLoader  # the tests of each mutant read Pulumi.yaml, which took a third of the time
    with TemporaryDirectory() as folder:
        _fork(_survey, Path(folder))
        _, (code, reached, modules) = _wait(Path(folder))
        if code:
            return "the tests fail with nothing changed"
        print(
            f"{len(reached.seconds)} tests in {sum(reached.seconds.values()):.0f} s; {len(found)} mutants", flush=True
        )
        for module in modules:
            with contextlib.suppress(Exception):
                import_module(module)
        gc.freeze()
        for done, (mutant, by) in enumerate(_fates(found, reached, Path(folder)), 1):
            if by is None:
                survivors.append(mutant)
                print(f"{mutant.file}:{mutant.line}: {mutant.change}", flush=True)
            if done % 100 == 0:
                print(f"... {done} of {len(found)}", flush=True)
    share = 100 * (len(found) - len(survivors)) / len(found)
    print(f"{share:.1f} % of {len(found)} mutants noticed, {len(survivors)} not; {len(excused)} change nothing.")
    return None if share >= LEAST else f"fewer than {LEAST} %"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [CODE]))
