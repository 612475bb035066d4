"""The simulated VPC's firewall and NAT, as the API server and the nodes meet them; a few objects stand for a stack."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.google.slices import SLICES
from infra.models.pod import pod_template
from infra.models.routes import PORT
from infra.settings.model import Model
from sandbox.clouds.google_kinds import CLUSTER, FIREWALL, NAT, NETWORK, POOL, ROUTER, SUBNET
from sandbox.clouds.inventory import Inventory, Item
from sandbox.cluster.control_plane import ClusterError, ControlPlane, wait_until
from sandbox.cluster.gke_controllers import GkeControllers
from tests.support.project import stack_file

LABELS = {"of": "network"}
CLUSTER_ID = "projects/p/locations/us-east5-a/clusters/c"
IN_REGION = {"network": "vpc", "region": "us-east5"}


def record(inventory: Inventory, kind: str, name: str, inputs: dict[str, Any], **computed: Any) -> None:
    scope = CLUSTER_ID + "/nodePools" if kind == POOL else kind
    object_id = CLUSTER_ID if kind == CLUSTER else f"{scope}/{name}"
    operation = "update" if ("gcp", kind, scope, name) in inventory.items else "create"
    inventory.record(operation, Item("gcp", kind, scope, name, object_id, inputs, computed))


def open_port(inventory: Inventory, port: int) -> None:
    allows = [{"protocol": "tcp", "ports": [str(port)]}]
    record(inventory, FIREWALL, "webhooks", {"network": "vpc", "sourceRanges": ["172.16.0.0/28"], "allows": allows})


def translate(inventory: Inventory, which: str) -> None:
    record(inventory, NAT, "nat", {"router": "r", "region": "us-east5", "sourceSubnetworkIpRangesToNat": which})


@pytest.fixture
def inventory(plane: ControlPlane, tmp_path: Path) -> Iterator[Inventory]:
    """A cluster of one private node, with NAT, which nodes and Pods follow."""
    inventory = Inventory(tmp_path / "inventory.json")
    record(inventory, NETWORK, "vpc", {})
    record(inventory, SUBNET, "nodes", IN_REGION)
    record(inventory, ROUTER, "r", IN_REGION)
    translate(inventory, "ALL_SUBNETWORKS_ALL_IP_RANGES")
    private = {"enablePrivateNodes": True, "masterIpv4CidrBlock": "172.16.0.0/28"}
    place = {"network": "vpc", "subnetwork": "nodes", "location": "us-east5-a"}
    record(inventory, CLUSTER, "c", {**place, "privateClusterConfig": private}, project="p")
    config = {"machineType": "ct6e-standard-4t"}
    record(inventory, POOL, "pool", {"nodeConfig": config, "initialNodeCount": 1}, version="1.34.1-gke.1")
    with GkeControllers(plane, inventory):
        try:
            yield inventory
        finally:
            plane.kubectl("delete", "validatingwebhookconfiguration", "--all")
            plane.kubectl("delete", "pod,service", "--selector=of=network", "--grace-period=1")
    plane.kubectl("delete", "node", "--all")


def apply(plane: ControlPlane, *objects: dict[str, Any]) -> None:
    plane.kubectl("apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def pod() -> dict[str, Any]:
    """A Pod as the dev stack's model has it, which needs nothing but its node."""
    model = Model(**stack_file("dev")["models"][0])
    template = pod_template(model, SLICES["v6e-4"])
    spec: dict[str, Any] = {k: v for k, v in template.items() if k != "initContainers"}
    spec["terminationGracePeriodSeconds"] = 1
    spec["containers"][0]["volumeMounts"] = [{"name": "dshm", "mountPath": "/dev/shm"}]  # noqa: S108 - as KServe adds it
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "behind", "labels": LABELS}, "spec": spec}


def webhook() -> list[dict[str, Any]]:
    """A webhook for ConfigMaps, behind it the Pod."""
    meta = {"name": "behind", "labels": LABELS}
    ports = [{"port": 443, "targetPort": PORT}]
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook = {
        "name": "behind.example.com",
        "clientConfig": {"service": {"namespace": "default", "name": "behind", "port": 443}},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
        "timeoutSeconds": 1,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    service = {"selector": LABELS, "ports": ports}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
        {**kind, "metadata": {"name": "behind"}, "webhooks": [hook]},
    ]


def refusal(plane: ControlPlane) -> str:
    with pytest.raises(ClusterError) as error:
        plane.kubectl("create", "configmap", "--namespace=default", "any")
    return str(error.value)


def waiting(plane: ControlPlane) -> dict[str, str]:
    status = json.loads(plane.kubectl("get", "pod", "behind", "--output=json"))["status"]
    return next((c["state"].get("waiting", {}) for c in status.get("containerStatuses", [])), {})


def test_a_webhook_times_out_without_a_rule_for_its_port(inventory: Inventory, plane: ControlPlane) -> None:
    open_port(inventory, 1)
    account = ("get", "serviceaccount", "default", "--namespace=default", "--ignore-not-found")
    wait_until(lambda: plane.kubectl(*account), "no Pod may be made yet", 60)
    apply(plane, pod(), *webhook())
    plane.kubectl("wait", "--for=condition=Ready", "pod/behind", "--timeout=60s")  # the kubelet's probe is let through
    wait_until(lambda: "no endpoints" not in refusal(plane), "the webhook has no Pod", 20)
    said = refusal(plane)
    assert 'failed calling webhook "behind.example.com": failed to call webhook: Post' in said
    assert said.endswith("context deadline exceeded")
    open_port(inventory, PORT)
    health = f"/api/v1/namespaces/default/pods/behind:{PORT}/proxy/health"  # the same way, without TLS
    plane.kubectl("get", f"--raw={health}", "--request-timeout=10s")


def test_no_image_is_pulled_when_nat_is_for_no_subnets(inventory: Inventory, plane: ControlPlane) -> None:
    translate(inventory, "LIST_OF_SUBNETWORKS")
    apply(plane, pod())
    wait_until(lambda: "reason" in waiting(plane), "the Pod does not wait", 30)
    wait_until(lambda: "ImagePull" in waiting(plane)["reason"], "the image is pulled", 10)
    assert 'failed to do request: Head "https://registry-1.docker.io/v2/vllm/vllm-tpu/' in waiting(plane)["message"]
    assert waiting(plane)["message"].endswith("i/o timeout")
    translate(inventory, "ALL_SUBNETWORKS_ALL_IP_RANGES")
    plane.kubectl("wait", "--for=condition=Ready", "pod/behind", "--timeout=60s")
