"""What each resource is called in the state. One that is called otherwise is deleted and made anew, in every stack."""

from typing import Any

import pytest

from tests.support.program import Run
from tests.support.stacks import MODEL as STACK_MODEL

COMPONENT = "gke-tpu-inference:infra:"
MODEL = "llm-d-inference-scheduling.qwen2-3b-pattern1"
READ = "kubernetes:monitoring.googleapis.com/v1:PodMonitoring::"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy::"
OF_COMPONENTS = {
    "Apis::apis": {f"gcp:projects/service:Service::{api}" for api in ("cloudresourcemanager", "compute")}
    | {f"gcp:projects/service:Service::{api}" for api in ("container", "iam", "binaryauthorization", "cloudkms")}
    | {f"gcp:projects/service:Service::{api}" for api in ("artifactregistry", "containerfilesystem")}
    | {f"gcp:projects/service:Service::{api}" for api in ("containersecurity", "monitoring")},
    "Network::tpu-inference": {
        "gcp:compute/network:Network::tpu-inference",
        "gcp:compute/subnetwork:Subnetwork::tpu-inference",
        "gcp:compute/router:Router::tpu-inference",
        "gcp:compute/routerNat:RouterNat::tpu-inference",
        "gcp:compute/firewall:Firewall::tpu-inference-webhooks",
        "gcp:compute/address:Address::tpu-inference-gateway",
    },
    "Cluster::tpu-inference": {
        "gcp:serviceaccount/account:Account::nodes",
        "gcp:projects/iAMMember:IAMMember::nodes",
        "gcp:projects/iAMMember:IAMMember::images",
        f"{COMPONENT}ImageCache::tpu-inference",
        *(
            f"gcp:artifactregistry/repositoryIamMember:RepositoryIamMember::{host}"
            for host in ("docker-io", "ghcr-io", "quay-io")
        ),
        "gcp:container/cluster:Cluster::tpu-inference",
        "gcp:container/nodePool:NodePool::system",
        "pulumi:providers:kubernetes::tpu-inference",
        f"{COMPONENT}Egress::tpu-inference",
        f"{COMPONENT}SecretsKey::tpu-inference",
    },
    "ImageCache::tpu-inference": {
        f"gcp:artifactregistry/repository:Repository::{host}" for host in ("docker-io", "ghcr-io", "quay-io")
    },
    "Egress::tpu-inference": {
        f"gcp:compute/firewall:Firewall::tpu-inference-out-{way}"
        for way in ("cluster", "control-plane", "https", "gateway", "denied")
    },
    "SecretsKey::tpu-inference": {
        "gcp:projects/serviceIdentity:ServiceIdentity::gke",
        "gcp:kms/keyRing:KeyRing::tpu-inference",
        "gcp:kms/cryptoKey:CryptoKey::tpu-inference",
        "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember::gke",
    },
    "TpuPool::tpu": {"gcp:container/nodePool:NodePool::tpu"},
    "Admission::admission": {
        f"kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy{kind}::{name}"
        for kind in ("", "Binding")
        for name in ("host-access", "known-images", "bindings", "node-volumes")
    },
    "WarmUp::warm-up": {
        "kubernetes:core/v1:Namespace::tpu-warm-up",
        "kubernetes:scheduling.k8s.io/v1:PriorityClass::tpu-warm-up",
        "kubernetes:batch/v1:Job::v6e-4-holder",
        "kubernetes:batch/v1:Job::v6e-4-image",
        "kubernetes:batch/v1:Job::v6e-4-arrival",
        f"{POLICY}tpu-warm-up.default-deny",
    },
    "Mesh::mesh": {
        "kubernetes:core/v1:Namespace::istio-system",
        "kubernetes:helm.sh/v3:Release::istio-base",
        "kubernetes:helm.sh/v3:Release::istiod",
        f"{POLICY}istio-system.istiod",
        f"{POLICY}istio-system.default-deny",
        f"{READ}istio-system.istiod",
    },
    "Serving::serving": {
        "kubernetes:core/v1:Namespace::cert-manager",
        "kubernetes:core/v1:Namespace::kserve",
        "kubernetes:helm.sh/v3:Release::cert-manager",
        "kubernetes:helm.sh/v3:Release::kserve-llmisvc-crd",
        "kubernetes:helm.sh/v3:Release::kserve-llmisvc-resources",
        "kubernetes:helm.sh/v3:Release::kserve-runtime-configs",
        f"{POLICY}kserve.controller",
        f"{POLICY}kserve.default-deny",
        f"{POLICY}cert-manager.webhook",
        f"{POLICY}cert-manager.api-server",
        f"{READ}cert-manager.cert-manager",
    },
    "Gateway::gateway": {
        "kubernetes:core/v1:Namespace::istio-ingress",
        "kubernetes:helm.sh/v3:Release::inference-gateway",
        "kubernetes:core/v1:Service::inference-gateway",
        "kubernetes:gateway.networking.k8s.io/v1:Gateway::inference-gateway",
        f"{COMPONENT}Limits::limits",
        f"{COMPONENT}Https::https",
        f"{POLICY}istio-ingress.proxy",
        f"{POLICY}istio-ingress.default-deny",
        f"{READ}istio-ingress.inference-gateway",
        "kubernetes:telemetry.istio.io/v1:Telemetry::clients",
    },
    "Https::https": {
        "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute::to-https",
        "kubernetes:cert-manager.io/v1:Issuer::self-signed-issuer",
        "kubernetes:cert-manager.io/v1:Certificate::gateway-authority",
        "kubernetes:cert-manager.io/v1:Issuer::gateway-authority-issuer",
        "kubernetes:cert-manager.io/v1:Certificate::gateway-tls",
        "kubernetes:cert-manager.io/v1:CertificateRequest::gateway-trust",
    },
    "Limits::limits": {
        "kubernetes:networking.istio.io/v1alpha3:EnvoyFilter::limits",
        "kubernetes:security.istio.io/v1:AuthorizationPolicy::no-upgrades",
    },
    "Access::access": {
        "kubernetes:security.istio.io/v1:RequestAuthentication::keys",
        "kubernetes:security.istio.io/v1:AuthorizationPolicy::nothing",
        "kubernetes:security.istio.io/v1:AuthorizationPolicy::keys",
        "kubernetes:networking.istio.io/v1alpha3:EnvoyFilter::refusals",
    },
    f"Predictor::{MODEL}": {
        f"kubernetes:core/v1:Secret::{MODEL}",
        f"kubernetes:core/v1:ServiceAccount::{MODEL}",
        f"kubernetes:policy/v1:PodDisruptionBudget::{MODEL}.vllm",
        f"kubernetes:policy/v1:PodDisruptionBudget::{MODEL}.picker",
        f"kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService::{MODEL}",
        f"{POLICY}{MODEL}.qwen2-3b-pattern1-vllm",
        f"{POLICY}{MODEL}.qwen2-3b-pattern1-picker",
        f"{READ}{MODEL}.qwen2-3b-pattern1-vllm",
        f"{READ}{MODEL}.qwen2-3b-pattern1-picker",
    },
    "Monitoring::tpu-inference": {
        "gcp:monitoring/dashboard:Dashboard::tpu-inference",
        f"gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig::tpu-inference.{MODEL}",
        f"gcp:monitoring/alertPolicy:AlertPolicy::tpu-inference.{MODEL}.EndpointDown",
        *(
            f"gcp:monitoring/alertPolicy:AlertPolicy::tpu-inference.{alert}"
            for alert in (
                *("AvailabilityFast", "AvailabilitySlow", "FirstTokenFast", "FirstTokenSlow", "NoCapacity"),
                *("ReplicasMissing", "NotWoken", "Restarting", "CacheFull", "CertificateEnds"),
            )
        ),
    },
}

