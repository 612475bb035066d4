"""What a Pod that mounts a bucket is told, whatever it mounts.

GKE puts a sidecar into it, which serves the mount as the Pod's own identity
(https://cloud.google.com/kubernetes-engine/docs/concepts/cloud-storage-fuse-csi-driver).
"""

from collections.abc import Mapping
from typing import Any

DRIVER = "gcsfuse.csi.storage.gke.io"

ANNOTATIONS: Mapping[str, str] = {
    "gke-gcsfuse/volumes": "true",
    **{f"gke-gcsfuse/{resource}-limit": "0" for resource in ("cpu", "memory", "ephemeral-storage")},
}
"""What GKE looks for, and that it does not bound the sidecar, which it does at a quarter of a processor, 256 MiB and
5 GiB (https://cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-sidecar): weights are large,
and vLLM has its node to itself."""

UNCHECKED = {"skipCSIBucketAccessCheck": "true"}
"""The driver's own look at the bucket would only come before the one of what mounts it."""


def volume(name: str, bucket: Any, options: str) -> dict[str, Any]:
    """A volume of a Pod that is the bucket of this name, mounted with these options."""
    attributes = {"bucketName": bucket, "mountOptions": f"implicit-dirs,{options}", **UNCHECKED}
    return {"name": name, "csi": {"driver": DRIVER, "volumeAttributes": attributes}}
