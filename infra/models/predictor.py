"""One model, served."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.platform.gateway import Gateway
from infra.platform.isolation import of_model
from infra.platform.network_policies import network_policies
from infra.releases import pins
from infra.settings.model import Model
from infra.settings.schema import Settings

from . import timing
from .disruption import budgets
from .endpoint_picker import scheduler
from .pod import pod_template
from .routes import rules

REPLACING = (
    *("spec.template", "spec.model", "spec.router.gateway", "spec.router.route"),
    "spec.router.scheduler.template.containers",
)
"""What replaces an LLMInferenceService when it changes."""


def service_spec(
    model: Model, settings: Settings, *, service_account: pulumi.Input[str], gateway: Mapping[str, pulumi.Input[str]]
) -> dict[str, Any]:
    """The spec of a model's LLMInferenceService, behind a gateway of this name and namespace."""
    return {
        "model": {"uri": model.uri, "name": model.names[-1]},
        "replicas": model.replicas,
        "template": {
            **pod_template(model, settings.slice, settings.image(pins.VLLM_TPU_IMAGE), isolated=settings.isolation),
            "serviceAccountName": service_account,
        },
        "router": {
            "gateway": {"refs": [gateway]},
            "scheduler": scheduler(
                model,
                settings.router_replicas,
                settings.image(pins.ENDPOINT_PICKER_IMAGE),
                isolated=settings.isolation,
            ),
            "route": {"http": {"spec": {"parentRefs": [gateway], "rules": rules(model.namespace, model.name)}}},
        },
    }


class Predictor(pulumi.ComponentResource):
    """A model behind the gateway at `/<namespace>/<name>`.

    Makes the Pods' service account, a Secret with the Hugging Face token if there is one, and the
    LLMInferenceService, from which KServe makes Deployment, endpoint picker, InferencePool and HTTPRoute. It waits
    until the service is Ready, so `pulumi up` ends when the endpoint answers. It makes no namespace, as two models
    may share one. The vLLM Pods and the pickers each get a disruption budget if there are two or more of them, and with
    `isolation` a NetworkPolicy.

    A change of the Pods, the model or the route replaces the service, the old one first: KServe v0.20 would surge
    onto a second slice, and its Ready stays true from the old Pod while the new one fails. The replicas of the model
    and of the picker (`router_replicas`) change in place.

    `hugging_face_token` reaches nothing but the Secret. `cluster` is the cluster's id; another one replaces everything.
    """

    def __init__(
        self,
        name: str,
        *,
        model: Model,
        settings: Settings,
        cluster: pulumi.Input[str],
        namespace: pulumi.Input[str],
        gateway: Gateway,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Predictor", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        secrets: list[k8s.core.v1.ObjectReferenceArgsDict] | None = None
        if token := settings.hugging_face_token.get_secret_value():
            # KServe hands a token to the storage initializer if it stands under this key in a Secret that the service
            # account lists, and copies the list to the endpoint picker's account. It writes the Secret's name into the
            # Deployment: a generated name would roll the Pods, onto a second slice, with every new token.
            secret = k8s.core.v1.Secret(
                name,
                metadata={"name": f"{model.name}-hugging-face", "namespace": namespace},
                string_data={"HF_TOKEN": pulumi.Output.secret(token)},
                opts=child,
            )
            secrets = [{"name": secret.metadata.name}]
        account = k8s.core.v1.ServiceAccount(
            name, metadata={"name": model.name, "namespace": namespace}, secrets=secrets, opts=child
        )
        for what, budget in budgets(model, settings.router_replicas).items():
            k8s.policy.v1.PodDisruptionBudget(
                f"{name}.{what}",
                metadata={"name": f"{model.name}-{what}", "namespace": namespace},
                spec=budget,
                opts=child,
            )
        flows = network_policies(
            of_model(model, settings), settings=settings, prefix=name, namespace=namespace, opts=child
        )
        patience = f"{timing.ready_timeout() // 60}m"
        k8s.apiextensions.CustomResource(
            name,
            api_version="serving.kserve.io/v1alpha2",
            kind="LLMInferenceService",
            metadata={
                "name": model.name,
                "namespace": namespace,
                "annotations": {"pulumi.com/waitFor": "condition=Ready"},
            },
            spec=service_spec(
                model,
                settings,
                service_account=account.metadata.name,
                gateway={"name": gateway.name, "namespace": gateway.namespace},
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=flows,
                replacement_trigger=cluster,
                custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience),
                replace_on_changes=list(REPLACING),
                delete_before_replace=True,
            ),
        )
        self.register_outputs({})
