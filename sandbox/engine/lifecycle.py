"""The whole life of a stack, step by step, each one a line of output; anything that is not as it should be raises."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi import automation

from . import policy_pack
from .stack import SandboxError, SandboxStack

PAST = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}


def describe(changes: Mapping[Any, int], *, planned: bool) -> str:
    """The engine's counts in words, such as `3 created, 40 unchanged`, or `3 to create` when planned."""
    counts = {getattr(op, "value", op): count for op, count in changes.items() if count}
    unchanged = [f"{counts.pop('same')} unchanged"] if "same" in counts else []
    words = [f"{count} to {op}" if planned else f"{count} {PAST.get(op, op)}" for op, count in counts.items()]
    return ", ".join(words + unchanged) or "nothing to do"


def line(name: str, start: float, result: str) -> None:
    """Print what a step did, and how long it took since `start`."""
    print(f"{name:<16}{time.monotonic() - start:6.1f} s   {result}", flush=True)


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
    line(name, start, describe(changes, planned=planned))
    return {getattr(op, "value", op): count for op, count in changes.items()}


def unchanged(name: str, operation: Callable[..., Any], verbose: bool) -> None:
    """Run an operation that must find nothing to do."""
    changes = step(name, operation, verbose)
    if set(changes) - {"same"}:
        raise SandboxError(f"{name} should show no change, but: {describe(changes, planned=True)}. See --verbose.")


def lift_protection(sandbox: SandboxStack, verbose: bool) -> None:
    """See a protected stack refuse to go, and make it one that goes."""
    protected = [r["urn"].split("::")[-1] for r in sandbox.resources() if r.get("protect")]
    if not protected:
        return
    start = time.monotonic()
    try:
        sandbox.destroy()
    except automation.CommandError as refusal:
        if "protected" not in str(refusal):
            raise
        line("destroy", start, f"refused, as these are protected: {', '.join(protected)}")
    else:
        raise SandboxError(f"destroy should be refused, as these are protected: {', '.join(protected)}")
    sandbox.set_config("protect", False)
    step("protect: false", sandbox.up, verbose)


def leaves(outputs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each output that is a plain value, by its path. Those of a single model are not told once more by its name."""
    for key, value in outputs.items():
        if isinstance(value, dict):
            if key != "models" or "baseUrl" not in outputs:
                yield from ((f"{key}.{path}", leaf) for path, leaf in leaves(value))
        else:
            yield key, value


def lifecycle(sandbox: SandboxStack, verbose: bool, *, use: Callable[[], None] | None = None) -> None:
    """Preview, up, policy, again without a change, outputs, `use` meanwhile, no protection, destroy, nothing left."""
    step("preview", sandbox.preview, verbose)
    step("up", sandbox.up, verbose)
    start = time.monotonic()
    line("policy", start, policy_pack.check(sandbox))
    unchanged("preview again", sandbox.preview, verbose)
    for path, value in leaves(sandbox.outputs()):
        print(f"  {path:<28} " + str(value).replace("\n", "\n  "))
    if use:
        use()
        unchanged("up again", sandbox.up, verbose)
    lift_protection(sandbox, verbose)
    step("destroy", sandbox.destroy, verbose)
    left = [r["urn"] for r in sandbox.resources()] + [item.id for item in sandbox.inventory.find()]
    if left:
        raise SandboxError(f"destroy left {len(left)} objects: {', '.join(left)}")
