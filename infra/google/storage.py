"""What models have in Cloud Storage, and which of their Pods may do what there."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import pulumi
import pulumi_gcp as gcp

from infra.settings import compile_cache, registry, uris
from infra.settings.model import Model
from infra.settings.schema import Settings
from infra.settings.workload_identity import member

READ, WRITE = "roles/storage.objectViewer", "roles/storage.objectUser"
CACHE, WEIGHTS = "compile-cache", "weights"
COPY = "-weights-copy"
"""At the end of the account that copies weights into the bucket of this stack."""
KEEP_DAYS = 30
"""Days after which a compiled program goes, and is compiled once more if it is still wanted."""


class Right(NamedTuple):
    """A role that a Kubernetes service account has to have on a bucket, and what is kept there: `CACHE` or
    `WEIGHTS`."""

    what: str
    bucket: str
    namespace: str
    account: str
    role: str


def bucket_name(what: str, settings: Settings) -> str:
    """The name of a bucket of the stack's own, for `CACHE` or `WEIGHTS`: the same if it has to be made again, so that
    what mounts it stays. Such names are the world's, at most 63 characters, and Google keeps `goog` for itself
    (https://cloud.google.com/storage/docs/buckets#naming). Another region is another name, as one that is deleted is
    not free at once for a bucket elsewhere."""
    whose = f"{settings.project}/{settings.region}/{settings.stack}"
    digest = hashlib.sha256(whose.encode()).hexdigest()[:8]
    return f"tpu-{registry.of_stack(settings.stack).replace('goog', 'g')}-{what}-{digest}"


def own_buckets(settings: Settings) -> dict[str, str]:
    """The names of the buckets that the program makes, by what is kept there."""
    wanted = {
        CACHE: settings.compile_cache == compile_cache.OWN,
        WEIGHTS: any(map(settings.copies, settings.models)),
    }
    return {what: bucket_name(what, settings) for what, yes in wanted.items() if yes}


def rights(settings: Settings) -> Iterator[Right]:
    """Who has to have which role on which bucket: vLLM's Pods to read weights and to keep compiled programs, and what
    copies weights to write them, unless the model is paused, which nothing is copied for."""
    own, named = own_buckets(settings), uris.folder(settings.compile_cache)
    for m in settings.models:
        folder, cache = uris.folder(m.uri), named.bucket if named else own.get(CACHE)
        if weights := folder.bucket if folder else own.get(WEIGHTS) if settings.copies(m) else None:
            yield Right(WEIGHTS, weights, m.namespace, m.name, READ)
        if settings.copies(m) and not m.paused:
            yield Right(WEIGHTS, own[WEIGHTS], m.namespace, m.name + COPY, WRITE)
        if cache:
            yield Right(CACHE, cache, m.namespace, m.name, WRITE)


class Storage(pulumi.ComponentResource):
    """What models have in Cloud Storage: the right to read the weights, and a place for what they have compiled.

    Makes `own_buckets`, in the region of the cluster, for what can be made again: so each goes with all that is in it,
    and nothing deleted is kept on. From that of compiled programs what is `KEEP_DAYS` old goes by itself; that of
    copied weights has hierarchical namespace. It grants `rights`, on these and on buckets of the user's, and no
    other Pod has any. If the settings name the nodes' account it grants nothing, as whoever deploys then has no right
    to, and an administrator does (docs/storage.md).

    It has to come after the cluster, as IAM knows the service accounts of a project's clusters once there has been one.
    `buckets` has those that it makes, by what is kept there, and `granted` the rights, by namespace and account.
    """

    buckets: Mapping[str, gcp.storage.Bucket]
    granted: defaultdict[tuple[str, str], list[pulumi.Resource]]

    def __init__(self, name: str, *, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gke-tpu-inference:infra:Storage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        kinds: dict[str, Any] = {
            CACHE: {"lifecycle_rules": [{"action": {"type": "Delete"}, "condition": {"age": KEEP_DAYS}}]},
            WEIGHTS: {"hierarchical_namespace": {"enabled": True}},
        }
        own = own_buckets(settings)
        self.buckets = {
            what: gcp.storage.Bucket(
                what,
                name=called,
                location=settings.region,
                uniform_bucket_level_access=True,
                public_access_prevention="enforced",
                soft_delete_policy={"retention_duration_seconds": 0},
                force_destroy=True,
                **kinds[what],
                opts=child,
            )
            for what, called in own.items()
        }
        of_stack = {own[what]: bucket.name for what, bucket in self.buckets.items()}
        self.granted = defaultdict(list)
        for right in rights(settings) if settings.grants else ():
            grant = gcp.storage.BucketIAMMember(
                f"{right.what}.{right.namespace}.{right.account}",
                bucket=of_stack.get(right.bucket, right.bucket),
                role=right.role,
                member=member(settings.project, right.namespace, right.account),
                opts=child,
            )
            self.granted[right.namespace, right.account].append(grant)
        self.register_outputs({})


class InBuckets(NamedTuple):
    """The buckets of compiled programs and of copied weights, when the latter was made, and by namespace and name of a
    model what has to be there before its Pods mount anything."""

    compile_cache: pulumi.Input[str] | None
    weights: pulumi.Input[str] | None
    weights_made: pulumi.Input[str] | None
    before: Mapping[tuple[str, str], list[pulumi.Resource]]

    def of(self, model: Model) -> list[pulumi.Resource]:
        """What a model waits for: its own alone, as what all wait for of each other grows with their square."""
        return self.before.get((model.namespace, model.name), [])

    def of_all(self) -> list[pulumi.Resource]:
        """What any model waits for."""
        return list(dict.fromkeys(chain.from_iterable(self.before.values())))


def storage(settings: Settings, *, opts: pulumi.ResourceOptions) -> InBuckets:
    """What the models of a stack have in Cloud Storage, if they have anything there."""
    if not settings.mounts_buckets:
        return InBuckets(None, None, None, {})
    made = Storage("storage", settings=settings, opts=opts)
    named, cache, weights = uris.folder(settings.compile_cache), made.buckets.get(CACHE), made.buckets.get(WEIGHTS)
    return InBuckets(
        named.bucket if named else cache and cache.name,
        weights and weights.name,
        weights and weights.time_created,
        {
            (m.namespace, m.name): [
                *made.buckets.values(),
                *made.granted[m.namespace, m.name],
                *made.granted[m.namespace, m.name + COPY],
            ]
            for m in settings.models
        },
    )
