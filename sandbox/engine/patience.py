"""Shorter waits for what is in a cluster: the hour that a model may take on a TPU is not needed where none is."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pulumi

SECONDS = {"h": 3600, "m": 60, "s": 1}


def shortened(timeouts: pulumi.CustomTimeouts | None, seconds: float) -> pulumi.CustomTimeouts:
    """The same timeouts, none above `seconds`; one that is not set is the plugin's, ten minutes."""

    def shorter(timeout: str | None) -> str:
        own = sum(float(n) * SECONDS[unit] for n, unit in re.findall(r"([\d.]+)([hms])", timeout or "10m"))
        return f"{min(own, seconds):g}s"

    given = timeouts or pulumi.CustomTimeouts()
    return pulumi.CustomTimeouts(
        create=shorter(given.create), update=shorter(given.update), delete=shorter(given.delete)
    )


def impatient(program: Callable[[], Any], seconds: Callable[[], float | None]) -> Callable[[], Any]:
    """The same program, in which no object of Kubernetes is waited for longer than `seconds` says, if it says some."""

    def run() -> Any:
        most = seconds()
        if most is not None:
            pulumi.runtime.register_stack_transformation(lambda args: _hurry(args, most))
        return program()

    return run


def _hurry(args: pulumi.ResourceTransformationArgs, most: float) -> pulumi.ResourceTransformationResult | None:
    # Not a transform, which the engine calls: what a preview does not know yet would be lost on the way to it.
    if not args.type_.startswith("kubernetes:"):
        return None
    options = copy.copy(args.opts)
    options.custom_timeouts = shortened(options.custom_timeouts, most)
    return pulumi.ResourceTransformationResult(args.props, options)
