"""What Google Cloud says of buckets, and of Pods that are granted something there."""

import re

from .google_kinds import BUCKET, BUCKET_MEMBER, CLUSTER
from .inventory import CloudError, Inventory, Item


def exists(inventory: Inventory, bucket: str) -> bool:
    """Whether there is such a bucket: of the inventory, or somebody else's."""
    return bool(inventory.find(BUCKET, name=bucket)) or f"gs://{bucket}" in inventory.outside


def pool_of(member: str) -> str | None:
    """The pool of a member that is a Kubernetes service account."""
    account = re.fullmatch(r"serviceAccount:(.+\.svc\.id\.goog)\[[^/]+/[^/]+\]", member)
    return account[1] if account else None


def refuse_grant_on_bucket(inventory: Inventory, item: Item) -> None:
    """Refuse a grant on a bucket that is not there, or to Pods of a pool that is not there: Google makes that with a
    project's first cluster (https://github.com/terraform-google-modules/terraform-google-kubernetes-engine/issues/916).
    """
    if item.kind != BUCKET_MEMBER:
        return
    bucket, pool = item.inputs["bucket"], pool_of(item.inputs["member"])
    if not exists(inventory, bucket):
        raise CloudError(
            f'Error retrieving IAM policy for storage bucket "b/{bucket}": googleapi: Error 404: The specified bucket '
            "does not exist., notFound"
        )
    pools = {
        cluster.inputs.get("workloadIdentityConfig", {}).get("workloadPool") for cluster in inventory.find(CLUSTER)
    }
    if pool and pool not in pools:
        raise CloudError(
            f"googleapi: Error 400: Identity Pool does not exist ({pool}). Please check that you specified a valid "
            "resource name as returned in the `name` attribute in the configuration API., badRequest"
        )
