"""The key that encrypts the Secrets of a hardened cluster."""

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

ROTATION = f"{90 * 24 * 60 * 60}s"
"""Every 90 days Cloud KMS makes a new version. What older ones encrypted is read with them: none is ever destroyed, and
GKE encrypts anew only what is written (https://cloud.google.com/kubernetes-engine/docs/how-to/encrypting-secrets)."""
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


class SecretsKey(pulumi.ComponentResource):
    """A Cloud KMS key in the cluster's region, which GKE may use.

    Makes GKE's service agent, should the project have none yet, a key ring, the key, and the agent's role on that key
    alone. It is not made if the user has named a key: whoever made that one grants the role.

    `id` is known to be usable: it comes from the grant. Rings and keys cannot be deleted, and their names are taken for
    ever, so both are auto-named; to destroy a key destroys its versions 30 days later, and with them every Secret of a
    cluster that still uses it. `protect` keeps Pulumi from it.
    """

    id: pulumi.Output[str]

    def __init__(self, name: str, *, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gke-tpu-inference:infra:SecretsKey", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=settings.protect)
        # Its name has the project's number, which nothing else here knows.
        agent = gcp.projects.ServiceIdentity(
            "gke", project=settings.project, service="container.googleapis.com", opts=child
        )
        ring = gcp.kms.KeyRing(name, location=settings.region, opts=kept)
        key = gcp.kms.CryptoKey(name, key_ring=ring.id, rotation_period=ROTATION, opts=kept)
        grant = gcp.kms.CryptoKeyIAMMember("gke", crypto_key_id=key.id, role=USE, member=agent.member, opts=child)
        self.id = grant.crypto_key_id
        self.register_outputs({})
