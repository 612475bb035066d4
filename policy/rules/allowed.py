"""What a stack may be made of. What is not here is refused: whoever adds something says so in these lists.

They stand here and not in the stack file, because the stack file is what is judged.
"""

STACK, BOOTSTRAP = "gke-tpu-inference", "gke-tpu-inference-bootstrap"
"""The Pulumi projects, by the name in their Pulumi.yaml. Another one may do what the stacks may."""

TYPES = {
    STACK: frozenset(
        {
            "gcp:artifactregistry/repository:Repository",
            "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
            "gcp:billing/budget:Budget",
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
            "gcp:monitoring/alertPolicy:AlertPolicy",
            "gcp:monitoring/dashboard:Dashboard",
            "gcp:monitoring/notificationChannel:NotificationChannel",
            "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig",
            "gcp:projects/iAMMember:IAMMember",
            "gcp:projects/service:Service",
            "gcp:projects/serviceIdentity:ServiceIdentity",
            "gcp:serviceaccount/account:Account",
            "gcp:storage/bucket:Bucket",
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
            "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
            "kubernetes:batch/v1:Job",
            "kubernetes:cert-manager.io/v1:Certificate",
            "kubernetes:cert-manager.io/v1:CertificateRequest",
            "kubernetes:cert-manager.io/v1:Issuer",
            "kubernetes:cloud.google.com/v1:ComputeClass",
            "kubernetes:core/v1:Namespace",
            "kubernetes:core/v1:PersistentVolume",
            "kubernetes:core/v1:PersistentVolumeClaim",
            "kubernetes:core/v1:Secret",
            "kubernetes:core/v1:Service",
            "kubernetes:core/v1:ServiceAccount",
            "kubernetes:gateway.networking.k8s.io/v1:Gateway",
            "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
            "kubernetes:helm.sh/v3:Release",
            "kubernetes:monitoring.googleapis.com/v1:PodMonitoring",
            "kubernetes:keda.sh/v1alpha1:ClusterTriggerAuthentication",
            "kubernetes:keda.sh/v1alpha1:ScaledObject",
            "kubernetes:networking.istio.io/v1alpha3:EnvoyFilter",
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            "kubernetes:policy/v1:PodDisruptionBudget",
            "kubernetes:scheduling.k8s.io/v1:PriorityClass",
            "kubernetes:security.istio.io/v1:AuthorizationPolicy",
            "kubernetes:security.istio.io/v1:RequestAuthentication",
            "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService",
            "kubernetes:telemetry.istio.io/v1:Telemetry",
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
            "gcp:monitoring/alertPolicy:AlertPolicy",
            "gcp:monitoring/notificationChannel:NotificationChannel",
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
            "roles/monitoring.viewer",
            "roles/serviceusage.serviceUsageConsumer",
            "roles/storage.objectUser",
            "roles/storage.objectViewer",
        }
    ),
    BOOTSTRAP: frozenset(
        {
            "roles/artifactregistry.editor",
            "roles/artifactregistry.reader",
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
            "roles/monitoring.alertPolicyEditor",
            "roles/monitoring.alertPolicyViewer",
            "roles/monitoring.dashboardEditor",
            "roles/monitoring.dashboardViewer",
            "roles/monitoring.notificationChannelEditor",
            "roles/monitoring.notificationChannelViewer",
            "roles/monitoring.uptimeCheckConfigEditor",
            "roles/monitoring.uptimeCheckConfigViewer",
            "roles/serviceusage.serviceUsageAdmin",
            "roles/serviceusage.serviceUsageConsumer",
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
_MACHINES = (
    r"serviceAccount:[a-z0-9-]+@DOMAIN\.iam\.gserviceaccount\.com",
    r"serviceAccount:PROJECT\.svc\.id\.goog\[[a-z0-9./-]+\]",
    r"serviceAccount:service-\d+@container-engine-robot\.iam\.gserviceaccount\.com",
)
MEMBERS = {
    STACK: _MACHINES,
    BOOTSTRAP: (
        *_MACHINES,
        r"principalSet://iam\.googleapis\.com/projects/[^/]+/locations/global/workloadIdentityPools/[^/]+/attribute\..+",
    ),
}
"""Whom: accounts and Pods of the project of the provider or of what is granted, and GKE's agent; in bootstrap workflows
too, by an attribute of their token. No user, no group, no domain, and not everybody. A project's number stands for no
ID here, so whose agent or pool it is no rule knows, and a provider of another project is one more in the preview."""
ISSUER = "https://token.actions.githubusercontent.com"
"""Whose tokens bootstrap's provider takes: GitHub's."""

CHARTS = {
    "https://kedacore.github.io/charts/keda": frozenset({"global", "permissions", "rbac", "serviceAccount"}),
    "oci://ghcr.io/istio/release/charts/base": frozenset[str](),
    "oci://ghcr.io/istio/release/charts/gateway": frozenset(
        {
            *("autoscaling", "env", "labels", "podAnnotations", "podDisruptionBudget", "securityContext", "service"),
            *("terminationGracePeriodSeconds", "topologySpreadConstraints"),
        }
    ),
    "oci://ghcr.io/istio/release/charts/istiod": frozenset({"global", "meshConfig", "pilot"}),
    "oci://ghcr.io/kserve/charts/kserve-llmisvc-crd": frozenset[str](),
    "oci://ghcr.io/kserve/charts/kserve-llmisvc-resources": frozenset({"kserve"}),
    "oci://ghcr.io/kserve/charts/kserve-runtime-configs": frozenset({"kserve"}),
    "oci://quay.io/jetstack/charts/cert-manager": frozenset(
        {"acmesolver", "cainjector", "config", "crds", "image", "imageRegistry", "startupapicheck", "webhook"}
    ),
}
"""Charts that may be installed, by where `infra/releases/pins.py` takes them from: a registry, or a repository of
charts, which stands beside the chart's name in a release. And which of its values may be set, by their first keys:
others, as `extraObjects`, have the chart make what no rule sees."""
CHART_MIRRORS: tuple[str, ...] = ()
"""Where else they may come from: a stack with the setting `chartMirror` has its value here too. Under a mirror each
chart has its own name, and a directory is one that the machine which runs `pulumi` has."""

REGISTRIES = (
    "docker.io/istio/",
    "docker.io/kserve/",
    "docker.io/vllm/",
    "ghcr.io/kedacore/",
    "ghcr.io/llm-d/",
    "quay.io/jetstack/",
)
"""Where images may come from, by the beginning of their names, also by way of a remote repository of the stack's."""
IMAGE_REGISTRIES: tuple[str, ...] = ()
"""Where else: a registry of one's own, in the setting `imageRegistry`, is here too."""

CAPABILITIES = frozenset({"SYS_RESOURCE"})
"""What a container may add: libtpu locks memory."""
