"""Whether the weights of models from Cloud Storage are there, and their Pods may read them.

What a bucket is asked, and which permission each question takes: https://cloud.google.com/storage/docs/json_api/v1.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from google.api_core.exceptions import Forbidden, NotFound

from infra.google import storage
from infra.google.storage import READ, WRITE, Right
from infra.settings import uris
from infra.settings.schema import Settings
from infra.settings.workload_identity import is_member, member

from .cloud import Cloud
from .findings import Finding, fail, left_out, ok, warn

CHECK = "bucket"
WRITING = (WRITE, "roles/storage.objectAdmin", "roles/storage.admin")
ENOUGH = {READ: (READ, *WRITING), WRITE: WRITING}
"""Roles that a mount gets by with, for each that it asks for."""
GRANT = "storage.buckets.setIamPolicy"
MISSING_BUCKET = "The specified bucket does not exist."


def command(right: Right, project: str) -> str:
    """The command by which an administrator of a bucket lets a Pod have its role there."""
    who = member(project, right.namespace, right.account)
    return f"gcloud storage buckets add-iam-policy-binding gs://{right.bucket} --member='{who}' --role={right.role}"


def weights(uri: str, cloud: Cloud) -> Iterator[Finding]:
    """Whether a folder has the file that vLLM begins with. Of a bucket that is not there, the other check tells."""
    folder = uris.folder(uri)
    assert folder  # noqa: S101 - who calls this has looked
    try:
        cloud.has_object(folder.bucket, "/".join(filter(None, (folder.path, "config.json"))))
        yield ok(CHECK, f"{uri} is there")
    except NotFound as error:
        if MISSING_BUCKET not in str(error.message):
            do = f"See what is there, and copy the model whole (docs/storage.md): gcloud storage ls {uri}"
            yield fail(CHECK, f"{uri} has no config.json, so vLLM cannot serve it", do)
    except Forbidden:
        yield left_out(CHECK, f"{uri}: these credentials may not look into it", f"gcloud storage ls {uri}")


def missing(policy: Mapping[str, Any], project: str, wanted: Collection[Right]) -> list[Right]:
    """Who lacks a role, by the policy of the bucket itself."""
    granted = [(of["role"], who) for of in policy.get("bindings", []) for who in of.get("members", [])]
    return [
        right
        for right in wanted
        if not any(
            role in ENOUGH[right.role] and is_member(who, project, right.namespace, right.account)
            for role, who in granted
        )
    ]


def on_users(settings: Settings) -> list[Right]:
    """Who has to have which role on buckets that the program does not make."""
    own = storage.own_buckets(settings).values()
    return [right for right in storage.rights(settings) if right.bucket not in own]


def rights(bucket: str, settings: Settings, cloud: Cloud) -> Iterator[Finding]:
    """Whether the Pods may do in a bucket what they have to, or else whether `pulumi up` may let them."""
    wanted = [right for right in on_users(settings) if right.bucket == bucket]
    try:
        if settings.grants and GRANT not in cloud.granted_on_bucket(bucket, [GRANT]):
            commands = "; ".join(command(right, settings.project) for right in wanted)
            do = f"Have it granted by who may, and name the nodes' account (docs/storage.md): {commands}"
            yield fail(CHECK, f"{GRANT} on gs://{bucket} is missing, by which `pulumi up` lets Pods in", do)
        elif not settings.grants:
            without = missing(cloud.bucket_policy(bucket), settings.project, wanted)
            for right in without:
                who = f"{right.namespace}/{right.account} has {right.role}"
                told = f"gs://{bucket} does not say that {who}, unless its project does"
                yield warn(CHECK, told, command(right, settings.project))
            if not without:
                yield ok(CHECK, f"gs://{bucket} lets the Pods in")
    except Forbidden:
        told = f"gs://{bucket}: these credentials may not see who may do what there"
        yield left_out(CHECK, told, f"gcloud storage buckets get-iam-policy gs://{bucket}")
    except NotFound:
        yield fail(
            CHECK, f"gs://{bucket}: there is no bucket of this name", "`gcloud storage ls` shows those that you see"
        )


def findings(settings: Settings, cloud: Cloud) -> Iterator[Finding]:
    """A line for each folder that is there, and for each bucket what is said of it."""
    for uri in dict.fromkeys(model.uri for model in settings.models if uris.folder(model.uri)):
        yield from weights(uri, cloud)
    for bucket in dict.fromkeys(right.bucket for right in on_users(settings)):
        yield from rights(bucket, settings, cloud)
