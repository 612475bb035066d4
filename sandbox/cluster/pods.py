"""Pods, as whoever drains, kills or asks them sees them."""

import json
import os
import signal
import subprocess
from typing import Any

from .control_plane import ClusterError, ControlPlane

BUDGET = "it would violate the pod's disruption budget"


def pods(plane: ControlPlane, namespace: str, selector: str) -> list[dict[str, Any]]:
    """Those of a namespace with these labels."""
    found = plane.kubectl("get", "pods", f"--namespace={namespace}", f"--selector={selector}", "--output=json")
    return json.loads(found)["items"]


def ready(pod: dict[str, Any]) -> bool:
    """Whether a Pod is asked: it is ready, and stays."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def evict(plane: ControlPlane, namespace: str, name: str) -> bool:
    """Ask for the eviction of a Pod, as a drain does. Whether it is granted; a budget may refuse it."""
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    try:
        plane.kubectl("create", "--raw", path, "--filename=-", stdin=json.dumps(body))
    except ClusterError as refusal:
        if BUDGET not in str(refusal):
            raise
        return False
    return True


def kill(pod: dict[str, Any]) -> None:
    """End the programs of a Pod at once, as the kernel does when there is no memory left: nobody is asked before."""
    network = f"pod-{pod['status']['podIP']}"
    listed = subprocess.run(  # noqa: S603
        ["ip", "netns", "pids", network],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    for pid in listed.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
