"""Whether the caller may do what a deployment does: the roles of docs/deploy.md, each told by its permissions.

Source of what is in a role: gcp/roles/ of https://github.com/iann0036/iam-dataset at 2073fa52ac00 (August 2026), IAM's
own lists.
"""

from collections.abc import Collection, Iterator

from infra.settings.compile_cache import OWN
from infra.settings.schema import Settings

from .findings import Finding, fail, left_out, ok

CHECK = "permissions"
ROLES: dict[str, tuple[str, ...]] = {
    "roles/serviceusage.serviceUsageAdmin": ("serviceusage.services.enable",),
    "roles/artifactregistry.editor": ("artifactregistry.repositories.create",),
    "roles/compute.viewer": ("compute.disks.list", "compute.instances.list"),
    "roles/compute.loadBalancerAdmin": ("compute.networkEndpointGroups.delete", "compute.instanceGroups.delete"),
    "roles/compute.networkAdmin": (
        "compute.networks.create",
        "compute.subnetworks.create",
        "compute.routers.create",
        "compute.addresses.create",
    ),
    "roles/compute.securityAdmin": ("compute.firewalls.create",),
    "roles/container.admin": (
        "container.clusters.create",
        "container.clusters.connect",
        "container.secrets.create",
        "container.clusterRoles.create",
    ),
    "roles/dns.admin": ("dns.managedZones.get", "dns.changes.create", "dns.resourceRecordSets.create"),
    "roles/monitoring.alertPolicyEditor": ("monitoring.alertPolicies.create",),
    "roles/monitoring.dashboardEditor": ("monitoring.dashboards.create",),
    "roles/monitoring.notificationChannelEditor": ("monitoring.notificationChannels.create",),
    "roles/monitoring.uptimeCheckConfigEditor": ("monitoring.uptimeCheckConfigs.create",),
    "roles/iam.serviceAccountUser": ("iam.serviceAccounts.actAs",),
    "roles/cloudkms.admin": (
        "cloudkms.keyRings.create",
        "cloudkms.cryptoKeys.create",
        "cloudkms.cryptoKeys.setIamPolicy",
    ),
    "roles/artifactregistry.admin": ("artifactregistry.repositories.setIamPolicy",),
    "roles/storage.admin": ("storage.buckets.create", "storage.buckets.delete"),
    "roles/iam.serviceAccountAdmin": ("iam.serviceAccounts.create",),
    "roles/resourcemanager.projectIamAdmin": ("resourcemanager.projects.setIamPolicy",),
}
"""What of each role a deployment uses and no other of these roles has."""
ELSEWHERE = ("roles/billing.costsManager",)
"""Roles of that page that are granted on something outside of the project, which the project cannot tell."""


def roles(settings: Settings) -> list[str]:
    """Those that a stack of these settings takes. With an account of one's own for the nodes, to act for it is granted
    on that account alone, which the project cannot tell."""
    unused = {
        "roles/dns.admin": not settings.dns_zone,
        "roles/monitoring.alertPolicyEditor": not settings.monitoring,
        "roles/monitoring.dashboardEditor": not settings.monitoring,
        "roles/monitoring.notificationChannelEditor": not settings.alert_emails,
        "roles/monitoring.uptimeCheckConfigEditor": not settings.monitoring or bool(settings.allowed_clients),
        "roles/cloudkms.admin": not settings.hardened_cluster or bool(settings.kms_key),
        "roles/artifactregistry.editor": not settings.caches,
        "roles/artifactregistry.admin": not settings.caches or not settings.grants,
        "roles/storage.admin": settings.compile_cache != OWN and not settings.weights_cache,
        "roles/iam.serviceAccountUser": not settings.grants,
        "roles/iam.serviceAccountAdmin": not settings.grants,
        "roles/resourcemanager.projectIamAdmin": not settings.grants,
    }
    return [role for role in ROLES if not unused.get(role)]


def wanted(settings: Settings) -> list[str]:
    """The permissions to ask for."""
    return [permission for role in roles(settings) for permission in ROLES[role]]


def findings(settings: Settings, granted: Collection[str]) -> Iterator[Finding]:
    """A line for each role of which something is missing."""
    short = 0
    for role in roles(settings):
        if missing := [permission for permission in ROLES[role] if permission not in granted]:
            short += 1
            yield fail(
                CHECK,
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing, which {role} has",
                f"gcloud projects add-iam-policy-binding {settings.project} --member=user:YOU --role={role} "
                "(docs/deploy.md#4-credentials)",
            )
    if settings.node_service_account:
        account = settings.node_service_account
        do = f"gcloud iam service-accounts get-iam-policy {account} shows who may: roles/iam.serviceAccountUser"
        yield left_out(CHECK, f"whether you may let nodes run as {account} is said by that account alone", do)
    if settings.budget:
        account = settings.budget.billing_account
        do = f"gcloud billing accounts get-iam-policy {account} shows who may: {ELSEWHERE[0]}"
        yield left_out(CHECK, f"whether you may make a budget is said by billing account {account} alone", do)
    if not short:
        yield ok(CHECK, f"all {len(wanted(settings))} that were asked for, of {len(roles(settings))} roles")
