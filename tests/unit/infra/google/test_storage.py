"""Who may read the buckets that weights are in, and where compiled programs are kept."""

import re

import pytest

from infra.google.storage import bucket_name, own_buckets, rights
from infra.settings.load import parse
from tests.support.dependencies import made_of, needs
from tests.support.program import Run, gke
from tests.support.project import protected
from tests.support.stack_settings import stack
from tests.support.stacks import MODEL

IN_BUCKET = {**MODEL, "name": "qwen", "namespace": "demo", "uri": "gs://my-models/qwen"}
OTHER = {**IN_BUCKET, "name": "other", "uri": "gs://other-models"}
ACCOUNT = "gke-nodes@my-project.iam.gserviceaccount.com"


def test_vllms_pods_read_their_models_bucket_and_nobody_else_does(run: Run) -> None:
    declared = run(models=[IN_BUCKET, OTHER, MODEL], tpuMaxNodes=3)
    grants = declared.all(":BucketIAMMember")
    assert {(g.inputs["bucket"], g.inputs["role"], g.inputs["member"]) for g in grants} == {
        (bucket, "roles/storage.objectViewer", f"serviceAccount:my-project.svc.id.goog[demo/{account}]")
        for bucket, account in (("my-models", "qwen"), ("other-models", "other"))
    }


def test_grants_come_after_the_cluster_and_before_the_model(run: Run) -> None:
    declared = run(models=[IN_BUCKET])
    cluster = declared.one("container/cluster:Cluster")
    for grant in declared.all(":BucketIAMMember"):
        assert f"Cluster {cluster.name}" in needs(declared, grant)
        assert f"BucketIAMMember {grant.name}" in needs(declared, declared.one(":LLMInferenceService"))


def test_stack_that_may_not_grant_grants_nothing(run: Run) -> None:
    declared = run(models=[IN_BUCKET], nodeServiceAccount=ACCOUNT)
    assert declared.all(":BucketIAMMember") == []
    assert declared.all(":PersistentVolume")


def test_stack_without_buckets_has_no_part_of_it(run: Run) -> None:
    declared = run()
    assert [r.type for r in declared if "torage" in r.type or "PersistentVolume" in r.type] == []
    assert "addonsConfig" not in gke(declared)


def test_driver_and_api_come_with_the_first_bucket(run: Run) -> None:
    declared = run(models=[IN_BUCKET])
    assert gke(declared)["addonsConfig"] == {"gcsFuseCsiDriverConfig": {"enabled": True}}
    assert "storage.googleapis.com" in {a.inputs["service"] for a in declared.all("projects/service:Service")}


@pytest.mark.parametrize(("uri", "count"), [("gs://my-models/qwen", 1), ("hf://Qwen/Qwen3-8B", 0), ("pvc://c/x", 0)])
def test_only_buckets_have_rights(uri: str, count: int) -> None:
    assert len(list(rights(parse(stack({"models[0].uri": uri}))))) == count


# Compiled programs


def test_bucket_of_compiled_programs_holds_nothing_that_is_missed(run: Run) -> None:
    assert run(compileCache="own").one(":Bucket").inputs == {
        "name": "tpu-dev-compile-cache-494a1e8a",
        "location": "europe-west4",
        "uniformBucketLevelAccess": True,
        "publicAccessPrevention": "enforced",
        "softDeletePolicy": {"retentionDurationSeconds": 0},
        "lifecycleRules": [{"action": {"type": "Delete"}, "condition": {"age": 30}}],
        "forceDestroy": True,
    }


def test_bucket_can_be_lost_also_with_a_protected_stack(run: Run) -> None:
    assert run(**protected(), compileCache="own").one(":Bucket").request.protect is False


def test_vllm_alone_writes_into_it(run: Run) -> None:
    declared = run(compileCache="own", models=[IN_BUCKET, MODEL], tpuMaxNodes=2)
    grants = [g for g in declared.all(":BucketIAMMember") if g.inputs["role"] == "roles/storage.objectUser"]
    assert {g.inputs["member"] for g in grants} == {
        f"serviceAccount:my-project.svc.id.goog[{model['namespace']}/{model['name']}]" for model in (IN_BUCKET, MODEL)
    }
    assert all("Bucket compile-cache" in made_of(grant, "bucket") for grant in grants)


def test_bucket_of_the_users_is_granted_on_and_not_made(run: Run) -> None:
    declared = run(compileCache="gs://my-programs")
    assert declared.all(":Bucket") == []
    [grant] = declared.all(":BucketIAMMember")
    assert (grant.inputs["bucket"], grant.inputs["role"]) == ("my-programs", "roles/storage.objectUser")


def test_rights_on_weights_and_programs_of_one_account_are_two(run: Run) -> None:
    declared = run(compileCache="gs://my-programs", models=[IN_BUCKET])
    assert {(g.name, g.inputs["role"].split(".")[-1]) for g in declared.all(":BucketIAMMember")} == {
        ("weights.demo.qwen", "objectViewer"),
        ("compile-cache.demo.qwen", "objectUser"),
    }


def test_bucket_of_the_users_is_left_alone_by_who_may_not_grant(run: Run) -> None:
    declared = run(compileCache="gs://my-programs", nodeServiceAccount=ACCOUNT)
    assert declared.all(":BucketIAMMember") == []
    assert declared.one(":LLMInferenceService").inputs["spec"]["annotations"]


def test_grant_comes_before_the_model(run: Run) -> None:
    declared = run(compileCache="own")
    [grant] = declared.all(":BucketIAMMember")
    assert f"BucketIAMMember {grant.name}" in needs(declared, declared.one(":LLMInferenceService"))
    assert gke(declared)["addonsConfig"] == {"gcsFuseCsiDriverConfig": {"enabled": True}}


# The stack's own buckets


@pytest.mark.parametrize("called", ["a" * 30, "a" * 60, "My_Stack", "google-test", "goog"])
def test_any_stack_has_names_for_its_buckets_that_cloud_storage_takes(called: str) -> None:
    for what in ("weights", "compile-cache"):
        name = bucket_name(what, parse(stack()).model_copy(update={"stack": called}))
        assert re.fullmatch("tpu-[a-z0-9-]{1,58}[a-z0-9]", name)
        assert "goog" not in name
        assert name.replace("tpu-", "").startswith(called.replace("goog", "g")[:1].lower())


@pytest.mark.parametrize(
    "other", [{"project": "other-project"}, {"stack": "prod"}, {"location": "us-east5-a"}, {"stack": "Dev"}]
)
def test_no_two_stacks_have_one_bucket(other: dict[str, str]) -> None:
    here = parse(stack())
    assert bucket_name("weights", here) == "tpu-dev-weights-494a1e8a"
    assert bucket_name("weights", here.model_copy(update=other))[-8:] != "494a1e8a"


def test_buckets_are_made_for_what_is_kept() -> None:
    assert own_buckets(parse(stack())) == {}
    assert own_buckets(parse(stack({"compileCache": "own"}))) == {"compile-cache": "tpu-dev-compile-cache-494a1e8a"}
