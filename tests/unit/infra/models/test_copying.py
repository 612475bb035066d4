"""Weights that are copied once: the Job, who may write, and what waits for it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from infra.models import copy_job
from infra.releases import pins
from tests.support.dependencies import made_of, needs
from tests.support.pods import model
from tests.support.program import UNKNOWN, Declared, Run, spec
from tests.support.stacks import MODEL

COMMIT = "aa8e72537993ba99e69dfaafa59ed015b17504d1"
URI = f"hf://Qwen/Qwen2.5-3B-Instruct:{COMMIT}"
PLACE = f"Qwen/Qwen2.5-3B-Instruct/{COMMIT}"
COPIED = {**MODEL, "name": "qwen", "namespace": "demo", "uri": URI}
TOKEN: dict[str, Any] = {"huggingFaceToken": "hf_test", "secrets": ("huggingFaceToken",)}


@pytest.fixture
def copied(run: Run) -> Declared:
    return run(models=[COPIED], weightsCache=True)


def job(declared: Declared) -> dict[str, Any]:
    return declared.one(":Job", "demo.qwen-copy").inputs


def pod(declared: Declared) -> dict[str, Any]:
    return job(declared)["spec"]["template"]["spec"]


def claim(declared: Declared) -> str:
    return declared.one(":PersistentVolumeClaim").inputs["metadata"]["name"]


def test_kserves_own_downloader_fetches_and_the_name_comes_last(copied: Declared) -> None:
    [container] = pod(copied)["containers"]
    assert container["image"].endswith(pins.STORAGE_INITIALIZER_IMAGE.removeprefix("docker.io"))
    assert container["command"] == [
        "sh",
        "-c",
        'there() { test -d "$3" && rm -rf "$2"; }; '
        'there "$@" || { /storage-initializer/scripts/initializer-entrypoint "$1" "$2" && rm -rf "$2/.cache" '
        '&& mkdir -p "${3%/*}" && { mv -T "$2" "$3" || there "$@"; }; }',
        "copy",
        URI,
        f"/weights/part/demo/{claim(copied)}",
        f"/weights/{PLACE}",
    ]


def run_copy(tmp_path: Path, downloader: str) -> int:
    """Run the copy's command with another downloader, in a folder in place of the bucket; the exit code."""
    script = tmp_path / "downloader"
    script.write_text(f"#!/bin/sh\n{downloader}\n")
    script.chmod(0o755)
    command = copy_job.COPY.replace("/storage-initializer/scripts/initializer-entrypoint", str(script))
    arguments = [URI, str(tmp_path / "part/demo/qwen"), str(tmp_path / PLACE)]
    return subprocess.run(["/bin/sh", "-c", command, "copy", *arguments], check=False).returncode  # noqa: S603


FETCH = 'mkdir -p "$2/.cache" && echo "$1" > "$2/config.json"'


def test_what_has_the_commits_name_is_whole(tmp_path: Path) -> None:
    assert run_copy(tmp_path, f"{FETCH}; exit 1") == 1
    assert not (tmp_path / PLACE).exists()
    assert run_copy(tmp_path, FETCH) == 0
    assert [file.name for file in (tmp_path / PLACE).iterdir()] == ["config.json"]
    assert (tmp_path / PLACE / "config.json").read_text() == f"{URI}\n"
    assert not (tmp_path / "part/demo/qwen").exists()


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    for folder in (PLACE, "part/demo/qwen"):
        (tmp_path / folder).mkdir(parents=True)
    assert run_copy(tmp_path, "exit 1") == 0
    assert not (tmp_path / "part/demo/qwen").exists()


def test_what_another_model_has_fetched_meanwhile_stays_and_no_second_copy_does(tmp_path: Path) -> None:
    place = tmp_path / PLACE
    assert run_copy(tmp_path, f"{FETCH} && mkdir -p {place} && echo first > {place}/config.json") == 0
    assert (place / "config.json").read_text() == "first\n"
    assert not (tmp_path / "part/demo/qwen").exists()


