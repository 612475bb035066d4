"""The Hugging Face token, as a Pod that downloads weights gets it."""

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.schema import Settings

VARIABLE = "HF_TOKEN"
"""The variable that `huggingface_hub` reads, and the key in the Secret, by which KServe finds it."""


def secret(
    name: str, *, called: str, settings: Settings, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> k8s.core.v1.Secret | None:
    """The Secret with the token, if there is one. It is `called` by a fixed name, as Pods name it."""
    token = settings.hugging_face_token.get_secret_value()
    if not token:
        return None
    return k8s.core.v1.Secret(
        name,
        metadata={"name": called, "namespace": namespace},
        string_data={VARIABLE: pulumi.Output.secret(token)},
        opts=opts,
    )
