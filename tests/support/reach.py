"""Which Pod of a cluster reaches which, as the kernel has it."""

import json
import subprocess
import sys
from typing import Any

from sandbox.cluster.control_plane import ControlPlane

GATEWAY = "gateway.networking.k8s.io/gateway-name=inference-gateway"
WEBHOOK = "app.kubernetes.io/name=webhook"
FREE = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "free", "namespace": "cert-manager"},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
}
"""With it, a Pod of cert-manager is a stranger whom nobody holds back."""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"


def pod(plane: ControlPlane, namespace: str, selector: str) -> dict[str, Any]:
    """The only Pod that is not on its way out."""
    found = json.loads(plane.kubectl("get", "pods", f"-n{namespace}", f"-l{selector}", "--output=json"))["items"]
    [one] = [p for p in found if "deletionTimestamp" not in p["metadata"]]
    return one


def address(plane: ControlPlane, namespace: str, selector: str) -> str:
    """The address of that Pod."""
    return pod(plane, namespace, selector)["status"]["podIP"]


def connects(source: str, destination: str, port: int) -> bool:
    """Whether a program in a Pod's network gets through; what is dropped is not answered."""
    place = ["ip", "netns", "exec", f"pod-{source}"]
    command = [*place, sys.executable, "-c", CONNECT, destination, str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert not done.stderr or "TimeoutError" in done.stderr
    return not done.stderr