def test_copy_is_written_through_the_mount_as_the_user_of_the_image(copied: Declared) -> None:
    [container] = pod(copied)["containers"]
    assert container["volumeMounts"] == [{"name": "weights", "mountPath": "/weights"}]
    [volume] = pod(copied)["volumes"]
    assert {key: value for key, value in volume["csi"]["volumeAttributes"].items() if key != "bucketName"} == {
        "mountOptions": "implicit-dirs,uid=1000,gid=1000",
        "skipCSIBucketAccessCheck": "true",
    }
    assert (volume["name"], volume["csi"]["driver"]) == ("weights", "gcsfuse.csi.storage.gke.io")
    assert job(copied)["spec"]["template"]["metadata"]["annotations"] == {
        "gke-gcsfuse/volumes": "true",
        "gke-gcsfuse/cpu-limit": "0",
        "gke-gcsfuse/memory-limit": "0",
        "gke-gcsfuse/ephemeral-storage-limit": "0",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    }


def test_pod_of_the_copy_takes_no_right_of_its_node(copied: Declared) -> None:
    of = pod(copied)
    assert of["securityContext"] == {
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsNonRoot": True,
        "runAsUser": 1000,
    }
    assert of["automountServiceAccountToken"] is False
    [container] = of["containers"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert container["resources"] == {
        "limits": {"cpu": "2", "memory": "8Gi"},
        "requests": {"cpu": "1", "memory": "2Gi"},
    }
    assert of["restartPolicy"] == "Never"


def test_tries_outlast_a_grant_that_is_not_in_force_yet_and_no_two_write_at_once(copied: Declared) -> None:
    limits = {key: value for key, value in job(copied)["spec"].items() if key != "template"}
    assert limits == {"backoffLimit": 6, "activeDeadlineSeconds": 5400, "podReplacementPolicy": "Failed"}


def test_gated_model_is_fetched_with_a_token_that_its_own_pods_do_not_get(run: Run, copied: Declared) -> None:
    [container] = pod(copied)["containers"]
    assert container["env"] == [{"name": "HOME", "value": "/tmp"}]  # noqa: S108
    declared = run(models=[COPIED], weightsCache=True, **TOKEN)
    secret = declared.one(":Secret").inputs
    assert secret["metadata"] == {"name": "qwen-weights-copy", "namespace": "demo"}
    assert secret["stringData"]["value"] == {"HF_TOKEN": "hf_test"}
    assert "secrets" not in declared.one(":ServiceAccount", "demo.qwen").inputs
    [container] = pod(declared)["containers"]
    reference = {"secretKeyRef": {"name": "qwen-weights-copy", "key": "HF_TOKEN"}}
    assert container["env"][1:] == [{"name": "HF_TOKEN", "valueFrom": reference}]


def test_account_of_the_copy_alone_may_write(copied: Declared) -> None:
    account = copied.one(":ServiceAccount", "demo.qwen-copy").inputs["metadata"]
    assert account == {"name": "qwen-weights-copy", "namespace": "demo"}
    assert pod(copied)["serviceAccountName"] == "qwen-weights-copy"
    grants = {(g.inputs["member"], g.inputs["role"].split(".")[-1]) for g in copied.all(":BucketIAMMember")}
    pool = "serviceAccount:my-project.svc.id.goog"
    assert grants == {
        (f"{pool}[demo/qwen]", "objectViewer"),
        (f"{pool}[demo/qwen-weights-copy]", "objectUser"),
    }
    assert all("Bucket weights" in made_of(grant, "bucket") for grant in copied.all(":BucketIAMMember"))


def test_bucket_of_the_copies_renames_in_one_step_and_holds_nothing_that_is_missed(copied: Declared) -> None:
    assert copied.one(":Bucket").inputs == {
        "name": "tpu-dev-weights-494a1e8a",
        "location": "europe-west4",
        "uniformBucketLevelAccess": True,
        "publicAccessPrevention": "enforced",
        "softDeletePolicy": {"retentionDurationSeconds": 0},
        "hierarchicalNamespace": {"enabled": True},
        "forceDestroy": True,
    }


def test_model_reads_the_copy_of_its_commit_and_waits_for_it(copied: Declared) -> None:
    volume = copied.one(":PersistentVolume")
    assert volume.inputs["spec"]["mountOptions"][-1] == f"only-dir={PLACE}"
    assert "Bucket weights" in made_of(volume, "spec")
    assert spec(copied)["model"] == {"uri": f"pvc://{claim(copied)}", "name": "Qwen/Qwen2.5-3B-Instruct"}
    assert "Job demo.qwen-copy" in needs(copied, copied.one(":LLMInferenceService"))


def test_model_waits_for_no_other_models_copy_and_rights(run: Run) -> None:
    models = [COPIED, {**COPIED, "name": "other"}]
    declared = run(models=models, weightsCache=True, compileCache="own", warmUp=False, tpuMaxNodes=2)
    before = needs(declared, declared.one(":LLMInferenceService", "demo.qwen"))
    assert {what for what in before if what.startswith(("Bucket", "Job", "Copy"))} == {
        "Bucket compile-cache",
        "Bucket weights",
        "BucketIAMMember compile-cache.demo.qwen",
        "BucketIAMMember weights.demo.qwen",
        "BucketIAMMember weights.demo.qwen-weights-copy",
        "Copy demo.qwen",
        "Job demo.qwen-copy",
    }


def test_job_is_made_once_for_a_commit_waited_for_and_made_anew_if_it_has_failed(copied: Declared) -> None:
    made = copied.one(":Job", "demo.qwen-copy")
    assert made.inputs["metadata"] == {
        "name": f"{claim(copied)}-copy",
        "namespace": "demo",
        "annotations": {"pulumi.com/replaceUnready": "true"},
    }
    assert list(made.request.ignoreChanges) == ["spec"]
    assert (made.request.customTimeouts.create, made.request.customTimeouts.update) == ("100m", "100m")
    assert made.request.deleteBeforeReplace


def test_job_is_made_anew_for_another_cluster_or_registry(run: Run, phase: str) -> None:
    made = run(models=[COPIED], weightsCache=True, imageRegistry="publishers").one(":Job", "demo.qwen-copy")
    trigger = MessageToDict(made.request.replacement_trigger)
    assert trigger == (UNKNOWN if phase == "preview" else ["tpu-inference-id", "publishers", None])


def test_job_waits_for_its_account_and_its_rights(copied: Declared) -> None:
    before = needs(copied, copied.one(":Job", "demo.qwen-copy"))
    assert {"ServiceAccount demo.qwen-copy", "BucketIAMMember weights.demo.qwen-weights-copy"} <= before


def test_copy_comes_beside_the_platform_and_before_a_tpu_node_is_asked_for(copied: Declared) -> None:
    before = needs(copied, copied.one(":Job", "demo.qwen-copy"))
    assert "Namespace demo" in before
    assert not [what for what in before if what.startswith(("Release", "Gateway", "NodePool tpu"))]
    for name in ("v6e-4-holder", "v6e-4-image", "v6e-4-arrival"):
        assert "Job demo.qwen-copy" in needs(copied, copied.one(":Job", name))


def test_nothing_is_copied_for_a_paused_model(run: Run) -> None:
    declared = run(models=[{**COPIED, "paused": True}], weightsCache=True)
    assert [r.name for r in declared if r.name.endswith("copy")] == []
    assert spec(declared)["model"]["uri"].startswith("pvc://")
    assert declared.one(":Bucket").name == "weights"


def test_isolated_copy_gets_out_to_names_metadata_and_https_alone(run: Run) -> None:
    declared = run(models=[COPIED], weightsCache=True, isolation=True)
    policy = declared.one(":NetworkPolicy", "demo.qwen.qwen-weights-copy").inputs["spec"]
    [name] = policy["podSelector"]["matchLabels"].values()
    assert policy["podSelector"]["matchLabels"].keys() == {"batch.kubernetes.io/job-name"}
    assert name == job(declared)["metadata"]["name"]
    assert "ingress" not in policy
    ports = {int(port["port"]) for rule in policy["egress"] for port in rule["ports"]}
    assert ports == {53, 80, 443, 8080}
    assert "NetworkPolicy demo.qwen.qwen-weights-copy" in needs(declared, declared.one(":Job", "demo.qwen-copy"))


def test_another_commit_is_another_job() -> None:
    assert copy_job.job_name(model(uri=URI)) != copy_job.job_name(model(uri=f"hf://Qwen/Qwen3-8B:{COMMIT}"))


def test_without_it_weights_come_as_before(run: Run) -> None:
    declared = run(models=[COPIED])
    assert spec(declared)["model"]["uri"] == URI
    assert [r.name for r in declared if r.name.endswith("copy")] == []
