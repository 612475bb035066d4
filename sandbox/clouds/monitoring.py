"""Cloud Monitoring, as far as Managed Service for Prometheus takes it: who may read a project's metrics.

`refusal` says no in Google's words to a question of another project, and to an account that was granted no role with
`monitoring.timeSeries.list`. Accounts are those of Kubernetes, as Workload Identity Federation for GKE names them
(https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity), in either of their two forms. What nodes run
as somebody else's account may do, this somebody has granted elsewhere, and is taken for granted. Left out: metrics
scopes, roles that a project has made, conditions, a folder's grants, and that a grant takes minutes to be seen.
"""

import re
from typing import NamedTuple

from .google_kinds import CLUSTER, MEMBER, POOL
from .inventory import Inventory

READERS = {
    *("roles/monitoring.viewer", "roles/monitoring.editor", "roles/monitoring.admin"),
    *("roles/viewer", "roles/editor", "roles/owner"),
}
"""https://cloud.google.com/monitoring/access-control#predefined_roles."""
PERMISSION = "monitoring.timeSeries.list"


class Account(NamedTuple):
    """A service account of Kubernetes."""

    namespace: str
    name: str


class Refusal(NamedTuple):
    """What Google's API answers in place of metrics: `code` is HTTP's, `status` that of google.rpc."""

    code: int
    status: str
    message: str


class Place(NamedTuple):
    """The cluster that is measured."""

    project: str
    location: str
    cluster: str


UNAUTHENTICATED = Refusal(
    401,
    "UNAUTHENTICATED",
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential.",
)


def place(inventory: Inventory) -> Place | None:
    """The cluster, if it has managed collection, which is on unless somebody turns it off
    (https://cloud.google.com/stackdriver/docs/managed-prometheus/setup-managed#enable-mgdcoll-gke)."""
    clusters = inventory.find(CLUSTER)
    if not clusters:
        return None
    monitoring = clusters[-1].inputs.get("monitoringConfig", {})
    if not monitoring.get("managedPrometheus", {}).get("enabled", True):
        return None
    props = clusters[-1].props
    return Place(props["project"], str(clusters[-1].inputs["location"]), clusters[-1].name)


def refusal(inventory: Inventory, project: str, account: Account | None) -> Refusal | None:
    """Why an account gets no metrics of a project; None if it does. Nobody's is no account."""
    if account is None:
        return UNAUTHENTICATED
    projects = {cluster.props["project"] for cluster in inventory.find(CLUSTER)}
    if project in projects and (_granted(inventory, project, account) or _granted_by_others(inventory)):
        return None
    message = f"Permission {PERMISSION} denied on resource (or it may not exist)."
    return Refusal(403, "PERMISSION_DENIED", f"{message} (projects/{project}, {account.namespace}/{account.name})")


def _granted(inventory: Inventory, project: str, account: Account) -> bool:
    pool = re.escape(f"{project}.svc.id.goog")
    member = (
        rf"serviceAccount:{pool}\[{account.namespace}/{account.name}\]|"
        rf"principal://iam\.googleapis\.com/projects/\d+/locations/global/workloadIdentityPools/{pool}/subject/"
        rf"ns/{account.namespace}/sa/{account.name}"
    )
    grants = (grant.inputs for grant in inventory.find(MEMBER))
    return any(
        g["role"] in READERS and g["project"] == project and re.fullmatch(member, g["member"]) is not None
        for g in grants
    )


def _granted_by_others(inventory: Inventory) -> bool:
    """Whether nodes run as an account of somebody else's, who has then granted the rest, too."""
    accounts = {pool.inputs.get("nodeConfig", {}).get("serviceAccount") for pool in inventory.find(POOL)}
    return bool(accounts & inventory.outside)
