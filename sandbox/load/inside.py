"""Runs inside `sandbox.cluster.isolation`: `python -m sandbox.load.inside WHAT --home FOLDER --stack NAME ...`."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from pulumi import automation
from rich.console import Console

from ops.load.commands import ROUNDS
from ops.load.measured import MeasuredError, read
from sandbox.bench import positive
from sandbox.cluster.control_plane import ClusterError
from sandbox.cluster.isolation import HOME
from sandbox.engine.stack import REPO, SandboxError
from sandbox.programs.catalogue import WORD
from sandbox.routing.environment import PROGRAM
from sandbox.routing.workload import write_tokenizer

from . import chaos, overhead
from .faults import FAULTS
from .up import Up, up

MEASURES_NO_TPU = (
    "This measures what stands around a model, not a TPU: the Pods are stand-ins that answer at a set pace, on one "
    "machine with everything else."
)


def load(found: Up, arguments: argparse.Namespace) -> bool:
    """`python -m ops load`, as whoever has the stack runs it, but for the tokenizer, which nobody is asked for here."""
    tokenizer = arguments.home / "tokenizer"
    write_tokenizer(tokenizer)
    command = [sys.executable, "-m", "ops", "load", f"--stack={found.stack.name}", f"--generator={PROGRAM}"]
    command += [f"--tokenizer={tokenizer}", f"--output={arguments.output.resolve()}", f"--rounds={arguments.rounds}"]
    command += [f"--model={arguments.model}"] if arguments.model else []
    command += [f"--base={arguments.base.resolve()}"] if arguments.base else []
    command += [f"--concurrency={at_once}" for at_once in arguments.concurrency]
    key = {"OPENAI_API_KEY": found.key} if found.key else {}
    env = {**found.stack.environment(), **key, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, check=False, cwd=found.stack.stack_file.parent, env=env).returncode == 0  # noqa: S603


def add(found: Up, arguments: argparse.Namespace) -> bool:
    """What gateway and picker add; whether it is no more than it may be."""
    rows, alone = overhead.measure(found, arguments.concurrency or overhead.CONNECTIONS, arguments.seconds)
    console = Console(width=120)
    console.print(overhead.table(rows))
    if not alone:
        console.print("What else this machine does is in it: only root may put it last.", soft_wrap=True)
    missed = overhead.missed(rows)
    for what in missed:
        console.print(f"missed: {what}", highlight=False, soft_wrap=True)
    return not missed


def break_things(found: Up, arguments: argparse.Namespace) -> bool:
    """What is lost; whether it is no more than may be."""
    faults = [fault for fault in FAULTS if arguments.only in fault.name]
    results = chaos.run(found, faults)
    Console(width=150).print(chaos.table(results))
    return not any(result.missed for result in results)


WHAT = {"load": (load, {}), "overhead": (add, {}), "chaos": (break_things, chaos.CONFIG)}


def run(arguments: argparse.Namespace) -> bool:
    """Bring the stack up, do what is asked, take it down."""
    if arguments.what == "overhead":
        os.environ[WORD] = "0"  # which the kubelet's containers get
    do, config = WHAT[arguments.what]
    with up(arguments.stack, arguments.home / "stack", config) as found:
        good = do(found, arguments)
    print(MEASURES_NO_TPU)
    return good


def earlier(text: str) -> Path:
    """The file of an earlier report, which can be read."""
    try:
        read(Path(text))
    except MeasuredError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None
    return Path(text)


def part_of_name(text: str) -> str:
    """What some fault has in its name."""
    if not any(text in fault.name for fault in FAULTS):
        names = ", ".join(fault.name for fault in FAULTS)
        raise argparse.ArgumentTypeError(f"{text!r} is in the name of no fault. Use a part of one: {names}")
    return text


def parser() -> argparse.ArgumentParser:
    """What may be said on the command line, also of `python -m sandbox.load`."""
    found = argparse.ArgumentParser(prog="python -m sandbox.load", description=__doc__)
    found.add_argument("what", choices=WHAT)
    found.add_argument("--stack", required=True, help="of whose Pulumi.STACK.yaml")
    found.add_argument("--concurrency", type=positive, action="append", default=[], help="requests at once; repeatable")
    found.add_argument(
        "--rounds", type=positive, default=ROUNDS, help=f"load: requests of each that asks (default: {ROUNDS})"
    )
    found.add_argument("--model", default="", help="load: the model, as NAME or NAMESPACE/NAME, of several")
    found.add_argument("--base", type=earlier, help="load: report.json of an earlier one")
    found.add_argument(
        "--output", type=Path, default=REPO / "load-report", help="load: where to (default: load-report)"
    )
    found.add_argument("--seconds", type=positive, default=overhead.SECONDS, help="overhead: of each way")
    found.add_argument("--only", type=part_of_name, default="", help="chaos: faults with this in their name")
    return found


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    here = parser()
    here.add_argument("--home", type=Path, required=True)
    try:
        return int(not run(here.parse_args()))
    except KeyboardInterrupt:
        return 130
    except (automation.CommandError, ClusterError, SandboxError) as error:
        if not isinstance(error, automation.CommandError):  # of those, the engine has said why
            print(error, file=sys.stderr)
        print(f"what each program said is in {HOME / 'logs'}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
