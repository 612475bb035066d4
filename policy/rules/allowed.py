"""What a stack may be made of. What is not here is refused: whoever adds something says so in these lists.

They stand here and not in the stack file, because the stack file is what is judged.
"""

STACK, BOOTSTRAP = "gke-tpu-inference", "gke-tpu-inference-bootstrap"
"""The Pulumi projects, by the name in their Pulumi.yaml. Another one may do what the stacks may."""

TYPES = {
    STACK: frozenset(
        {
            "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
            "gcp:compute/address:Address",
            "gcp:compute/firewall:Firewall",
            "gcp:compute/network:Network",
            "gcp:compute/router:Router",
            "gcp:compute/routerNat:RouterNat",
            "gcp:compute/subnetwork:Subnetwork",
            "gcp:container/cluster:Cluster",
            "gcp:container/nodePool:NodePool",
            "gcp:dns/recordSet:RecordSet",
            "gcp:kms/cryptoKey:CryptoKey",
            "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
            "gcp:kms/keyRing:KeyRing",
            "gcp:projects/iAMMember:IAMMember",
            "gcp:projects/service:Service",
            "gcp:projects/serviceIdentity:ServiceIdentity",
            "gcp:serviceaccount/account:Account",
            "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
            "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
            "kubernetes:cert-manager.io/v1:Certificate",
            "kubernetes:cert-manager.io/v1:CertificateRequest",
            "kubernetes:cert-manager.io/v1:Issuer",
            "kubernetes:core/v1:Namespace",
            "kubernetes:core/v1:Secret",
            "kubernetes:core/v1:Service",
            "kubernetes:core/v1:ServiceAccount",
            "kubernetes:gateway.networking.k8s.io/v1:Gateway",
            "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
            "kubernetes:helm.sh/v3:Release",
            "kubernetes:networking.istio.io/v1alpha3:EnvoyFilter",
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            "kubernetes:policy/v1:PodDisruptionBudget",
            "kubernetes:security.istio.io/v1:AuthorizationPolicy",
            "kubernetes:security.istio.io/v1:RequestAuthentication",
            "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService",
            "pulumi:providers:gcp",
            "pulumi:providers:kubernetes",
            "pulumi:pulumi:Stack",
        }
    ),
    BOOTSTRAP: frozenset(
        {
            "gcp:iam/workloadIdentityPool:WorkloadIdentityPool",
            "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
            "gcp:kms/cryptoKey:CryptoKey",
            "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
            "gcp:kms/keyRing:KeyRing",
            "gcp:projects/iAMAuditConfig:IAMAuditConfig",
            "gcp:projects/iAMCustomRole:IAMCustomRole",
            "gcp:projects/iAMMember:IAMMember",
            "gcp:projects/iamMemberRemove:IamMemberRemove",
            "gcp:projects/service:Service",
            "gcp:projects/serviceIdentity:ServiceIdentity",
            "gcp:serviceaccount/account:Account",
            "gcp:serviceaccount/iAMMember:IAMMember",
            "gcp:storage/bucket:Bucket",
            "gcp:storage/managedFolder:ManagedFolder",
            "gcp:storage/managedFolderIamMember:ManagedFolderIamMember",
            "pulumi:providers:gcp",
            "pulumi:pulumi:Stack",
        }
    ),
}
"""Every type of resource, by project. Components (`OWN`) make nothing themselves."""
OWN = "gke-tpu-inference:infra:"

ROLES = {
    STACK: frozenset(
        {
            "roles/artifactregistry.reader",
            "roles/cloudkms.cryptoKeyEncrypterDecrypter",
            "roles/container.defaultNodeServiceAccount",
        }
    ),
    BOOTSTRAP: frozenset(
        {
            "roles/cloudkms.cryptoKeyDecrypter",
            "roles/cloudkms.cryptoKeyEncrypterDecrypter",
            "roles/compute.loadBalancerAdmin",
            "roles/compute.networkAdmin",
            "roles/compute.securityAdmin",
            "roles/compute.viewer",
            "roles/container.admin",
            "roles/container.defaultNodeServiceAccount",
            "roles/container.viewer",
            "roles/dns.admin",
            "roles/dns.reader",
            "roles/iam.serviceAccountUser",
            "roles/iam.workloadIdentityUser",
            "roles/serviceusage.serviceUsageAdmin",
            "roles/serviceusage.serviceUsageViewer",
            "roles/storage.objectUser",
            "roles/storage.objectViewer",
        }
    ),
}
"""Roles that may be granted, by project. bootstrap's are those of `bootstrap/identities.py`, and the nodes'."""
CUSTOM_ROLES = {
    "pulumiDriftSecrets": frozenset({"container.secrets.get", "container.secrets.list"}),
}
"""Roles that bootstrap makes, by id, and the most that they may permit."""
MEMBERS = (
    r"serviceAccount:[^\s]+",
    r"principalSet://iam\.googleapis\.com/projects/[^/]+/locations/global/workloadIdentityPools/[^/]+/attribute\..+",
)
"""Whom: machines, and workflows by an attribute of their token. No user, no group, no domain, and not everybody."""

CHARTS = frozenset(
    {
        "oci://ghcr.io/istio/release/charts/base",
        "oci://ghcr.io/istio/release/charts/gateway",
        "oci://ghcr.io/istio/release/charts/istiod",
        "oci://ghcr.io/kserve/charts/kserve-llmisvc-crd",
        "oci://ghcr.io/kserve/charts/kserve-llmisvc-resources",
        "oci://ghcr.io/kserve/charts/kserve-runtime-configs",
        "oci://quay.io/jetstack/charts/cert-manager",
    }
)
"""Charts that may be installed, by where `infra/releases/pins.py` takes them from."""
CHART_MIRRORS: tuple[str, ...] = ()
"""Where else they may come from: a stack with the setting `chartMirror` has its value here too. Under a mirror each
chart has its own name, and a directory is one that the machine which runs `pulumi` has."""

REGISTRIES = (
    "docker.io/kserve/",
    "docker.io/vllm/",
    "ghcr.io/llm-d/",
    "quay.io/jetstack/",
    "registry.istio.io/release/",
)
"""Where images may come from, by the beginning of their names."""
IMAGE_REGISTRIES: tuple[str, ...] = ()
"""Where else: a stack with the setting `imageRegistry` has its value here too."""

CAPABILITIES = frozenset({"SYS_RESOURCE"})
"""What a container may add: libtpu locks memory."""
