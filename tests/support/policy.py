"""Resources that keep every rule of the policy, to be broken in one place."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from policy.rules import RULES
from policy.rules.cluster import CLUSTER, POOL
from policy.rules.network import FIREWALL
from policy.rules.resource import Resource

RELEASE = "kubernetes:helm.sh/v3:Release"
LLM = "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"
ISTIOD = "oci://ghcr.io/istio/release/charts/istiod"
LABELLED = {"defaultLabels": '{"environment": "dev"}'}

GOOD_POOL: dict[str, Any] = {
    "initialNodeCount": 0,
    "nodeConfig": {
        "machineType": "ct6e-standard-4t",
        "serviceAccount": "nodes@p.iam.gserviceaccount.com",
        "workloadMetadataConfig": {"mode": "GKE_METADATA"},
    },
}
GOOD_CLUSTER: dict[str, Any] = {
    "privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": False},
    "masterAuthorizedNetworksConfig": {"cidrBlocks": [], "gcpPublicCidrsAccessEnabled": False},
    "workloadIdentityConfig": {"workloadPool": "p.svc.id.goog"},
    "nodeConfig": {k: v for k, v in GOOD_POOL["nodeConfig"].items() if k != "machineType"},
    "initialNodeCount": 1,
    "removeDefaultNodePool": True,
}


def put(props: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The properties with another value at a path; None removes it."""
    key, _, rest = path.partition(".")
    inner = put(props.get(key, {}), rest, value) if rest else value
    return {k: v for k, v in {**props, key: inner}.items() if v is not None}


def broken(resource: Resource) -> dict[str, list[str]]:
    """What each rule says of a resource, if it says something."""
    said = {rule.name: list(rule.check(resource)) for rule in RULES}
    return {name: problems for name, problems in said.items() if problems}


def refused(bad: Mapping[str, tuple[Resource, str, str]]) -> Callable[..., None]:
    """A test of each: one rule refuses it, once, with these words, and no other does."""

    @pytest.mark.parametrize(("resource", "rule", "part"), bad.values(), ids=bad)
    def test(resource: Resource, rule: str, part: str) -> None:
        said = broken(resource)
        assert set(said) == {rule}
        assert len(said[rule]) == 1
        assert part in said[rule][0]

    return test


def taken(good: Mapping[str, Resource]) -> Callable[..., None]:
    """A test of each: no rule refuses it."""

    @pytest.mark.parametrize("resource", good.values(), ids=good)
    def test(resource: Resource) -> None:
        assert broken(resource) == {}

    return test


def cluster(path: str = "name", value: Any = "c", provider: dict[str, Any] = LABELLED) -> Resource:
    return Resource(CLUSTER, "c", put(GOOD_CLUSTER, path, value), provider)


def pool(path: str = "name", value: Any = "p") -> Resource:
    return Resource(POOL, "p", put(GOOD_POOL, path, value))


def firewall(**props: Any) -> Resource:
    rule = {"direction": "INGRESS", "sourceRanges": ["172.16.0.0/28"], "allows": [{"protocol": "tcp"}]}
    return Resource(FIREWALL, "f", rule | props)


def service(spec: dict[str, Any] | None = None, **container: Any) -> Resource:
    """A model's service, with more of its Pod and of its container."""
    main = {"name": "main", "image": "docker.io/vllm/vllm-tpu:v0.27.0", **container}
    model = {"uri": "hf://Qwen/Qwen2.5-3B-Instruct"}
    return Resource(LLM, "m", {"spec": {"model": model, "template": {"containers": [main], **(spec or {})}}})


def release(**props: Any) -> Resource:
    return Resource(RELEASE, "r", {"chart": ISTIOD, "version": "1.31.4", **props})


def grant(type_: str = "gcp:projects/iAMMember:IAMMember", **props: Any) -> Resource:
    granted = {
        "role": "roles/container.defaultNodeServiceAccount",
        "member": "serviceAccount:n@p.iam.gserviceaccount.com",
    }
    return Resource(type_, "g", granted | props)
