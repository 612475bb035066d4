"""KServe and what it needs."""

from collections.abc import Sequence
from typing import Any

import pulumi

from infra.releases.pins import CERT_MANAGER, KSERVE_CONTROLLER, KSERVE_CRD, KSERVE_PRESETS
from infra.settings.schema import Settings

from . import metrics
from .autoscaler import Autoscaler
from .charts import release
from .isolation import of_cert_manager, of_kserve
from .names import CERT_MANAGER as CERTIFICATES
from .names import KSERVE
from .namespaces import namespace
from .tls import LETS_ENCRYPT

NAMESPACE = KSERVE


def cert_manager_values(settings: Settings) -> dict[str, Any]:
    """The values of cert-manager's chart. By default it leaves the Gateway API alone, by which it answers challenges
    (https://cert-manager.io/docs/configuration/acme/http01/#configuring-the-http-01-gateway-api-solver)."""
    gateway_api = {"config": {"gatewayAPI": {"enabled": True}}} if settings.tls == LETS_ENCRYPT else {}
    return {"crds": {"enabled": True}} | gateway_api


class Serving(pulumi.ComponentResource):
    """KServe's LLMInferenceService: API, controller and presets.

    Makes the namespaces `cert-manager` and `kserve`, cert-manager (it signs the webhooks' certificates, and with `tls`
    the gateway's) and KServe's three charts in their order: CRDs, controller, presets. It makes no serving runtimes and
    none of KServe's other APIs.

    The controller may delete its own presets (`PREVENT_WELL_KNOWN_CONFIG_DELETION`), or its webhook would refuse the
    teardown. It runs models from `oci://` as root, like all others, as the vLLM image wants. Its chart takes
    ownership of what exists, as GKE 1.34 and newer ship the InferencePool CRD that it carries. With `isolation`,
    NetworkPolicies leave both namespaces nothing but the API server and its webhooks. With `monitoring`,
    cert-manager gets a PodMonitoring. If a model is autoscaled, what does that is beside it (`Autoscaler`).

    `cluster` is the cluster's id; another one replaces everything.
    """

    scalers: Sequence[pulumi.Resource]
    """What has to be there as long as something is scaled."""

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Serving", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        certificates, signing = namespace(
            CERTIFICATES, "restricted", of_cert_manager(settings), settings=settings, opts=child
        )
        kserve, closed = namespace(NAMESPACE, "restricted", of_kserve(settings), settings=settings, opts=child)

        cert_manager = release(
            CERT_MANAGER,
            name="cert-manager",
            namespace=certificates.metadata.name,
            mirror=settings.chart_mirror,
            values=settings.values(CERT_MANAGER, cert_manager_values(settings)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=signing, replacement_trigger=cluster),
        )
        self._kserve(settings, cluster, kserve.metadata.name, after=[cert_manager, *closed])
        if settings.monitoring:
            metrics.made(
                CERTIFICATES,
                metrics.of_cert_manager(),
                namespace=certificates.metadata.name,
                opts=child,
                after=[cert_manager],
            )
        below = pulumi.ResourceOptions(parent=self)
        scaler = (
            Autoscaler("autoscaler", settings=settings, cluster=cluster, opts=below) if settings.autoscaled else None
        )
        self.scalers = scaler.made if scaler else []
        self.register_outputs({})

    def _kserve(
        self,
        settings: Settings,
        cluster: pulumi.Input[str],
        namespace: pulumi.Input[str],
        *,
        after: Sequence[pulumi.Resource],
    ) -> None:
        """The three charts in their order; the controller comes after what its webhooks need."""
        crds = release(
            KSERVE_CRD,
            name=KSERVE_CRD.name,
            namespace=namespace,
            mirror=settings.chart_mirror,
            values={},
            opts=pulumi.ResourceOptions(parent=self, replacement_trigger=cluster),
        )
        controller = release(
            KSERVE_CONTROLLER,
            name=KSERVE_CONTROLLER.name,
            namespace=namespace,
            mirror=settings.chart_mirror,
            values=settings.values(
                KSERVE_CONTROLLER,
                {
                    "kserve": {
                        "llmisvc": {
                            "controller": {"env": [{"name": "PREVENT_WELL_KNOWN_CONFIG_DELETION", "value": "false"}]}
                        },
                        "storage": {"uidModelcar": 0},
                    }
                },
            ),
            take_ownership=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[crds, *after], replacement_trigger=cluster),
        )
        release(
            KSERVE_PRESETS,
            name=KSERVE_PRESETS.name,
            namespace=namespace,
            mirror=settings.chart_mirror,
            values={"kserve": {"llmisvcConfigs": {"enabled": True}, "servingruntime": {"enabled": False}}},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[controller], replacement_trigger=cluster),
        )
