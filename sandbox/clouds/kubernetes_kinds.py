"""The types of Kubernetes that the sandbox knows more of than their names, and what the API server has by itself."""

from .inventory import Item

RELEASE = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:core/v1:Service"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
JOB = "kubernetes:batch/v1:Job"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
ISSUER = "kubernetes:cert-manager.io/v1:Issuer"
CERTIFICATE = "kubernetes:cert-manager.io/v1:Certificate"
CERTIFICATE_REQUEST = "kubernetes:cert-manager.io/v1:CertificateRequest"
COMPUTE_CLASS = "kubernetes:cloud.google.com/v1:ComputeClass"
VOLUME = "kubernetes:core/v1:PersistentVolume"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
SCALED_OBJECT = "kubernetes:keda.sh/v1alpha1:ScaledObject"
TRIGGER_AUTHENTICATION = "kubernetes:keda.sh/v1alpha1:ClusterTriggerAuthentication"
LLM = "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"

BUILT_IN_GROUPS = {
    *("core", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io"),
    *("storage.k8s.io", "scheduling.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io"),
    *("networking.gke.io", "monitoring.googleapis.com", "cloud.google.com"),
}
CLUSTER_SCOPED = {
    *("Namespace", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"),
    *("StorageClass", "PriorityClass", "GatewayClass", "ClusterIssuer", "ComputeClass"),
    "ClusterTriggerAuthentication",
    *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
    *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
}


def kind_of(item: Item) -> str:
    """The kind as Kubernetes says it."""
    return item.kind.rsplit(":", 1)[-1]
