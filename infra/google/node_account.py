"""The service account that every node runs as."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pulumi
import pulumi_gcp as gcp

from infra.settings import registry
from infra.settings.schema import Settings

NODE_ROLE = "roles/container.defaultNodeServiceAccount"
"""What a node needs and no more: to write logs, metrics and autoscaling data
(https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster#use_least_privilege_sa)."""
READER_ROLE = "roles/artifactregistry.reader"
"""What it takes to pull from a repository of Artifact Registry."""
STREAMING_ROLE = "roles/serviceusage.serviceUsageConsumer"
"""What it takes beside it to stream images of a project, for who is not Google's default account
(https://cloud.google.com/kubernetes-engine/docs/how-to/image-streaming#requirements)."""


class NodeAccount(NamedTuple):
    """The account's email, and what has to be there before any node runs as it."""

    email: pulumi.Input[str]
    grants: Sequence[pulumi.Resource]


def repositories(settings: Settings) -> dict[str, registry.Repository]:
    """What the nodes have to read, by the name of the grant: the stack's own repositories, or the one of
    `image_registry`, if that is one of Artifact Registry."""
    if settings.caches:
        return {host.replace(".", "-"): place for host, place in settings.caches.items()}
    place = registry.repository(settings.image_registry)
    return {"images": place} if place else {}


def node_account(settings: Settings, *, images: Sequence[pulumi.Resource], opts: pulumi.ResourceOptions) -> NodeAccount:
    """The account that the settings name, as it is, or one that is made here.

    Made are the account, `NODE_ROLE` in the project, `READER_ROLE` on each of `repositories`, once the stack's own,
    `images`, are there, and `STREAMING_ROLE` in the project if those are its own; it may read no other private
    registry. To make an account and grant it roles takes the right to grant: whoever deploys without it names an
    account that has its roles, and then nothing is made or granted.
    """
    if settings.node_service_account:
        return NodeAccount(settings.node_service_account, ())
    account = gcp.serviceaccount.Account("nodes", display_name="GKE nodes", opts=opts)
    roles = {"nodes": NODE_ROLE, **({"images": STREAMING_ROLE} if settings.caches else {})}
    grants = [
        gcp.projects.IAMMember(name, project=settings.project, role=role, member=account.member, opts=opts)
        for name, role in roles.items()
    ]
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[*images]))
    return NodeAccount(account.email, [*grants, *_readers(settings, account.member, after)])


def _readers(
    settings: Settings, member: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> Iterator[gcp.artifactregistry.RepositoryIamMember]:
    for name, place in repositories(settings).items():
        yield gcp.artifactregistry.RepositoryIamMember(
            name,
            project=place.project,
            location=place.location,
            repository=place.name,
            role=READER_ROLE,
            member=member,
            opts=opts,
        )
