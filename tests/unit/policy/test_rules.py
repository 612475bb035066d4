"""The policy's rules: each refuses what it is there for, and takes what is right."""

from typing import Any

import pytest

from policy.rules import ADDRESS, CLUSTER, FIREWALL, POOL, RULES, UNKNOWN, Resource, of_state, violations

RELEASE = "kubernetes:helm.sh/v3:Release"
LLM = "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"
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


def cluster(path: str = "name", value: Any = "c", provider: dict[str, Any] = LABELLED) -> Resource:
    return Resource(CLUSTER, "c", put(GOOD_CLUSTER, path, value), provider)


def pool(path: str = "name", value: Any = "p") -> Resource:
    return Resource(POOL, "p", put(GOOD_POOL, path, value))


def firewall(**props: Any) -> Resource:
    rule = {"direction": "INGRESS", "sourceRanges": ["172.16.0.0/28"], "allows": [{"protocol": "tcp"}]}
    return Resource(FIREWALL, "f", rule | props)


def pod(image: Any, kind: str = "containers") -> Resource:
    spec = {"template": {"spec": {kind: [{"name": "main", "image": image}]}}}
    return Resource("kubernetes:apps/v1:Deployment", "d", {"spec": spec})


def release(**props: Any) -> Resource:
    return Resource(RELEASE, "r", {"chart": "oci://example.com/chart", "version": "1.2.3", **props})


