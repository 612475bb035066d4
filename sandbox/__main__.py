"""Commands: `python -m sandbox preview|up|refresh|destroy|demo|e2e`.

`demo` is the whole life of a stack: on a real control plane where `make tools` has built one, simulated otherwise.
`e2e` is the same, on the real control plane alone, which it builds if need be.
"""

import argparse
import json
import os
import re
import shutil
import socket
import sys
from functools import partial
from pathlib import Path

from pulumi import automation

from ops.report import comment
from sandbox.engine.lifecycle import lifecycle, step
from sandbox.engine.stack import REPO, SandboxError, SandboxStack, setting

from .build import lock, parts, places
from .build.go import BuildError
from .cluster import isolation
from .engine import pulumi_cli

FAILURES = (
    *(SandboxError, BuildError, isolation.IsolationError, lock.LockError, automation.InvalidVersionError),
    OSError,
)
"""What the user can mend; the message says it."""


def enter(arguments: argparse.Namespace, home: Path) -> int:
    """Run the life of the stack on a real control plane, in namespaces of its own."""
    command = [sys.executable, "-m", "sandbox.cluster.e2e", f"--stack={arguments.stack}", f"--home={home}"]
    command += [f"--{option}" for option in ("verbose", "broken") if getattr(arguments, option)]
    command += [f"--config={key}={v if isinstance(v, str) else json.dumps(v)}" for key, v in arguments.config]
    if not arguments.keep:
        return isolation.run(command)
    # A socket stays in the network where it was made, so this one is the only way in.
    with listen(arguments.port) as listener:
        return isolation.run([*command, f"--listener={listener.fileno()}"], pass_fds=(listener.fileno(),))


def listen(port: int) -> socket.socket:
    """A socket on this machine alone."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise SandboxError(f"--port {port}: {os.strerror(error.errno or 0)}; give another") from None


def preview(sandbox: SandboxStack, report: Path, because: str) -> None:
    """Preview, and write the report that a pull request gets, also if the engine fails."""
    compared = "the stack as it was brought up in this sandbox before" if sandbox.resources() else "an empty stack"
    events: list[automation.EngineEvent] = []
    try:
        step("preview", partial(sandbox.preview, on_event=events.append, diff=True), verbose=True)
    finally:
        report.write_text(comment.report(events, stack=sandbox.name, simulated=compared, because=because))


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    whole = arguments.command in ("demo", "e2e")
    other = arguments.project.resolve() != REPO
    folder = Path("demo" if whole else "stacks", arguments.project.resolve().name if other else "", arguments.stack)
    home = arguments.home / folder
    busy = f"another run of stack {arguments.stack} uses {home}: wait until it ends, or give another folder with --home"
    with lock.held(home.with_name(f"{home.name}.lock"), refusal=busy):
        if whole:
            shutil.rmtree(home, ignore_errors=True)  # what an interrupted run left
        return run_in(home, arguments, real=whole and not other)


def run_in(home: Path, arguments: argparse.Namespace, *, real: bool) -> int:
    """Run the command with its state in `home`, on a real control plane if it may be and can be."""
    if arguments.command == "e2e":
        parts.ensure()
        return enter(arguments, home)
    if real and not parts.missing():
        try:
            isolation.check()
            return enter(arguments, home)
        except isolation.IsolationError as error:
            print(f"no real control plane: {error}", flush=True)
    print(f"engine {pulumi_cli.ensure()}; Google Cloud and Kubernetes are simulated", flush=True)
    config = dict(arguments.config)
    with SandboxStack(arguments.stack, project=arguments.project, home=home, config=config) as sandbox:
        if arguments.command == "demo":
            lifecycle(sandbox, arguments.verbose)
            print("nothing is left, neither in the engine's state nor in the simulated clouds")
        elif arguments.report:
            preview(sandbox, arguments.report, arguments.because)
        else:
            step(arguments.command, getattr(sandbox, arguments.command), verbose=True)
    return 0


def port(text: str) -> int:
    """A TCP port, for `argparse`."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; 0 to 65535 are, 0 takes a free one")
    return int(text)


def stack_name(text: str) -> str:
    """A name that is the name of a file too, for `argparse`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a stack's name, such as dev for Pulumi.dev.yaml")
    return text


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("command", choices=["preview", "up", "refresh", "destroy", "demo", "e2e"])
    parser.add_argument("--stack", type=stack_name, default="dev", help="of whose Pulumi.<stack>.yaml (default: dev)")
    parser.add_argument("--project", type=Path, default=REPO, help="folder of the Pulumi project (default: this one)")
    parser.add_argument(
        "-c",
        "--config",
        action="append",
        type=setting,
        default=[],
        metavar="KEY=VALUE",
        help="a setting on top of the stack's file; a value that is a YAML list or mapping is taken as one; repeatable",
    )
    parser.add_argument("--home", type=Path, default=places.HOME, help="folder for state (default: .sandbox)")
    parser.add_argument("--verbose", action="store_true", help="show the engine's full output in a demo as well")
    parser.add_argument("--keep", action="store_true", help="e2e: before destroy, let the models answer on 127.0.0.1")
    parser.add_argument("--broken", action="store_true", help="e2e: with a model that does not exist, and its cause")
    parser.add_argument("--report", type=Path, help="preview: write the comment for a pull request to this file")
    parser.add_argument("--because", default="", help="with --report: a sentence in it, why it is the sandbox's")
    parser.add_argument("--port", type=port, default=8080, help="e2e: the port for --keep (default: 8080)")
    try:
        arguments = parser.parse_args()
        if arguments.command == "e2e" and arguments.project.resolve() != REPO:
            parser.error("e2e runs this project alone; use demo")
        if arguments.report and arguments.command != "preview":
            parser.error("--report goes with preview")
        if arguments.because and not arguments.report:
            parser.error("--because goes with --report")
        if arguments.report and not os.access(arguments.report.parent, os.W_OK):
            parser.error(f"--report: {arguments.report.parent} is not a folder that can be written to")
        return run(arguments)
    except KeyboardInterrupt:
        return 130
    except automation.CommandError:
        return 1  # the engine has said why
    except FAILURES as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
