"""Weights in Cloud Storage: a folder of a bucket, mounted where KServe would have put a download.

KServe v0.20 takes no `gs://` in an LLMInferenceService, and its download would pass through the boot disk. It takes a
claim, mounts it and downloads nothing (`attachPVCModelArtifact` in pkg/controller/v1alpha2/llmisvc/workload_storage.go
of https://github.com/kserve/kserve/tree/v0.20.0). So the program makes a volume of GKE's driver for Cloud Storage FUSE
and a claim on it, and names that.
"""

import hashlib
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.settings import uris
from infra.settings.model import Model

from . import fuse

CACHE = {"name": "gke-gcsfuse-cache", "emptyDir": {"medium": "Memory"}}
"""Where a file is kept while it is downloaded in parallel, by the name that GKE looks for. A TPU host has no local SSD,
but many times the memory of its chips."""

OPTIONS = (
    "implicit-dirs",
    "file-cache:max-size-mb:-1",
    "file-cache:cache-file-for-range-read:true",
    "file-cache:enable-parallel-downloads:true",
    "file-system:kernel-list-cache-ttl-secs:-1",
    "metadata-cache:stat-cache-max-size-mb:-1",
    "metadata-cache:ttl-secs:-1",
    "metadata-cache:type-cache-max-size-mb:-1",
    "read_ahead_kb=1024",
)
"""What Google advises for serving a model, in
https://cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-perf: nothing that has been read is
asked for again, which is right for weights, as they do not change under a Pod."""

SIZE = "1Ti"
"""A volume and a claim have to name one, and nobody measures it."""


def claim_name(model: Model) -> str:
    """The claim of a model's folder. Another folder has another claim: one that is mounted could not be changed."""
    return f"{model.name}-{hashlib.sha256(model.uri.encode()).hexdigest()[:8]}"


def place(model: Model) -> str:
    """The folder of a model from Hugging Face in the stack's own bucket: `ORGANISATION/REPOSITORY/COMMIT`."""
    return model.uri.removeprefix("hf://").replace(":", "/")


def uri(model: Model, *, mounted: bool) -> str:
    """What KServe is told: the claim, if the weights are mounted, and else the URI as it is."""
    return f"pvc://{claim_name(model)}" if mounted else model.uri


def volume(bucket: pulumi.Input[str], path: str, *, claim: str, namespace: pulumi.Input[str]) -> dict[str, Any]:
    """The spec of the volume that is this folder of a bucket, for this claim and no other."""
    only = [f"only-dir={path}"] if path else []
    return {
        "accessModes": ["ReadOnlyMany"],
        "capacity": {"storage": SIZE},
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {"namespace": namespace, "name": claim},
        "mountOptions": [*OPTIONS, *only],
        "csi": {
            "driver": fuse.DRIVER,
            "volumeHandle": bucket,
            "readOnly": True,
            "volumeAttributes": {**fuse.UNCHECKED, "gcsfuseMetadataPrefetchOnMount": "true"},
        },
    }


def mounted(
    name: str,
    *,
    model: Model,
    bucket: pulumi.Input[str] | None,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Makes the volume and the claim of a model from Cloud Storage, or of one that is copied into the stack's `bucket`,
    for the service to depend on; else nothing."""
    folder = uris.folder(model.uri)
    claim, place_ = claim_name(model), folder.path if folder else place(model)
    of = folder.bucket if folder else bucket
    if of is None:
        return []
    of_volume: Any = volume(of, place_, claim=claim, namespace=namespace)
    made = k8s.core.v1.PersistentVolume(
        name, metadata={"name": f"{model.namespace}.{claim}"}, spec=of_volume, opts=opts
    )
    of_claim: Any = {
        "accessModes": ["ReadOnlyMany"],
        "resources": {"requests": {"storage": SIZE}},
        "storageClassName": "",
        "volumeName": made.metadata.name,
    }
    return [
        k8s.core.v1.PersistentVolumeClaim(
            name, metadata={"name": claim, "namespace": namespace}, spec=of_claim, opts=opts
        )
    ]
