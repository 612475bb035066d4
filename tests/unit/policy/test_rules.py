"""The policy's rules for cluster and network: each refuses what it is there for, and takes what is right."""

import pytest

from policy.rules import cluster as cluster_rules
from policy.rules import network, violations
from policy.rules.cluster import ADDRESS, CLUSTER, COMPUTE_CLASS, POOL
from policy.rules.resource import UNKNOWN, Resource, of_state
from tests.support.policy import GOOD_CLUSTER, GOOD_POOL, LABELLED, broken, cluster, firewall, pool, put, refused, taken

NETWORKS = "masterAuthorizedNetworksConfig"
BAD: dict[str, tuple[Resource, str, str]] = {
    "control plane open to everyone": (cluster(NETWORKS, None), "control-plane-access", "so everyone may reach it"),
    "control plane open to all addresses": (
        cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": "10.0.0.0/8"}, {"cidrBlock": "0.0.0.0/0"}]),
        "control-plane-access",
        "cidrBlocks are together 0.0.0.0/0, which is about everyone",
    ),
    "control plane open to both halves of the internet": (
        cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": "128.0.0.0/1"}, {"cidrBlock": "0.0.0.0/1"}]),
        "control-plane-access",
        "cidrBlocks are together 0.0.0.0/0",
    ),
    "control plane open to a half of the internet": (
        cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": "128.0.0.0/1"}]),
        "control-plane-access",
        "cidrBlocks are together 128.0.0.0/1",
    ),
    "control plane open to all but a little": (
        cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": f"{2**i}.0.0.0/{8 - i}"} for i in range(8)]),
        "control-plane-access",
        "cidrBlocks are together 1.0.0.0/8, 2.0.0.0/7, 4.0.0.0/6",
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
        "sourceRanges are together 0.0.0.0/0",
    ),
    "nodes that everyone may reach by halves": (
        firewall(sourceRanges=["0.0.0.0/1", "128.0.0.0/1"]),
        "closed-firewall",
        "sourceRanges are together 0.0.0.0/0",
    ),
    "nodes that everyone may reach by default": (firewall(sourceRanges=None), "closed-firewall", "no sourceRanges"),
    "nodes that a half of IPv6 may reach": (firewall(sourceRanges=["8000::/1"]), "closed-firewall", "8000::/1"),
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
    **{
        f"cluster with {path}": (cluster(path, True), "closed-cluster", f"{path} is true: ")
        for path in (
            "clusterAutoscaling.enabled",
            "controlPlaneEndpointsConfig.dnsEndpointConfig.enableK8sCertsViaDns",
            "controlPlaneEndpointsConfig.dnsEndpointConfig.enableK8sTokensViaDns",
            "enableAutopilot",
            "enableLegacyAbac",
            "masterAuth.clientCertificateConfig.issueClientCertificate",
            "rbacBindingConfig.enableInsecureBindingSystemAuthenticated",
            "rbacBindingConfig.enableInsecureBindingSystemUnauthenticated",
        )
    },
    **{
        f"class of capacity with {part}": (
            Resource(COMPUTE_CLASS, "c", {"spec": {"priorities": [], part: {"enabled": True}}}),
            "closed-cluster",
            f"spec.{part}.enabled is true: GKE then makes node pools",
        )
        for part in ("autopilot", "nodePoolAutoCreation")
    },
    "cluster without a label": (cluster(provider={}), "cost-labels", "neither in resourceLabels nor in the provider's"),
    "address without a label": (
        Resource(ADDRESS, "a", {"labels": {"team": "ml"}}, {"defaultLabels": {"team": "ml"}}),
        "cost-labels",
        "no label `environment`, neither in labels",
    ),
}


test_rule_refuses = refused(BAD)


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
    "ranges of one's own, however wide": firewall(sourceRanges=["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]),
    "nodes that a service account may reach": firewall(sourceRanges=None, sourceServiceAccounts=["a@p"]),
    "a big company": cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": "17.0.0.0/8"}, {"cidrBlock": "10.0.0.0/8"}]),
    "cluster that says it is closed": cluster("enableLegacyAbac", False),
    "named networks": cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": "203.0.113.0/24"}]),
    "cluster with its own label": Resource(CLUSTER, "c", put(GOOD_CLUSTER, "resourceLabels.environment", "dev")),
    "pools in the cluster": cluster("nodePools", [GOOD_POOL]),
    "TPU pool": pool(),
    "system pool that starts with a node": Resource(
        POOL, "p", put(put(GOOD_POOL, "initialNodeCount", 1), "nodeConfig.machineType", "e2-standard-4")
    ),
    "address with the provider's label": Resource(ADDRESS, "a", {}, {"defaultLabels": {"environment": "dev"}}),
}


test_rule_takes = taken(GOOD)


@pytest.mark.parametrize(
    "resource",
    [
        Resource(CLUSTER, "c", dict.fromkeys(GOOD_CLUSTER, UNKNOWN), {"defaultLabels": UNKNOWN}),
        cluster(f"{NETWORKS}.gcpPublicCidrsAccessEnabled", UNKNOWN),
        cluster(f"{NETWORKS}.cidrBlocks", [{"cidrBlock": UNKNOWN}]),
        cluster("clusterAutoscaling", UNKNOWN),
        firewall(sourceRanges=UNKNOWN),
        pool("nodeConfig", UNKNOWN),
        pool("nodeConfig.serviceAccount", UNKNOWN),
        pool("initialNodeCount", UNKNOWN),
    ],
    ids=lambda r: r.type.split(":")[-1],
)
def test_what_a_preview_does_not_know_breaks_no_rule(resource: Resource) -> None:
    assert broken(resource) == {}


def test_every_rule_has_its_bad_case() -> None:
    assert {rule for _, rule, _ in BAD.values()} == {rule.name for rule in (*network.RULES, *cluster_rules.RULES)}


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
    assert of_state(state, ("own",))[1] == Resource(ADDRESS, "a", {"labels": {}}, LABELLED, "p", ("own",))
    assert [problem for resource in of_state(state) for problem in violations(resource)] == []
