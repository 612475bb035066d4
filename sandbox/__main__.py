"""Commands: `python -m sandbox preview|up|refresh|destroy|demo`."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pulumi import automation

from . import cli
from .stack import Sandbox, SandboxError

PAST = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}


def describe(changes: Mapping[Any, int], *, planned: bool) -> str:
    """The engine's counts in words, such as `3 created, 40 unchanged`, or `3 to create` when planned."""
    counts = {getattr(op, "value", op): count for op, count in changes.items() if count}
    unchanged = [f"{counts.pop('same')} unchanged"] if "same" in counts else []
    words = [f"{count} to {op}" if planned else f"{count} {PAST.get(op, op)}" for op, count in counts.items()]
    return ", ".join(words + unchanged) or "nothing to do"


def step(name: str, operation: Callable[..., Any], verbose: bool) -> dict[str, int]:
    """Run one operation and print one line, or all that the engine said if it fails. Returns what changed."""
    said: list[str] = []
    show = print if verbose else said.append
    start = time.monotonic()
    try:
        result = operation(on_output=show, on_error=show, color="never", suppress_progress=True)
    except automation.CommandError:
        print("\n".join(said))
        raise
    planned = isinstance(result, automation.PreviewResult)
    changes = result.change_summary if planned else result.summary.resource_changes or {}
    print(f"{name:<16}{time.monotonic() - start:6.1f} s   {describe(changes, planned=planned)}", flush=True)
    return {getattr(op, "value", op): count for op, count in changes.items()}


def demo(sandbox: Sandbox, verbose: bool) -> None:
    """The whole life of a stack; anything that is not as it should be raises."""
    step("preview", sandbox.preview, verbose)
    step("up", sandbox.up, verbose)
    changes = step("preview again", sandbox.preview, verbose)
    if set(changes) - {"same"}:
        raise SandboxError(
            f"the second preview should show no change, but: {describe(changes, planned=True)}. See --verbose."
        )
    for key, value in sandbox.outputs().items():
        for path, leaf in value.items() if isinstance(value, dict) else [("", value)]:
            print(f"  {key + (f'.{path}' if path else ''):<28}{leaf}")
    step("destroy", sandbox.destroy, verbose)
    left = [r["urn"] for r in sandbox.resources()] + [item.id for item in sandbox.world.find()]
    if left:
        raise SandboxError(f"destroy left {len(left)} objects: {', '.join(left)}")
    print("nothing is left, neither in the engine's state nor in the simulated clouds")


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("command", choices=["preview", "up", "refresh", "destroy", "demo"])
    parser.add_argument("--stack", default="dev", help="the stack whose Pulumi.<stack>.yaml is used (default: dev)")
    parser.add_argument("--home", type=Path, default=cli.HOME, help="folder for state (default: .sandbox)")
    parser.add_argument("--verbose", action="store_true", help="show the engine's full output in a demo as well")
    arguments = parser.parse_args()
    is_demo = arguments.command == "demo"
    home = arguments.home / ("demo" if is_demo else "stacks") / arguments.stack
    try:
        print(f"engine {cli.ensure()}; Google Cloud and Kubernetes are simulated", flush=True)
        if is_demo:
            shutil.rmtree(home, ignore_errors=True)  # what an interrupted demo left
        with Sandbox(arguments.stack, home=home) as sandbox:
            if is_demo:
                demo(sandbox, arguments.verbose)
            else:
                step(arguments.command, getattr(sandbox, arguments.command), verbose=True)
    except KeyboardInterrupt:
        return 130
    except automation.CommandError:
        return 1  # the engine has said why
    except (SandboxError, cli.BuildError, automation.InvalidVersionError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
