"""What `ops status` may have learnt of a stack: the healthy one of `observations`, and functions that change a part."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from infra.settings.load import parse
from ops.diagnose.observed import Pool
from ops.status.known import Deployed, Endpoint, Health, Known, Node, Traffic
from ops.status.look import node

from .observations import DEPLOYMENTS, NOW, PLACE, SLICE, before, deployment, model, pod, seen
from .stack_settings import stack

URL = f"http://34.7.208.8/{PLACE}"
POOL = "tpu-1a2b3c"
SERVED = deployment(f"{PLACE}-kserve")
HEALTHY = seen(pod(ready=True), models=[model()], deployments=[*DEPLOYMENTS, SERVED])
LABELS = {**SLICE, "cloud.google.com/gke-nodepool": POOL}


def node_of(name: str, labels: Mapping[str, str] = {}, *, hours: float = 4, ready: bool = True) -> dict[str, Any]:
    """A node as the API server has it, which came some hours ago."""
    meta = {"name": name, "labels": dict(labels), "creationTimestamp": before(hours * 60)}
    return {"metadata": meta, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


SYSTEM: Node = node(node_of("system-1", hours=50))
TPU: Node = node(node_of("tpu-1", LABELS))


def known(**other: Any) -> Known:
    """The healthy stack; `other` replaces a part."""
    healthy: dict[str, Any] = {
        "stack": "dev",
        "at": NOW,
        "settings": parse(stack()),
        "deployed": Deployed(at=NOW - timedelta(hours=3), commit="0123456789abcdef", changed=False, message="Add it"),
        "endpoints": {PLACE: Endpoint(url=URL)},
        "health": {PLACE: Health(status=200)},
        "cluster": HEALTHY,
        "pools": [Pool(name=POOL, topology="2x2", zones=["europe-west4-a"], capacity="spot")],
        "nodes": [SYSTEM, TPU],
        "traffic": {PLACE: Traffic(requests=1.5, first_token=0.25)},
        "alerts": [],
    }
    return Known(**{**healthy, **other})
