"""Where the state of every environment is kept, and the keys of its secrets, unless Pulumi Cloud has both."""

from collections.abc import Mapping
from typing import NamedTuple

import pulumi
import pulumi_gcp as gcp

from .environment import DAY, ROTATION, Environment


class State(NamedTuple):
    """The bucket, and each environment's key."""

    bucket: gcp.storage.Bucket
    keys: Mapping[str, gcp.kms.CryptoKey]


def keep(
    environments: Mapping[str, Environment], *, location: str, protect: bool, opts: pulumi.ResourceOptions
) -> State:
    """A bucket with one managed folder for each environment, and a key ring with one key for each.

    Made are also the roles of each environment's identities, on its own folder and its own key: nobody is given
    anything on the whole bucket or ring. `protect` keeps Pulumi from deleting bucket, ring and keys.
    """
    kept = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=protect))
    bucket = gcp.storage.Bucket(
        "pulumi-state",
        location=location,
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        versioning={"enabled": True},
        # The engine writes the whole state after each step: a month of versions, and always the latest ten.
        lifecycle_rules=[
            {
                "action": {"type": "Delete"},
                "condition": {"days_since_noncurrent_time": 30, "num_newer_versions": 10, "with_state": "ARCHIVED"},
            }
        ],
        soft_delete_policy={"retention_duration_seconds": 7 * DAY},
        opts=kept,
    )
    ring = gcp.kms.KeyRing("pulumi", location=location, opts=kept)
    keys: dict[str, gcp.kms.CryptoKey] = {}
    for name, environment in environments.items():
        folder = gcp.storage.ManagedFolder(name, bucket=bucket.name, name=f"{name}/")
        keys[name] = gcp.kms.CryptoKey(
            name, key_ring=ring.id, rotation_period=ROTATION, opts=pulumi.ResourceOptions(protect=protect)
        )
        for identity, account in environment.accounts.items():
            gcp.storage.ManagedFolderIamMember(
                f"{name}-{identity.name}",
                bucket=bucket.name,
                managed_folder=folder.name,
                role=identity.state,
                member=account.member,
            )
            gcp.kms.CryptoKeyIAMMember(
                f"{name}-{identity.name}", crypto_key_id=keys[name].id, role=identity.key, member=account.member
            )
    return State(bucket, keys)
