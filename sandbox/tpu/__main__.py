"""`python -m sandbox.tpu`: compiles what every committed stack, or those of `--stack`, would run on its TPU.

Exits with 1 if something does not compile, takes other memory than the program computes, or could not be checked, and
if float16 compiles: that it does not is why the program gives vLLM bfloat16 instead. `--dtypes` shows what each dtype
does to the first model of the dev stack. `--all` compiles every known model that the compiler can be given.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.settings.model_config import known
from ops.stacks import stacks
from sandbox.build import lock
from sandbox.build.places import HOME
from sandbox.build.pythons import LackError
from sandbox.engine.stack import REPO

from . import catalogue, environment, report, start_up
from .cases import Case, cases_of

LOG = HOME / "tpu-check.log"
REFUSED = "Mosaic failed to compile TPU kernel"
"""What the compiler says to float16 in tpu-inference's attention kernel."""

Job = tuple[str, Case, list[tuple[str, int]], str | None]
"""Title, case, programs, and the error that they must have, if they must."""


def jobs_of(found: list[tuple[str, Case]], dtypes: bool) -> list[Job]:
    """What to compile: each case once, whichever stacks have it, then float16's attention, which must be refused. For
    `dtypes`, the first case with each dtype."""
    first = found[0][1]
    float16 = first._replace(dtype="float16")
    refusal: Job = (f"The reason for bfloat16: {float16.title}", float16, float16.programs[:1], REFUSED)
    if dtypes:
        others = [first._replace(dtype=dtype) for dtype in ("bfloat16", "float32")]
        return [*((case.title, case, case.programs, None) for case in others), refusal]
    cases: list[Case] = []
    users: dict[int, list[str]] = {}
    for stack, case in found:
        if case not in cases:
            cases.append(case)
        names = users.setdefault(cases.index(case), [])
        names += [stack] if stack not in names else []
    return [
        *((f"{', '.join(users[i])}: {case.title}", case, case.programs, None) for i, case in enumerate(cases)),
        refusal,
    ]


def decoding(found: list[tuple[str, Case]]) -> list[Job]:
    """What to compile of many models: no bucket for prompts, which takes longer than all others."""
    return [
        (f"{names}: {case.title}", case, [p for p in case.programs if p[1] <= case.slots], None)
        for names, case in found
    ]


Answers = dict[tuple[int, str, int], dict[str, Any]]
"""What the compiler says, by number of the job, program and tokens."""


def compile_all(python: Path, jobs: list[Job]) -> tuple[Answers, list[str]]:
    """The compiler's answers, and what went wrong with the check itself. What libtpu logs is in `LOG`."""
    cases = [case._asdict() | {"programs": programs} for _, case, programs, _ in jobs]
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("w") as log:
        command = [str(python), "-m", "sandbox.tpu.compiler"]
        done = subprocess.run(  # noqa: S603
            command, input=json.dumps(cases), stdout=subprocess.PIPE, stderr=log, text=True, cwd=REPO, check=False
        )
    answers = map(json.loads, done.stdout.splitlines())
    broken = []
    if done.returncode:
        last = LOG.read_text().rstrip().splitlines()[-1:]
        broken = [f"the check itself has failed with exit code {done.returncode}, see {LOG}: {''.join(last)}"]
    return {(answer["case"], answer["program"], answer["tokens"]): answer for answer in answers}, broken


def judged(number: int, job: Job, answers: Answers) -> list[report.Row]:
    """The verdicts on the programs of a job."""
    _, case, programs, must_fail = job
    computed = None if must_fail else case.fit
    return [
        report.judge(
            *program,
            answers.get((number, *program)),
            must_fail,
            computed,
            flops=None if must_fail else case.flops(*program),
        )
        for program in programs
    ]


def run(arguments: argparse.Namespace) -> int:
    """Compile, print the tables, and return the exit code."""
    console = Console()
    if moved := environment.drift(environment.REQUIREMENTS.read_text()):
        raise LackError(moved)
    names = ["dev"] if arguments.dtypes else arguments.stack or stacks()
    found = list(catalogue.cases(known()) if arguments.all else cases_of(names))
    problems = [f"{stack}: {case}" for stack, case in found if not isinstance(case, Case)]
    checked = [(stack, case) for stack, case in found if isinstance(case, Case)]
    rows: list[report.Row] = []
    estimates: list[dict[str, Any]] = []
    if checked:
        python = environment.ensure()
        jobs = decoding(checked) if arguments.all else jobs_of(checked, arguments.dtypes)
        with console.status(f"compiling {sum(len(programs) for _, _, programs, _ in jobs)} programs"):
            answers, broken = compile_all(python, jobs)
        problems += broken
        for number, job in enumerate(jobs):
            rows += (of_job := judged(number, job, answers))
            title, case, _, must_fail = job
            report.show(console, title, of_job, None if must_fail else case.fit)
            if not must_fail and (estimate := start_up.estimate(case, of_job)):
                console.print(start_up.told(estimate), highlight=False, soft_wrap=True)
                estimates.append(start_up.described(title, case, estimate))
            console.print()
    if arguments.json:
        arguments.json.write_text(json.dumps(estimates, indent=2) + "\n")
    for problem in problems:
        print(problem, file=sys.stderr)
    return report.exit_code(rows, problems)


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.tpu", description=__doc__)
    parser.add_argument("--stack", action="append", help="a stack with a file; repeatable (default: every one)")
    parser.add_argument("--dtypes", action="store_true", help="what each dtype does to the dev stack's model")
    parser.add_argument("--all", action="store_true", help="every known model, each on the smallest slice that it fits")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the estimates of a start there")
    arguments = parser.parse_args()
    busy = "another `make tpu-check` runs here: waiting until it is done"
    try:
        with lock.held(HOME / "tpu-check.lock", waiting=busy):  # they share a virtualenv and a log
            return run(arguments)
    except (LackError, lock.LockError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
