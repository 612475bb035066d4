"""Every pinned chart, image and version floor, in one place.

What moves together: KServe's three charts share a version; Istio's three charts share a version, at least 1.29 (the
first with beta support for InferencePool v1, https://github.com/kserve/kserve/issues/5007 tells what older ones do).
"""

from typing import NamedTuple


class Chart(NamedTuple):
    """A Helm chart: `source` is an OCI prefix (`oci://...`) or the URL of a classic chart repository."""

    name: str
    version: str
    source: str


_ISTIO = "https://istio-release.storage.googleapis.com/charts"
_KSERVE = "oci://ghcr.io/kserve/charts"

ISTIO_BASE = Chart("base", "1.31.1", _ISTIO)
ISTIOD = Chart("istiod", "1.31.1", _ISTIO)
ISTIO_GATEWAY = Chart("gateway", "1.31.1", _ISTIO)
CERT_MANAGER = Chart("cert-manager", "v1.19.1", "oci://quay.io/jetstack/charts")
KSERVE_CRD = Chart("kserve-llmisvc-crd", "v0.20.0", _KSERVE)
KSERVE_CONTROLLER = Chart("kserve-llmisvc-resources", "v0.20.0", _KSERVE)
KSERVE_PRESETS = Chart("kserve-runtime-configs", "v0.20.0", _KSERVE)

CHARTS = (ISTIO_BASE, ISTIOD, ISTIO_GATEWAY, CERT_MANAGER, KSERVE_CRD, KSERVE_CONTROLLER, KSERVE_PRESETS)

VLLM_TPU_IMAGE = "docker.io/vllm/vllm-tpu:v0.27.0"
"""Release component of llm-d for TPU; runs as root, and its entrypoint runs its arguments."""

GKE_FLOOR = "1.31.2-gke.1115000"
"""First GKE version with v6e on Standard clusters (https://cloud.google.com/kubernetes-engine/docs/concepts/tpus)."""
