"""Every pinned version, chart and image, in one place; `compatibility.py` knows which go together.

Istio publishes its charts from 1.31 on in this registry alone
(https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/).
"""

from typing import NamedTuple


class Chart(NamedTuple):
    """A Helm chart: `source` is an OCI prefix (`oci://...`), or the address of a repository of charts (`https://...`)."""

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
"""What every stack installs."""

KEDA_VERSION = {"KEDA": "2.21.0"}
KEDA = Chart("keda", KEDA_VERSION["KEDA"], "https://kedacore.github.io/charts")
"""What a stack installs beside them if a model is autoscaled. Its publisher has it in no OCI registry
(https://keda.sh/docs/2.21/deploy/)."""


def versions(*, autoscaled: bool) -> dict[str, str]:
    """The version of each product that a stack installs."""
    return {**VERSIONS, **(KEDA_VERSION if autoscaled else {})}


VLLM_TPU_IMAGE = "docker.io/vllm/vllm-tpu:v0.27.0"
"""Release component of llm-d for TPU; runs as root, and its entrypoint runs its arguments."""
ENDPOINT_PICKER_IMAGE = "ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.9.0"
"""The one of KServe's presets, which have no value for it."""

DISTROLESS = "distroless"
"""The variant of Istio's images that has no shell and no packages; it stands behind the version in their tags."""

ISTIO_HUB = "docker.io/istio"
"""Where Istio's images are, named to its chart in any case: `registry.istio.io`, which 1.30 took by itself, has none of
1.31 and is switched off in December 2026 (https://istio.io/latest/blog/2026/retirement-of-gcp/)."""

_ISTIO_IMAGES = tuple(
    f"{ISTIO_HUB}/{name}:{tag}"
    for tag in (VERSIONS["Istio"], f"{VERSIONS['Istio']}-{DISTROLESS}")
    for name in ("pilot", "proxyv2")
)
CERT_MANAGER_IMAGES = {
    part: f"quay.io/jetstack/cert-manager-{part}:{VERSIONS['cert-manager']}"
    for part in ("controller", "webhook", "cainjector", "acmesolver", "startupapicheck")
}
_KSERVE_CONTROLLER_IMAGE = f"docker.io/kserve/llmisvc-controller:{VERSIONS['KServe']}"
STORAGE_INITIALIZER_IMAGE = f"docker.io/kserve/storage-initializer:{VERSIONS['KServe']}"
"""What downloads a model's weights, in its Pod before vLLM; the smaller of the two images that a TPU node pulls."""

KEDA_IMAGES = tuple(
    f"ghcr.io/kedacore/{name}:{KEDA_VERSION['KEDA']}"
    for name in ("keda", "keda-metrics-apiserver", "keda-admission-webhooks")
)
"""What a stack pulls beside `IMAGES` if a model is autoscaled."""

IMAGES = (
    *(VLLM_TPU_IMAGE, ENDPOINT_PICKER_IMAGE, *_ISTIO_IMAGES, *CERT_MANAGER_IMAGES.values()),
    *(_KSERVE_CONTROLLER_IMAGE, STORAGE_INITIALIZER_IMAGE),
)
"""Every image that a stack may pull, but those of GKE itself and of `oci://` models. The charts name most of them. Of
Istio's it pulls one variant: with `isolation` the distroless one, whose digests are others."""

DIGESTS = {
    # https://github.com/CMBAgents/open-r1-tpu (src/open_r1_tpu/evaluation_stack.py)
    VLLM_TPU_IMAGE: "sha256:d6748bc7b1b020ab6411506d4bf30f8bfabb5db2b8505328f26d1a545b479df8",
    # https://github.com/sands-lab/nika (src/nika/net_env/llmd_lab/lab.py)
    ENDPOINT_PICKER_IMAGE: "sha256:873179822ab0895a37ea09f2112ca39a6ae50a26612561c8bfad7f9a8c5af6f5",
    # https://github.com/OpenLakeForge/openlakeforge (docs/release/compatibility-matrix.md)
    CERT_MANAGER_IMAGES["controller"]: "sha256:70f532fd9cfde0b09d55687200942399d89838bc2d5d5b45152eb799a15912b8",
    CERT_MANAGER_IMAGES["webhook"]: "sha256:a60e2dac46dbb8a7f3df95c54ce941012f54c2fe022f0ee55aaa1ab40ed957ae",
    CERT_MANAGER_IMAGES["cainjector"]: "sha256:c85268c64f2e0e76684bf5fe8906caff34b82523561c6affe0fae3546bd87562",
    CERT_MANAGER_IMAGES["acmesolver"]: "sha256:699b40d622211ab7accad8a21b04c5fbaa1841ef7a12621e8de492dbe27b2503",
    CERT_MANAGER_IMAGES["startupapicheck"]: "sha256:46e75b6866359ffb5d82624f41e3ed1c70b2994982702ced547ce5edb418a8f5",
}
"""What tags are, as repositories say that pin by them; no registry was asked. Of images that are not here, nobody was
found to say it: docs/unproven.md has the command that shows a digest. A pin that moves loses its digest."""
