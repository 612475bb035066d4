"""What HTTPS takes beside the gateway's listener."""

import base64
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.schema import Settings

from . import tls


class Https(pulumi.ComponentResource):
    """The redirect from plain HTTP, and the certificate of a gateway's HTTPS listener, all in its namespace.

    Makes the HTTPRoutes of the redirect, and for `tls` self-signed or lets-encrypt the issuers and certificates, one
    after the other, each of which has to be Ready; cert-manager signs and renews. A challenge of Let's Encrypt comes to
    the gateway by HTTP, so this comes after it, and after the DNS record. It makes no Secret: cert-manager does, and
    leaves them when a Certificate goes; with `tls` secret the user does.

    For self-signed, `authority` is the certificate of the stack's own authority, in PEM. It comes from the answer to a
    CertificateRequest of a key that nobody has, as no object but those requests and Secrets holds it, and what is read
    of a Secret is in the state as a whole, and not to be read by all who may preview. It is that of the time of the
    answer: whoever has the authority made anew replaces the request too.

    `gateway` is the Gateway's name, `address` what its certificate is for, with the host name if there is one.
    `cluster` is the cluster's id; another one replaces everything.
    """

    authority: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        gateway: str,
        namespace: pulumi.Input[str],
        address: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Https", name, None, opts)
        for route, spec in tls.redirects(settings, gateway).items():
            k8s.apiextensions.CustomResource(
                route,
                api_version="gateway.networking.k8s.io/v1",
                kind="HTTPRoute",
                metadata={"name": route, "namespace": namespace},
                spec=spec,
                opts=pulumi.ResourceOptions(parent=self, replacement_trigger=cluster),
            )
        last = None
        for wanted in tls.issued(settings, gateway, address):
            last = _Issued(
                wanted,
                namespace,
                pulumi.ResourceOptions(
                    parent=self,
                    depends_on=[last] if last else [],
                    replacement_trigger=cluster,
                    custom_timeouts=pulumi.CustomTimeouts(*[tls.patience(settings)] * 2),
                ),
            )
        self.authority = last.status.apply(_authority) if last and settings.tls == tls.SELF_SIGNED else None
        self.register_outputs({"authority": self.authority} if self.authority else {})


class _Issued(pulumi.CustomResource):
    """An object of cert-manager's, and its `status`, which the SDK's own class of any custom resource leaves out."""

    status: pulumi.Output[Any]

    def __init__(self, wanted: tls.Wanted, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        metadata = {
            "name": wanted.name,
            "namespace": namespace,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        }
        what = {"apiVersion": "cert-manager.io/v1", "kind": wanted.kind, "metadata": metadata, "spec": wanted.spec}
        name = f"{wanted.name}-issuer" if wanted.kind == "Issuer" else wanted.name
        super().__init__(f"kubernetes:cert-manager.io/v1:{wanted.kind}", name, {**what, "status": None}, opts)


def _authority(status: Mapping[str, Any]) -> str:
    """The certificate of who has answered a CertificateRequest."""
    return base64.b64decode(status["ca"]).decode()