NETWORKS = "masterAuthorizedNetworksConfig"
BAD: dict[str, tuple[Resource, str, str]] = {
    "control plane open to everyone": (cluster(NETWORKS, None), "control-plane-access", "so everyone may reach it"),
    "control plane open to all addresses": (
        cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": "10.0.0.0/8"}, {"cidrBlock": "0.0.0.0/0"}]),
        "control-plane-access",
        "cidrBlocks[1] is 0.0.0.0/0",
    ),
    "control plane open to Google Cloud": (
        cluster(f"{NETWORKS}.gcpPublicCidrsAccessEnabled", True),
        "control-plane-access",
        "gcpPublicCidrsAccessEnabled is true",
    ),
    "control plane perhaps open to Google Cloud": (
        cluster(f"{NETWORKS}.gcpPublicCidrsAccessEnabled", None),
        "control-plane-access",
        "gcpPublicCidrsAccessEnabled is null",
    ),
    "nodes that everyone may reach": (
        firewall(sourceRanges=["10.0.0.0/8", "0.0.0.0/0"]),
        "closed-firewall",
        "sourceRanges[1] is 0.0.0.0/0",
    ),
    "nodes that everyone may reach by IPv6": (firewall(sourceRanges=["::/0"]), "closed-firewall", "::/0"),
    "public nodes": (
        cluster("privateClusterConfig.enablePrivateNodes", False),
        "private-nodes",
        "privateClusterConfig.enablePrivateNodes is false",
    ),
    "public nodes by default": (
        cluster("privateClusterConfig", None),
        "private-nodes",
        "privateClusterConfig.enablePrivateNodes is null",
    ),
    "public nodes of one pool": (
        pool("networkConfig.enablePrivateNodes", False),
        "private-nodes",
        "networkConfig.enablePrivateNodes is false",
    ),
    "cluster without Workload Identity": (
        cluster("workloadIdentityConfig", None),
        "workload-identity",
        "workloadIdentityConfig.workloadPool is not set",
    ),
    "pool without Workload Identity": (
        pool("nodeConfig.workloadMetadataConfig", None),
        "workload-identity",
        "nodeConfig.workloadMetadataConfig.mode is null",
    ),
    "pool in the cluster without Workload Identity": (
        cluster("nodePools", [GOOD_POOL, put(GOOD_POOL, "nodeConfig.workloadMetadataConfig.mode", "GCE_METADATA")]),
        "workload-identity",
        'nodePools[1].nodeConfig.workloadMetadataConfig.mode is "GCE_METADATA"',
    ),
    "short-lived pool without Workload Identity": (
        cluster("nodeConfig.workloadMetadataConfig", None),
        "workload-identity",
        "nodeConfig.workloadMetadataConfig.mode is null",
    ),
    "default account": (pool("nodeConfig.serviceAccount", None), "node-account", "nodeConfig.serviceAccount is null"),
    "default account by its name": (
        pool("nodeConfig.serviceAccount", "12-compute@developer.gserviceaccount.com"),
        "node-account",
        '"12-compute@developer.gserviceaccount.com", the project\'s default account',
    ),
    "TPU pool that starts with a node": (pool("initialNodeCount", 1.0), "tpu-from-zero", "initialNodeCount is 1,"),
    "TPU pool with GKE's own number": (pool("initialNodeCount", None), "tpu-from-zero", "initialNodeCount is null"),
    "TPU pool of a fixed size": (pool("nodeCount", 2), "tpu-from-zero", "nodeCount is 2,"),
    "latest image": (pod("vllm/vllm-tpu:latest"), "pinned-images", 'containers[0].image is "vllm/vllm-tpu:latest"'),
    "moving tag": (pod("vllm/vllm-tpu:nightly"), "pinned-images", "nightly"),
    "image without a tag": (pod("registry.example.com:5000/vllm"), "pinned-images", "registry.example.com:5000/vllm"),
    "init image without a tag": (pod("busybox", "initContainers"), "pinned-images", "initContainers[0].image"),
    "image of a model": (
        Resource(LLM, "m", {"spec": {"template": {"containers": [{"image": "vllm"}]}}}),
        "pinned-images",
        'spec.template.containers[0].image is "vllm"',
    ),
    "weights in a moving image": (
        Resource(LLM, "m", {"spec": {"model": {"uri": "oci://example.com/qwen"}}}),
        "pinned-images",
        'spec.model.uri is "oci://example.com/qwen"',
    ),
    "moving image volume": (
        Resource("kubernetes:core/v1:Pod", "p", {"spec": {"volumes": [{"image": {"reference": "weights:main"}}]}}),
        "pinned-images",
        "spec.volumes[0].image.reference",
    ),
    "chart's image moved to latest": (
        release(values={"image": {"tag": "latest"}}),
        "pinned-images",
        'values.image.tag is "latest"',
    ),
    "chart of any version": (release(version=None), "pinned-charts", "version is null"),
    "chart of a range": (release(version="^1.2"), "pinned-charts", 'version is "^1.2"'),
    "chart of any version in a repository": (
        release(chart="a/b", version=None, repositoryOpts={"repo": "https://example.com"}),
        "pinned-charts",
        "version is null",
    ),
    "cluster without a label": (cluster(provider={}), "cost-labels", "neither in resourceLabels nor in the provider's"),
    "address without a label": (
        Resource(ADDRESS, "a", {"labels": {"team": "ml"}}, {"defaultLabels": {"team": "ml"}}),
        "cost-labels",
        "no label `environment`, neither in labels",
    ),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_rule_refuses(case: tuple[Resource, str, str]) -> None:
    resource, rule, part = case
    said = broken(resource)
    assert set(said) == {rule}
    assert len(said[rule]) == 1
    assert part in said[rule][0]


GOOD: dict[str, Resource] = {
    "private control plane without networks": Resource(
        CLUSTER,
        "c",
        put(put(GOOD_CLUSTER, NETWORKS, None), "privateClusterConfig.enablePrivateEndpoint", True),
        LABELLED,
    ),
    "control plane without addresses": Resource(
        CLUSTER,
        "c",
        put(put(GOOD_CLUSTER, NETWORKS, None), "controlPlaneEndpointsConfig.ipEndpointsConfig.enabled", False),
        LABELLED,
    ),
    "nodes that the control plane may reach": firewall(),
    "way out to everyone": firewall(direction="EGRESS", sourceRanges=["0.0.0.0/0"]),
    "everyone denied": firewall(allows=None, sourceRanges=["0.0.0.0/0"], denies=[{"protocol": "all"}]),
    "named networks": cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": "203.0.113.0/24"}]),
    "cluster with its own label": Resource(CLUSTER, "c", put(GOOD_CLUSTER, "resourceLabels.environment", "dev")),
    "pools in the cluster": cluster("nodePools", [GOOD_POOL]),
    "TPU pool": pool(),
    "system pool that starts with a node": Resource(
        POOL, "p", put(put(GOOD_POOL, "initialNodeCount", 1), "nodeConfig.machineType", "e2-standard-4")
    ),
    "release's tag": pod("docker.io/vllm/vllm-tpu:v0.27.0"),
    "digest": pod(f"vllm@sha256:{'a' * 64}"),
    "weights from Hugging Face": Resource(LLM, "m", {"spec": {"model": {"uri": "hf://Qwen/Qwen2.5-3B-Instruct"}}}),
    "weights in a pinned image": Resource(LLM, "m", {"spec": {"model": {"uri": "oci://example.com/qwen:v1"}}}),
    "pinned chart": release(version="v0.20.0"),
    "chart in a directory": release(chart="/srv/charts/istiod", version=None),
    "address with the provider's label": Resource(ADDRESS, "a", {}, {"defaultLabels": {"environment": "dev"}}),
}


@pytest.mark.parametrize("resource", GOOD.values(), ids=GOOD)
def test_rule_takes(resource: Resource) -> None:
    assert broken(resource) == {}


@pytest.mark.parametrize(
    "resource",
    [
        Resource(CLUSTER, "c", dict.fromkeys(GOOD_CLUSTER, UNKNOWN), {"defaultLabels": UNKNOWN}),
        cluster(f"{NETWORKS}.gcpPublicCidrsAccessEnabled", UNKNOWN),
        firewall(sourceRanges=UNKNOWN),
        pool("nodeConfig", UNKNOWN),
        pool("nodeConfig.serviceAccount", UNKNOWN),
        pool("initialNodeCount", UNKNOWN),
        pod(UNKNOWN),
        release(version=UNKNOWN),
    ],
    ids=lambda r: r.type.split(":")[-1],
)
def test_what_a_preview_does_not_know_breaks_no_rule(resource: Resource) -> None:
    assert broken(resource) == {}


def test_every_rule_has_its_bad_case() -> None:
    assert {rule for _, rule, _ in BAD.values()} == {rule.name for rule in RULES}


def test_violation_names_the_resource_the_way_out_and_the_source() -> None:
    [text] = violations(cluster("workloadIdentityConfig", None))
    assert text == (
        "gcp:container/cluster:Cluster c: workloadIdentityConfig.workloadPool is not set. Set it to "
        "PROJECT.svc.id.goog. (https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity)"
    )


def test_state_gives_each_resource_the_inputs_of_its_provider() -> None:
    urn = "urn:pulumi:dev::p::pulumi:providers:gcp::google"
    state = [
        {"urn": urn, "type": "pulumi:providers:gcp", "id": "1", "inputs": LABELLED},
        {"urn": "urn:pulumi:dev::p::x$y::a", "type": ADDRESS, "inputs": {"labels": {}}, "provider": f"{urn}::1"},
        {"urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev", "type": "pulumi:pulumi:Stack"},
    ]
    assert of_state(state)[1] == Resource(ADDRESS, "a", {"labels": {}}, LABELLED)
    assert [problem for resource in of_state(state) for problem in violations(resource)] == []
