"""The service account that every node runs as."""

from collections.abc import Sequence
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


class NodeAccount(NamedTuple):
    """The account's email, and what has to be there before any node runs as it."""

    email: pulumi.Input[str]
    grants: Sequence[pulumi.Resource]


def node_account(settings: Settings, *, opts: pulumi.ResourceOptions) -> NodeAccount:
    """The account that the settings name, as it is, or one that is made here.

    Made are the account, `NODE_ROLE` in the project, and `READER_ROLE` on the repository of `image_registry`, if that
    is one of Artifact Registry; it may read no other private registry, and no repository is made, as its images have to
    be there before. To make an account and grant it roles takes the right to grant: whoever deploys without it names an
    account that has its roles, and then nothing is made or granted.
    """
    if settings.node_service_account:
        return NodeAccount(settings.node_service_account, ())
    account = gcp.serviceaccount.Account("nodes", display_name="GKE nodes", opts=opts)
    role = gcp.projects.IAMMember("nodes", project=settings.project, role=NODE_ROLE, member=account.member, opts=opts)
    return NodeAccount(account.email, [role, *_readers(settings, account.member, opts)])


def _readers(
    settings: Settings, member: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> list[gcp.artifactregistry.RepositoryIamMember]:
    place = registry.repository(settings.image_registry)
    if place is None:
        return []
    return [
        gcp.artifactregistry.RepositoryIamMember(
            "images",
            project=place.project,
            location=place.location,
            repository=place.name,
            role=READER_ROLE,
            member=member,
            opts=opts,
        )
    ]
