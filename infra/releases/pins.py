"""Every pinned chart and image, in one place; `compatibility.py` knows which go together.

Istio publishes its charts from 1.31 on in this registry alone
(https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/).
"""

from typing import NamedTuple


class Chart(NamedTuple):
    """A Helm chart: `source` is an OCI prefix (`oci://...`)."""

    name: str
    version: str
    source: str


_ISTIO = "oci://ghcr.io/istio/release/charts"
_KSERVE = "oci://ghcr.io/kserve/charts"

ISTIO_BASE = Chart("base", "1.31.4", _ISTIO)
ISTIOD = Chart("istiod", "1.31.4", _ISTIO)
ISTIO_GATEWAY = Chart("gateway", "1.31.4", _ISTIO)
CERT_MANAGER = Chart("cert-manager", "v1.21.2", "oci://quay.io/jetstack/charts")
KSERVE_CRD = Chart("kserve-llmisvc-crd", "v0.20.0", _KSERVE)
KSERVE_CONTROLLER = Chart("kserve-llmisvc-resources", "v0.20.0", _KSERVE)
KSERVE_PRESETS = Chart("kserve-runtime-configs", "v0.20.0", _KSERVE)

CHARTS = (ISTIO_BASE, ISTIOD, ISTIO_GATEWAY, CERT_MANAGER, KSERVE_CRD, KSERVE_CONTROLLER, KSERVE_PRESETS)

VLLM_TPU_IMAGE = "docker.io/vllm/vllm-tpu:v0.27.0"
"""Release component of llm-d for TPU; runs as root, and its entrypoint runs its arguments."""
