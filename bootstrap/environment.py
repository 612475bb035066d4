"""What an environment has in its own project, and the identities that act there."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pulumi
import pulumi_gcp as gcp

from . import identities
from .identities import Identity
from .projects import Prepared

DAY = 24 * 60 * 60
ROTATION = f"{90 * DAY}s"
"""What older versions of a key encrypted is read with them: none is ever destroyed."""


class Environment(NamedTuple):
    """The account of each identity of an environment, and what its stack has to be told."""

    accounts: Mapping[Identity, gcp.serviceaccount.Account]
    node_service_account: pulumi.Output[str]
    kms_key: pulumi.Output[str] | None


def account(
    identity: Identity, environment: str, *, principal: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> gcp.serviceaccount.Account:
    """The service account of an identity of this environment, and who may act as it."""
    name = f"{identity.name}-{environment}"
    made = gcp.serviceaccount.Account(
        name, account_id=name, description=identity.does.format(environment=environment), opts=opts
    )
    gcp.serviceaccount.IAMMember(
        name, service_account_id=made.name, role="roles/iam.workloadIdentityUser", member=principal
    )
    return made


def grant(
    identity: Identity, environment: str, *, project: str, member: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> None:
    """What an identity may do in the environment's project."""
    name = f"{environment}-{identity.name}"
    for role in (*identity.reads, *identity.changes):
        gcp.projects.IAMMember(f"{name}-{role.split('/')[1]}", project=project, role=role, member=member, opts=opts)
    if identity.permissions:
        own = gcp.projects.IAMCustomRole(
            f"{environment}-secrets",
            project=project,
            role_id="pulumiDriftSecrets",
            title="Pulumi drift: Secrets in the clusters",
            permissions=list(identity.permissions),
            opts=opts,
        )
        gcp.projects.IAMMember(f"{name}-secrets", project=project, role=own.name, member=member, opts=opts)


def nodes(environment: str, *, project: str, opts: pulumi.ResourceOptions) -> gcp.serviceaccount.Account:
    """The account of an environment's nodes, with the role that they need, and those to read images."""
    made = gcp.serviceaccount.Account(
        f"{environment}-nodes",
        project=project,
        account_id=identities.NODES,
        display_name="GKE nodes",
        opts=opts,
    )
    names = {f"{environment}-nodes": identities.NODE_ROLE}
    names |= {f"{environment}-nodes-{role.split('/')[1]}": role for role in identities.NODES_READ}
    for name, role in names.items():
        gcp.projects.IAMMember(name, project=project, role=role, member=made.member, opts=opts)
    return made


def cluster_key(environment: str, *, project: str, region: str, protect: bool, there: Prepared) -> pulumi.Output[str]:
    """A key in the environment's project for its cluster's Secrets, which GKE's agent alone may use.

    The same as `SecretsKey` makes in a stack of `infra/`, where a deployment may grant and destroy it. Its name comes
    from the grant: whoever has it knows that it can be used.
    """
    name = f"{environment}-cluster"
    kept = pulumi.ResourceOptions.merge(there.opts, pulumi.ResourceOptions(protect=protect))
    ring = gcp.kms.KeyRing(name, project=project, location=region, opts=kept)
    key = gcp.kms.CryptoKey(name, key_ring=ring.id, rotation_period=ROTATION, opts=kept)
    return gcp.kms.CryptoKeyIAMMember(
        name, crypto_key_id=key.id, role=identities.ENCRYPT, member=there.agent.member
    ).crypto_key_id


def make(
    environment: str,
    *,
    project: str,
    is_open: bool,
    key_region: str,
    protect: bool,
    principal: Callable[[Identity], pulumi.Output[str]],
    here: pulumi.ResourceOptions,
    there: Prepared,
) -> Environment:
    """An environment: its identities, `here` in the project of the state, and `there` in its own what they may do.

    Makes the nodes' account, which the deployment may give to nodes, and with a `key_region` a key for its cluster.
    """
    accounts: dict[Identity, gcp.serviceaccount.Account] = {}
    for identity in identities.of(is_open=is_open):
        made = account(identity, environment, principal=principal(identity), opts=here)
        grant(identity, environment, project=project, member=made.member, opts=there.opts)
        accounts[identity] = made
    of_nodes = nodes(environment, project=project, opts=there.opts)
    gcp.serviceaccount.IAMMember(
        f"{environment}-deploy-nodes",
        service_account_id=of_nodes.name,
        role=identities.RUN_NODES_AS,
        member=accounts[identities.DEPLOY].member,
    )
    if not key_region:
        return Environment(accounts, of_nodes.email, None)
    key = cluster_key(environment, project=project, region=key_region, protect=protect, there=there)
    return Environment(accounts, of_nodes.email, key)
