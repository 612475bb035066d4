"""Cloud Storage FUSE in a simulated cluster: why a Pod does not get the bucket that it mounts.

Refused are: a claim without its volume, a mount in a cluster without GKE's driver, in a Pod without the annotation that
GKE looks for, of a bucket that does not exist, and by an account that may not read it. A claim that the inventory does
not have is one that somebody has made by hand, and taken to be good. Left out: what is in a bucket, options of a mount,
a bucket's region, and that a grant takes minutes to be seen.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .google_buckets import exists
from .google_kinds import BUCKET_MEMBER
from .inventory import Item
from .kubernetes_cluster import Cluster
from .kubernetes_kinds import CLAIM, LLM, VOLUME

DRIVER = "gcsfuse.csi.storage.gke.io"
ANNOTATION = "gke-gcsfuse/volumes"
WRITERS = ("roles/storage.objectUser", "roles/storage.objectAdmin")
READERS = ("roles/storage.objectViewer", *WRITERS)
Mount = tuple[str, Mapping[str, Any]]
"""The name of a volume, and what the driver is told of it."""


def unbound(cluster: Cluster, claim: Item) -> str | None:
    """Why a claim stays Pending."""
    wanted = claim.inputs["spec"].get("volumeName")
    return f'persistentvolume "{wanted}" not found' if wanted and not cluster.find(VOLUME, "", wanted) else None


def in_use(cluster: Cluster, item: Item) -> str | None:
    """What keeps a claim or a volume that is deleted, as their finalizers do."""
    if item.kind == VOLUME:
        users = [claim.id for claim in cluster.find(CLAIM) if claim.inputs["spec"].get("volumeName") == item.name]
        return f"timed out: finalizer kubernetes.io/pv-protection: bound to {users[0]}" if users else None
    services = cluster.find(LLM, item.inputs["metadata"]["namespace"])
    users = [service.id for service in services if _claim(service) == item.name]
    return f"timed out: finalizer kubernetes.io/pvc-protection: used by Pods of {users[0]}" if users else None


def _claim(service: Item) -> str:
    """The claim that a service's weights are on."""
    scheme, _, rest = service.inputs["spec"]["model"]["uri"].partition("://")
    return rest.partition("/")[0] if scheme == "pvc" else ""


def unmounted(cluster: Cluster, service: Item) -> str | None:
    """Why vLLM's Pods of a service wait for their bucket; the picker mounts none."""
    spec, namespace = service.inputs["spec"], service.inputs["metadata"]["namespace"]
    template = spec.get("template", {})
    account = f"{namespace}/{template.get('serviceAccountName', 'default')}"
    mounts: list[Mount] = []
    for claim in cluster.find(CLAIM, namespace, _claim(service)):
        [volume] = cluster.find(VOLUME, "", claim.inputs["spec"]["volumeName"])
        mounts.append((volume.name, volume.inputs["spec"]["csi"]))
    return _set_up(cluster, [*mounts, *_inline(template)], account, spec.get("annotations", {}))


def unmounted_by(cluster: Cluster, job: Item) -> str | None:
    """Why the Pod of a Job waits for its bucket."""
    template, namespace = job.inputs["spec"]["template"], job.inputs["metadata"]["namespace"]
    account = f"{namespace}/{template['spec'].get('serviceAccountName', 'default')}"
    annotations = template.get("metadata", {}).get("annotations", {})
    return _set_up(cluster, _inline(template["spec"]), account, annotations)


def _inline(pod: Mapping[str, Any]) -> list[Mount]:
    """What a Pod mounts without a claim."""
    return [(volume["name"], volume["csi"]) for volume in pod.get("volumes", []) if "csi" in volume]


def _set_up(cluster: Cluster, mounts: Iterable[Mount], account: str, annotations: Mapping[str, str]) -> str | None:
    """The kubelet's words for the first mount that fails."""
    for name, csi in mounts:
        for problem in _problems(cluster, csi, account, annotations):
            return f'MountVolume.SetUp failed for volume "{name}" : {problem}'
    return None


def _problems(cluster: Cluster, csi: Mapping[str, Any], account: str, annotations: Mapping[str, str]) -> Iterator[str]:
    bucket, driver = csi.get("volumeHandle") or csi["volumeAttributes"]["bucketName"], csi["driver"]
    roles = READERS if csi.get("readOnly") else WRITERS
    addon = cluster.gke.inputs.get("addonsConfig", {}).get("gcsFuseCsiDriverConfig", {})
    if driver != DRIVER or not addon.get("enabled"):
        yield f"driver name {driver} not found in the list of registered CSI drivers"
    if annotations.get(ANNOTATION) != "true":
        yield "failed to find the sidecar container in Pod spec"
    if not exists(cluster.inventory, bucket):
        yield f'failed to get GCS bucket "{bucket}": googleapi: Error 404: The specified bucket does not exist.'
    member = f"serviceAccount:{cluster.project}.svc.id.goog[{account}]"
    grants = cluster.inventory.find(BUCKET_MEMBER)
    granted = any(
        (g.inputs["bucket"], g.inputs["member"]) == (bucket, member) and g.inputs["role"] in roles for g in grants
    )
    if not granted and not _granted_by_others(cluster):
        yield (
            f'failed to get GCS bucket "{bucket}": googleapi: Error 403: Caller does not have storage.objects.list '
            f"access to the Google Cloud Storage bucket. ({member})"
        )


def _granted_by_others(cluster: Cluster) -> bool:
    """Whether nodes run as an account of somebody else's, who has then granted the rest, too."""
    accounts = {pool.inputs.get("nodeConfig", {}).get("serviceAccount") for _, pool in cluster.pools}
    return bool(accounts & cluster.inventory.outside)
