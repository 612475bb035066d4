"""How a kubelet ends a container: its preStop hook, then SIGTERM, then SIGKILL.

The hook is part of the grace period. What it leaves, but at least two seconds, is for the program
(`killContainer` in Kubernetes' pkg/kubelet/kuberuntime/kuberuntime_container.go). Left out are hooks by HTTP and TCP,
which fail here and say so.
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .probes import SPEED

LEAST_SECONDS = 2 / SPEED


def pre_stop(hook: Mapping[str, Any], seconds: float, start: Callable[[list[str]], "subprocess.Popen[bytes]"]) -> str:
    """Run a `preStop` hook for at most so long; what went wrong, if anything. `start` runs a command in the container.

    A sleep, by the action or by the command of that name, is waiting, and so as much faster as all waiting in Pods.
    """
    [(kind, action)] = hook.items()
    command: list[str] = action.get("command", [])
    if kind == "sleep" or (kind == "exec" and Path(command[0]).name == "sleep"):
        time.sleep(min(float(action["seconds"] if kind == "sleep" else command[1]) / SPEED, seconds))
        return ""
    if kind != "exec":
        return f"the sandbox runs no hooks by {kind}"
    code = wait(start(command), seconds)
    if code is None:
        return f"command '{' '.join(command)}' did not end within the grace period"
    return f"command '{' '.join(command)}' exited with {code}" if code else ""


def wait(process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
    """What a command exits with; none if it has to be killed after so long."""
    try:
        return process.wait(max(seconds, 0))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
