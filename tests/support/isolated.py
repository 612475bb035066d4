"""The program's NetworkPolicies, and who stands at the ends of flows."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from sandbox.cluster.flows import Flow, judge, outside, pod
from tests.support.program import Declared
from tests.support.stacks import MODEL

NAMESPACE, NAME = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
STRANGER = {**MODEL, "namespace": "strangers", "uri": "pvc://weights/of-a-stranger"}
"""A second model, whose weights do not come through its own network."""
VPC = {"node": "10.0.0.7", "pod": "10.4.3.2", "service": "10.8.0.9", "control plane": "172.16.0.2"}
"""An address in each of the stack's ranges."""


def policies(declared: Declared) -> list[dict[str, Any]]:
    """As the API server would have them: on the wire of the engine, every number is a float."""
    found = [{"metadata": p.inputs["metadata"], "spec": p.inputs["spec"]} for p in declared.all(":NetworkPolicy")]
    return json.loads(json.dumps(found), parse_float=lambda text: int(float(text)))


def of_kserve(kind: str, name: str = NAME, namespace: str = NAMESPACE) -> dict[str, Any]:
    """One of a model's Pods, with the labels that KServe gives them."""
    labels = {
        "app.kubernetes.io/component": f"llminferenceservice-{kind}",
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "llminferenceservice",
        **({"kserve.io/component": "workload"} if kind == "workload" else {}),
    }
    return pod(namespace, labels)


PEERS = {
    "gateway": pod("istio-ingress", {"gateway.networking.k8s.io/gateway-name": "inference-gateway"}),
    "vllm": of_kserve("workload"),
    "picker": of_kserve("router-scheduler"),
    "other vllm": of_kserve("workload", "other"),
    "other picker": of_kserve("router-scheduler", "other"),
    "vllm of a stranger": of_kserve("workload", namespace="strangers"),
    "picker of a stranger": of_kserve("router-scheduler", namespace="strangers"),
    "istiod": pod("istio-system", {"app": "istiod"}),
    "kserve": pod("kserve", {"control-plane": "llmisvc-controller-manager"}),
    "cert-manager": pod("cert-manager", {"app.kubernetes.io/name": "cert-manager"}),
    "cert-manager's webhook": pod("cert-manager", {"app.kubernetes.io/name": "webhook"}),
    "solver": pod("istio-ingress", {"acme.cert-manager.io/http01-solver": "true"}),
    "cert-manager's check": pod("cert-manager", {"app.kubernetes.io/name": "startupapicheck"}),
    "something in default": pod("default", {}),
    "gateway's double": pod("default", {"gateway.networking.k8s.io/gateway-name": "inference-gateway"}),
    **{f"something in {name}": pod(name, {"app": "curious"}) for name in ("istio-system", "istio-ingress", "kserve")},
    "something beside vllm": pod(NAMESPACE, {"app": "curious"}),
    "who asks for a TPU node": pod("tpu-warm-up", {"batch.kubernetes.io/job-name": "v6e-4-holder"}),
    "konnectivity agent": pod("kube-system", {"k8s-app": "konnectivity-agent"}),
    "kube-dns": pod("kube-system", {"k8s-app": "kube-dns"}),
    "node-local-dns": pod("kube-system", {"k8s-app": "node-local-dns"}),
    "something of kube-system": pod("kube-system", {"k8s-app": "metrics-server"}),
    "collector": pod("gmp-system", {"app.kubernetes.io/name": "collector"}),
    "NodeLocal DNSCache": outside("169.254.20.10"),
    "metadata server": outside("169.254.169.254"),
    "the internet": outside("198.51.100.7"),
    **{f"the {what} range": outside(address) for what, address in VPC.items()},
    "the API server": outside(VPC["control plane"]),
    "a client": outside("203.0.113.9"),
    "a private host": outside("192.168.7.7"),
}


def verdicts(of: list[dict[str, Any]], flows: list[Flow]) -> list[bool]:
    """Whether each flow passes, by a reading of the standard that takes an `ipBlock` for what is no Pod."""
    return [all(verdict) for verdict in judge(of, PEERS, flows)]


def without_one(of: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The policies without one of them, and without one peer or one port of a rule, each with what is missing."""
    for i, policy in enumerate(of):
        name = "{namespace}/{name}".format(**policy["metadata"])
        yield name, of[:i] + of[i + 1 :]
        for direction, end in (("ingress", "from"), ("egress", "to")):
            for j, rule in enumerate(policy["spec"].get(direction, [])):
                for key in (end, "ports"):
                    for k, part in enumerate(rule.get(key, [])):
                        fewer = copy.deepcopy(of)
                        rules = fewer[i]["spec"][direction]
                        del rules[j][key][k]
                        if not rules[j][key]:  # an empty list would mean everybody, or every port
                            del rules[j]
                        yield f"{name}: {direction} {part}", fewer
