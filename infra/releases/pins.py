"""Every pinned version, chart and image, in one place; `compatibility.py` knows which go together.

Istio publishes its charts from 1.31 on in this registry alone
(https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/).
"""

from typing import NamedTuple


class Chart(NamedTuple):
    """A Helm chart: `source` is an OCI prefix (`oci://...`)."""

    name: str
    version: str
    source: str


VERSIONS = {"Istio": "1.31.4", "cert-manager": "v1.21.2", "KServe": "v0.20.0"}
"""The version of each product, which all its charts have."""

_ISTIO = "oci://ghcr.io/istio/release/charts"
_KSERVE = "oci://ghcr.io/kserve/charts"

ISTIO_BASE = Chart("base", VERSIONS["Istio"], _ISTIO)
ISTIOD = Chart("istiod", VERSIONS["Istio"], _ISTIO)
ISTIO_GATEWAY = Chart("gateway", VERSIONS["Istio"], _ISTIO)
CERT_MANAGER = Chart("cert-manager", VERSIONS["cert-manager"], "oci://quay.io/jetstack/charts")
KSERVE_CRD = Chart("kserve-llmisvc-crd", VERSIONS["KServe"], _KSERVE)
KSERVE_CONTROLLER = Chart("kserve-llmisvc-resources", VERSIONS["KServe"], _KSERVE)
KSERVE_PRESETS = Chart("kserve-runtime-configs", VERSIONS["KServe"], _KSERVE)

CHARTS = (ISTIO_BASE, ISTIOD, ISTIO_GATEWAY, CERT_MANAGER, KSERVE_CRD, KSERVE_CONTROLLER, KSERVE_PRESETS)

VLLM_TPU_IMAGE = "docker.io/vllm/vllm-tpu:v0.27.0"
"""Release component of llm-d for TPU; runs as root, and its entrypoint runs its arguments."""
