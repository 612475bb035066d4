"""Why a Pod of a simulated cluster does not get the bucket that it mounts, and what a grant on one needs."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sandbox.clouds import buckets
from sandbox.clouds.google_buckets import pool_of
from sandbox.clouds.google_kinds import BUCKET, BUCKET_MEMBER, CLUSTER, POOL
from sandbox.clouds.inventory import CloudError, Item
from sandbox.clouds.kubernetes_cluster import Cluster
from sandbox.clouds.kubernetes_kinds import CLAIM, JOB, LLM, VOLUME
from tests.support.google_project import Project

VOLUME_INPUTS = {"spec": {"csi": {"driver": "gcsfuse.csi.storage.gke.io", "volumeHandle": "weights", "readOnly": True}}}
CLAIM_INPUTS = {"metadata": {"namespace": "demo"}, "spec": {"volumeName": "demo.qwen"}}
MOUNT = {"gke-gcsfuse/volumes": "true"}
SERVICE: dict[str, Any] = {
    "metadata": {"namespace": "demo"},
    "spec": {
        "model": {"uri": "pvc://qwen-1"},
        "annotations": MOUNT,
        "template": {"serviceAccountName": "qwen"},
    },
}
WITH_DRIVER = {
    "workloadIdentityConfig": {"workloadPool": "p.svc.id.goog"},
    "addonsConfig": {"gcsFuseCsiDriverConfig": {"enabled": True}},
}
MEMBERS = [f"serviceAccount:p.svc.id.goog[demo/{account}]" for account in ("qwen",)]


class Cloud:
    """A cluster with a model whose weights are in a bucket, all of it as it has to be."""

    def __init__(self, path: Path, **cluster: Any) -> None:
        self.project = Project(path)
        self.inventory = self.project.google.inventory
        made = self.project.cluster(**WITH_DRIVER | cluster)
        self.project.create(BUCKET, name="weights", location="europe-west4")
        host = made["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"]
        kubeconfig = f"clusters: [{{cluster: {{server: 'https://{host}'}}}}]"
        self.cluster = Cluster(self.inventory, {"kubeconfig": kubeconfig})
        self.put(VOLUME, "", "demo.qwen", VOLUME_INPUTS)
        self.claim = self.put(CLAIM, "demo", "qwen-1", CLAIM_INPUTS)
        self.service = self.put(LLM, "demo", "qwen", deepcopy(SERVICE))

    def put(self, kind: str, namespace: str, name: str, inputs: dict[str, Any]) -> Item:
        item = Item("kubernetes", kind, self.cluster.scope(namespace), name, f"{namespace}/{name}", inputs)
        self.inventory.record("create", item)
        return item

    def grant(self, *members: str, role: str = "roles/storage.objectViewer") -> None:
        for member in members:
            self.project.create(BUCKET_MEMBER, bucket="weights", role=role, member=member)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


def problem(cloud: Cloud) -> str:
    return buckets.unmounted(cloud.cluster, cloud.service) or ""


def test_pods_that_have_all_they_need_get_their_bucket(cloud: Cloud) -> None:
    cloud.grant(*MEMBERS)
    assert problem(cloud) == ""


@pytest.mark.parametrize("who", MEMBERS)
def test_pod_that_may_not_read_is_refused(cloud: Cloud, who: str) -> None:
    cloud.grant(*(member for member in MEMBERS if member != who))
    assert problem(cloud).endswith(f"access to the Google Cloud Storage bucket. ({who})")


def test_role_that_does_not_read_is_none(cloud: Cloud) -> None:
    cloud.grant(*MEMBERS, role="roles/storage.objectCreator")
    assert "Caller does not have storage.objects.list" in problem(cloud)


def test_cluster_without_the_driver_mounts_nothing(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, addonsConfig={"gcsFuseCsiDriverConfig": {"enabled": False}})
    cloud.grant(*MEMBERS)
    assert problem(cloud).endswith(
        "driver name gcsfuse.csi.storage.gke.io not found in the list of registered CSI drivers"
    )


def test_pod_without_the_annotation_has_nothing_that_mounts(cloud: Cloud) -> None:
    cloud.grant(*MEMBERS)
    cloud.service.inputs["spec"]["annotations"] = {}
    assert problem(cloud) == (
        'MountVolume.SetUp failed for volume "demo.qwen" : failed to find the sidecar container in Pod spec'
    )


def test_bucket_that_went_is_missed(cloud: Cloud) -> None:
    cloud.grant(*MEMBERS)
    cloud.project.google.delete(cloud.project.call(BUCKET), "weights")
    assert "The specified bucket does not exist" in problem(cloud)


def test_who_names_the_nodes_account_has_granted_the_rest(cloud: Cloud) -> None:
    email = "theirs@p.iam.gserviceaccount.com"
    cloud.inventory.outside.add(email)
    cloud.project.pool(nodeConfig={"serviceAccount": email}, initialNodeCount=1)
    cloud.cluster = Cluster(
        cloud.inventory, {"kubeconfig": f"clusters: [{{cluster: {{server: 'https://{cloud.cluster.host}'}}}}]"}
    )
    assert cloud.inventory.find(POOL)
    assert problem(cloud) == ""


@pytest.mark.parametrize(
    ("role", "refused"),
    [("roles/storage.objectUser", False), ("roles/storage.objectViewer", True)],
)
def test_volume_that_is_written_to_takes_the_right_to_write(cloud: Cloud, role: str, refused: bool) -> None:
    spec = cloud.service.inputs["spec"]
    spec["model"]["uri"] = "hf://a/b"
    cache = {"driver": "gcsfuse.csi.storage.gke.io", "volumeAttributes": {"bucketName": "weights"}}
    spec["template"]["volumes"] = [{"name": "dshm", "emptyDir": {}}, {"name": "cache", "csi": cache}]
    cloud.grant(MEMBERS[0], role=role)
    assert ('failed for volume "cache"' in problem(cloud)) is refused


@pytest.mark.parametrize(("granted", "refused"), [(True, False), (False, True)])
def test_job_that_mounts_a_bucket_needs_its_rights_too(cloud: Cloud, granted: bool, refused: bool) -> None:
    volume = {"driver": "gcsfuse.csi.storage.gke.io", "volumeAttributes": {"bucketName": "weights"}}
    pod = {
        "serviceAccountName": "qwen",
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "weights", "csi": volume}],
    }
    template = {"metadata": {"annotations": MOUNT}, "spec": pod}
    job = cloud.put(JOB, "demo", "copy", {"metadata": {"namespace": "demo"}, "spec": {"template": template}})
    if granted:
        cloud.grant(MEMBERS[0], role="roles/storage.objectUser")
    assert bool(buckets.unmounted_by(cloud.cluster, job)) is refused
    del template["metadata"]
    assert "failed to find the sidecar" in str(buckets.unmounted_by(cloud.cluster, job))
    pod["volumes"] = []
    assert buckets.unmounted_by(cloud.cluster, job) is None


def test_claim_of_somebody_elses_is_taken_to_be_good(cloud: Cloud) -> None:
    cloud.service.inputs["spec"]["model"]["uri"] = "pvc://made-by-hand/path"
    assert problem(cloud) == ""


def test_claim_waits_for_its_volume(cloud: Cloud) -> None:
    assert buckets.unbound(cloud.cluster, cloud.claim) is None
    [volume] = cloud.cluster.find(VOLUME)
    cloud.inventory.record("delete", volume)
    assert buckets.unbound(cloud.cluster, cloud.claim) == 'persistentvolume "demo.qwen" not found'


def test_claim_and_volume_stay_while_they_are_used(cloud: Cloud) -> None:
    [volume] = cloud.cluster.find(VOLUME)
    assert "pvc-protection: used by Pods of demo/qwen" in str(buckets.in_use(cloud.cluster, cloud.claim))
    assert "pv-protection: bound to demo/qwen-1" in str(buckets.in_use(cloud.cluster, volume))
    cloud.inventory.record("delete", cloud.service)
    assert buckets.in_use(cloud.cluster, cloud.claim) is None
    cloud.inventory.record("delete", cloud.claim)
    assert buckets.in_use(cloud.cluster, volume) is None


def test_grant_on_a_bucket_that_is_not_there_is_refused(cloud: Cloud) -> None:
    inputs = {"role": "roles/storage.objectViewer", "member": MEMBERS[0]}
    with pytest.raises(
        CloudError, match='storage bucket "b/none": googleapi: Error 404: The specified bucket does not'
    ):
        cloud.project.create(BUCKET_MEMBER, bucket="none", **inputs)
    cloud.inventory.outside.add("gs://none")
    cloud.project.create(BUCKET_MEMBER, bucket="none", **inputs)


def test_pods_are_unknown_before_there_is_a_cluster(project: Project) -> None:
    project.create(BUCKET, name="weights", location="europe-west4")
    assert project.google.inventory.find(CLUSTER) == []
    with pytest.raises(CloudError, match=r"Identity Pool does not exist \(p\.svc\.id\.goog\)"):
        project.create(BUCKET_MEMBER, bucket="weights", role="roles/storage.objectViewer", member=MEMBERS[0])


@pytest.mark.parametrize(
    ("member", "pool"),
    [
        ("serviceAccount:p.svc.id.goog[a/b]", "p.svc.id.goog"),
        ("serviceAccount:a@p.iam.gserviceaccount.com", None),
        ("user:p.svc.id.goog[a/b]", None),
        ("serviceAccount:p.svc.id.goog[a]", None),
    ],
)
def test_pool_of_a_member(member: str, pool: str | None) -> None:
    assert pool_of(member) == pool
