"""Metrics of a cluster, asked for as a Pod asks: with a token of the metadata server, at Google's name."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.clouds.google_kinds import MEMBER
from sandbox.clouds.inventory import Item
from sandbox.cluster.collectors import BUILD
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.cluster.isolation import AUTHORITY
from sandbox.engine.stack import SandboxStack

Json = dict[str, Any]
PROJECT = "simulated-project"
NAMESPACE, ACCOUNT = "readers", "reader"
API = "https://monitoring.googleapis.com/v1/projects/{}/location/global/prometheus/api/v1/query"
TOKEN = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105
IDLE = "docker.io/kserve/storage-initializer:v0.20.0"
"""An image that can sleep."""


def pod_monitoring(name: str, namespace: str, labels: Json, **endpoint: Any) -> Json:
    """A PodMonitoring with one endpoint; in no namespace, what a ClusterPodMonitoring would be."""
    return {
        "apiVersion": "monitoring.googleapis.com/v1",
        "kind": "PodMonitoring",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"selector": {"matchLabels": labels}, "endpoints": [{"interval": "30s", **endpoint}]},
    }


def _manifests(name: str) -> list[Json]:
    """A Pod that does nothing, with an account of its own name."""
    meta = {"namespace": NAMESPACE, "name": name}
    container = {"name": "main", "image": IDLE, "command": ["sleep", "3600"]}
    spec = {"serviceAccountName": name, "containers": [container], "terminationGracePeriodSeconds": 1}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec},
    ]


class Reader:
    """Who asks for metrics: a Pod of this name, with a service account of the same."""

    def __init__(self, plane: ControlPlane, name: str) -> None:
        self._plane, self.name = plane, name
        manifests = {"apiVersion": "v1", "kind": "List", "items": _manifests(name)}
        plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(manifests))
        plane.kubectl("wait", "--for=condition=Ready", "pod", name, f"-n{NAMESPACE}", "--timeout=120s")
        found = plane.kubectl("get", "pod", name, f"-n{NAMESPACE}", "--output=json")
        self._network = f"pod-{json.loads(found)['status']['podIP']}"

    def curl(self, *arguments: str) -> tuple[int, str]:
        """Status and body of what curl asks in the Pod's network."""
        place = ["ip", "netns", "exec", self._network]
        command = [*place, "curl", "-sS", "--max-time", "10", "-w", "\n%{http_code}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def ask(self, query: str, project: str = PROJECT) -> tuple[int, Json]:
        """Status and body of the answer to a query."""
        token = json.loads(self.curl("-H", "Metadata-Flavor: Google", TOKEN)[1])["access_token"]
        asked = ["--cacert", str(AUTHORITY), "-H", f"Authorization: Bearer {token}", "-G", API.format(project)]
        status, body = self.curl(*asked, "--data-urlencode", f"query={query}")
        return status, json.loads(body)

    def samples(self, query: str) -> list[Json]:
        """What a query finds; nothing before Prometheus answers, if it is built."""
        status, body = self.ask(query)
        assert status == 200 or (status == 503 and BUILD not in body["error"]["message"]), body
        return body["data"]["result"] if status == 200 else []


def member(namespace: str, account: str, role: str = "roles/monitoring.viewer") -> Item:
    """The grant of a role on the project to a service account of Kubernetes."""
    who = f"serviceAccount:{PROJECT}.svc.id.goog[{namespace}/{account}]"
    inputs = {"project": PROJECT, "role": role, "member": who}
    return Item("gcp", MEMBER, f"projects/{PROJECT}", who, f"{PROJECT}/{role}/{who}", inputs)


@contextmanager
def granted(stack: SandboxStack, item: Item) -> Iterator[None]:
    """While it is granted."""
    with stack.inventory.lock:
        stack.inventory.record("create", item)
    yield
    with stack.inventory.lock:
        stack.inventory.record("delete", item)


@contextmanager
def readers(plane: ControlPlane, stack: SandboxStack) -> Iterator[tuple[Reader, Reader]]:
    """One who was granted the role, and one who was not."""
    with granted(stack, member(NAMESPACE, ACCOUNT)):
        yield Reader(plane, ACCOUNT), Reader(plane, "stranger")
    plane.kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")


def eventually(reader: Reader, query: str, what: str, seconds: float = 60) -> list[Json]:
    """What a query finds, as soon as it finds something."""
    return wait_until(lambda: reader.samples(query), what, seconds, pause=0.5)
