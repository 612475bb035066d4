"""Does what pilot-agent does before it ends Envoy: `python -m sandbox.programs.drain`, in the network of Envoy's Pod.

Envoy is told to drain: from then on each answer closes its connection, and new ones are taken all the same. After a
while pilot-agent ends Envoy, whatever still runs; with EXIT_ON_ZERO_ACTIVE_CONNECTIONS it waits until nobody is
connected any more (`terminate` in https://github.com/istio/istio/blob/master/pkg/envoy/agent.go). The kubelet ends it
when the grace period is over.

Waiting in Pods is shorter here, but not the while: it is how long the sandbox's load balancer may take to notice.
"""

import http.client
import os
import time

from .envoy import ADMIN_PORT, READY_PORT

WHILE = 2.0
"""Seconds; pilot-agent's own are 5 (`terminationDrainDuration`, MINIMUM_DRAIN_DURATION)."""
PAUSE = 0.2
COUNT = "downstream_cx_active"


def connected(stats: str) -> int:
    """How many clients are connected to listeners that are not for probes or for who administers Envoy."""
    total = 0
    for line in stats.splitlines():
        name, _, count = line.partition(": ")
        if name.startswith("listener.") and name.endswith(COUNT):
            own = "admin" in name or f"_{READY_PORT}." in name or "worker_" in name
            total += 0 if own else int(count)
    return total


def ask(method: str, path: str) -> str:
    """What Envoy's admin interface answers."""
    connection = http.client.HTTPConnection("127.0.0.1", ADMIN_PORT, timeout=2)
    try:
        connection.request(method, path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def main() -> None:
    """Drain, and wait."""
    ask("POST", "/drain_listeners?graceful")
    time.sleep(WHILE)
    while os.environ.get("EXIT_ON_ZERO_ACTIVE_CONNECTIONS") == "true" and connected(
        ask("GET", f"/stats?filter={COUNT}")
    ):
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
