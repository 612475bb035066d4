"""What a project gets before anybody is granted anything in it: APIs, audit logs, default accounts without roles."""

from typing import NamedTuple

import pulumi
import pulumi_gcp as gcp

APIS = (
    "artifactregistry.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    *("compute.googleapis.com", "container.googleapis.com", "dns.googleapis.com", "monitoring.googleapis.com"),
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",  # tokens of the service accounts
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",  # GitHub's tokens against Google's
)
"""What is on in the project of the state. Calls that CI makes for an environment are counted on the project of its
service account, which is this one, and refused where the API is off there, GKE's among them:
https://cloud.google.com/docs/quotas/set-quota-project"""

ENVIRONMENT_APIS = (
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",  # makes the default account, which is there to lose its role then
    "container.googleapis.com",
    "iam.googleapis.com",
)
"""What is on in an environment's project before its own stack turns on the rest."""

CLUSTER_KEY_APIS = ("cloudkms.googleapis.com",)
"""What the key of a cluster takes beyond these."""

DEFAULT_ACCOUNTS = {
    "compute": "{number}-compute@developer.gserviceaccount.com",
    "appengine": "{project}@appspot.gserviceaccount.com",
}
"""The accounts that Google makes in a project, as editors of it unless the organisation's policy says otherwise:
https://cloud.google.com/iam/docs/service-account-types#default. Who is an editor of the CI project reads the state."""
EDITOR = "roles/editor"


class Audit(NamedTuple):
    """A service whose calls are logged, and which: those that change its configuration are in any case."""

    service: str
    calls: tuple[str, ...]


AUDITS = (
    Audit("cloudkms.googleapis.com", ("ADMIN_READ", "DATA_READ", "DATA_WRITE")),  # every use of a key
    Audit("iam.googleapis.com", ("ADMIN_READ", "DATA_READ")),  # every token of a service account
    Audit("storage.googleapis.com", ("ADMIN_READ", "DATA_READ", "DATA_WRITE")),  # who read and wrote the state
    Audit("sts.googleapis.com", ("ADMIN_READ",)),  # every token of GitHub's that was traded, with its run
)
"""Who took which identity, read which state and used which key: https://cloud.google.com/iam/docs/audit-logging,
https://cloud.google.com/kms/docs/audit-logging and https://cloud.google.com/storage/docs/audit-logging. Tokens of
service accounts are logged as calls of `iam.googleapis.com`."""


class Prepared(NamedTuple):
    """A project that is prepared: the options of what is granted in it, and GKE's agent there."""

    opts: pulumi.ResourceOptions
    agent: gcp.projects.ServiceIdentity


def enable(name: str, *, project: str, apis: tuple[str, ...]) -> pulumi.ResourceOptions:
    """Enable APIs, never to disable them; returns the options of what needs them."""
    services = [
        gcp.projects.Service(f"{name}-{api.split('.')[0]}", service=api, project=project, disable_on_destroy=False)
        for api in apis
    ]
    return pulumi.ResourceOptions(depends_on=services)


def guard(
    name: str, *, project: str, number: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> pulumi.ResourceOptions:
    """Take `EDITOR` from the default accounts, and log `AUDITS`; returns the options of what is granted in the project.

    The logs of these services are as they are here, whatever was set before. A role that is granted anew is seen by a
    refresh, and taken again by the next `up`; nothing gives it back, also not a destroy. The provider writes the
    project's IAM policy as it was read, one role at a time and without trying again, so all else that changes the
    policy waits for it (resource_google_project_iam_member_remove.go in terraform-provider-google).
    """
    for which, email in DEFAULT_ACCOUNTS.items():
        removed = gcp.projects.IamMemberRemove(
            f"{name}-{which}",
            project=project,
            role=EDITOR,
            member=pulumi.Output.format("serviceAccount:" + email, number=number, project=project),
            opts=opts,
        )
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[removed]))
    for service, calls in AUDITS:
        gcp.projects.IAMAuditConfig(
            f"{name}-{service.split('.')[0]}",
            project=project,
            service=service,
            audit_log_configs=[{"log_type": call} for call in calls],
            opts=opts,
        )
    return opts


def number_of(email: str) -> str:
    """The number of a project, which the address of an agent in it has: service-NUMBER@..."""
    return email.partition("@")[0].removeprefix("service-")


def prepare(name: str, *, project: str, apis: tuple[str, ...]) -> Prepared:
    """Prepare an environment's project: `enable` and `guard`, and GKE's agent, should there be none yet.

    Nothing else tells the project's number to a program that may not look it up while a project is still empty.
    """
    ready = enable(name, project=project, apis=apis)
    agent = gcp.projects.ServiceIdentity(name, project=project, service="container.googleapis.com", opts=ready)
    return Prepared(guard(name, project=project, number=agent.email.apply(number_of), opts=ready), agent)
