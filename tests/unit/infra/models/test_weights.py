"""Weights in Cloud Storage: the volume, the claim, and what the Pods that mount them are told."""

from infra.models import weights
from tests.support.dependencies import made_of, needs
from tests.support.pods import model
from tests.support.program import Declared, Run, spec
from tests.support.stacks import MODEL

URI = "gs://my-models/Qwen/Qwen2.5-3B-Instruct"
IN_BUCKET = {**MODEL, "name": "qwen", "namespace": "demo", "uri": URI}
CLAIM = "qwen-193197c6"


def volume_of(declared: Declared) -> dict[str, object]:
    return declared.one(":PersistentVolume").inputs["spec"]


def test_kserve_is_given_a_claim_and_downloads_nothing(run: Run) -> None:
    declared = run(models=[IN_BUCKET])
    claim = declared.one(":PersistentVolumeClaim").inputs["metadata"]
    assert claim == {"name": CLAIM, "namespace": "demo"}
    assert spec(declared)["model"] == {"uri": f"pvc://{CLAIM}", "name": "qwen"}


def test_any_other_uri_stays_as_it_is() -> None:
    assert weights.uri(model(uri="pvc://claim/x"), mounted=False) == "pvc://claim/x"


def test_volume_is_the_folder_read_only_and_outlives_nothing(run: Run) -> None:
    declared = run(models=[IN_BUCKET])
    assert declared.one(":PersistentVolume").inputs["metadata"] == {"name": f"demo.{CLAIM}"}
    assert volume_of(declared) == {
        "accessModes": ["ReadOnlyMany"],
        "capacity": {"storage": "1Ti"},
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {"namespace": "demo", "name": CLAIM},
        "mountOptions": [
            "implicit-dirs",
            "file-cache:max-size-mb:-1",
            "file-cache:cache-file-for-range-read:true",
            "file-cache:enable-parallel-downloads:true",
            "file-system:kernel-list-cache-ttl-secs:-1",
            "metadata-cache:stat-cache-max-size-mb:-1",
            "metadata-cache:ttl-secs:-1",
            "metadata-cache:type-cache-max-size-mb:-1",
            "read_ahead_kb=1024",
            "only-dir=Qwen/Qwen2.5-3B-Instruct",
        ],
        "csi": {
            "driver": "gcsfuse.csi.storage.gke.io",
            "volumeHandle": "my-models",
            "readOnly": True,
            "volumeAttributes": {"skipCSIBucketAccessCheck": "true", "gcsfuseMetadataPrefetchOnMount": "true"},
        },
    }


def test_whole_bucket_is_mounted_whole(run: Run) -> None:
    declared = run(models=[{**IN_BUCKET, "uri": "gs://my-models"}])
    assert volume_of(declared)["mountOptions"] == list(weights.OPTIONS)


def test_claim_takes_that_volume_and_no_class_makes_one(run: Run) -> None:
    declared = run(models=[IN_BUCKET])
    claim = declared.one(":PersistentVolumeClaim")
    assert claim.inputs["spec"] == {
        "accessModes": ["ReadOnlyMany"],
        "resources": {"requests": {"storage": "1Ti"}},
        "storageClassName": "",
        "volumeName": f"demo.{CLAIM}",
    }
    assert "PersistentVolume demo.qwen" in made_of(claim, "spec")


def test_another_folder_has_another_claim_and_the_same_one_the_same() -> None:
    names = [weights.claim_name(model(uri=uri)) for uri in ("gs://one/x", "gs://one/y", "gs://two/x", "gs://one/x")]
    assert len(set(names)) == 3
    assert names[0] == names[3]


def test_service_waits_for_its_claim(run: Run) -> None:
    declared = run(models=[IN_BUCKET])
    assert "PersistentVolumeClaim demo.qwen" in needs(declared, declared.one(":LLMInferenceService"))


def test_another_cluster_makes_both_anew(run: Run) -> None:
    declared = run(models=[IN_BUCKET])
    for kind in (":PersistentVolume", ":PersistentVolumeClaim"):
        assert declared.one(kind).request.HasField("replacement_trigger")


def test_vllms_pod_asks_for_the_mount_unbounded_and_the_picker_for_none(run: Run) -> None:
    of = spec(run(models=[IN_BUCKET]))
    assert of["annotations"] == {
        "gke-gcsfuse/volumes": "true",
        "gke-gcsfuse/cpu-limit": "0",
        "gke-gcsfuse/memory-limit": "0",
        "gke-gcsfuse/ephemeral-storage-limit": "0",
    }
    assert "annotations" not in of["router"]["scheduler"]


def test_files_are_kept_in_memory_while_vllm_reads_them(run: Run) -> None:
    volumes = spec(run(models=[IN_BUCKET]))["template"]["volumes"]
    assert {"name": "gke-gcsfuse-cache", "emptyDir": {"medium": "Memory"}} in volumes


def test_pods_of_other_models_have_nothing_of_it(dev: Declared) -> None:
    of = spec(dev)
    assert "annotations" not in of
    assert "annotations" not in of["router"]["scheduler"]
    assert [volume["name"] for volume in of["template"]["volumes"]] == ["dshm"]