GRANT = "gcp:storage/bucketIAMMember:BucketIAMMember::"
OTHERS: dict[str, Any] = {
    "models": [
        {**STACK_MODEL, "name": "qwen", "namespace": "demo", "uri": f"hf://Qwen/Qwen3-8B:{'a' * 40}"},
        {**STACK_MODEL, "uri": f"hf://Qwen/Qwen3-8B:{'b' * 40}", "paused": True},
    ],
    **{"compileCache": "own", "weightsCache": True, "tpuCapacity": ["on-demand", "spot"], "tpuMaxNodes": 2},
}
"""What prod has not."""
OF_OTHER_COMPONENTS = {
    "ComputeClasses::capacity": {"kubernetes:cloud.google.com/v1:ComputeClass::tpu-v6e-4"},
    "Copy::demo.qwen": {
        "kubernetes:batch/v1:Job::demo.qwen-copy",
        "kubernetes:core/v1:ServiceAccount::demo.qwen-copy",
    },
    f"Pause::{MODEL}": {
        f"kubernetes:core/v1:Service::{MODEL}",
        f"kubernetes:gateway.networking.k8s.io/v1:HTTPRoute::{MODEL}",
    },
    "Storage::storage": {
        "gcp:storage/bucket:Bucket::compile-cache",
        "gcp:storage/bucket:Bucket::weights",
        *(f"{GRANT}{what}.{whose}" for what in ("compile-cache", "weights") for whose in ("demo.qwen", MODEL)),
        f"{GRANT}weights.demo.qwen-weights-copy",
    },
}


@pytest.mark.parametrize("component", OF_COMPONENTS)
def test_resources_of_a_component_keep_their_names(run: Run, component: str) -> None:
    everything = run("prod", secrets=("huggingFaceToken",), huggingFaceToken="hf_of_a_test")
    parent = f"${COMPONENT}{component}"
    assert {f"{r.type}::{r.name}" for r in everything if r.request.parent.endswith(parent)} == OF_COMPONENTS[component]


@pytest.mark.parametrize("component", OF_OTHER_COMPONENTS)
def test_resources_of_a_component_that_prod_has_not_keep_their_names(run: Run, component: str) -> None:
    everything = run(**OTHERS)
    parent = f"{COMPONENT}{component}"
    found = {f"{r.type}::{r.name}" for r in everything if r.request.parent.split("$")[-1].endswith(parent)}
    assert found == OF_OTHER_COMPONENTS[component]


def test_components_keep_their_names(run: Run) -> None:
    of_ours = {f"{r.type}::{r.name}" for r in run("prod") if r.type.startswith(COMPONENT)}
    assert of_ours == {f"{COMPONENT}{component}" for component in OF_COMPONENTS}
