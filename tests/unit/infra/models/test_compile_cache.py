"""Compiled programs that outlive a Pod: where vLLM keeps them, and what its Pod mounts there."""

from infra.google.slices import SLICES
from infra.models.compile_cache import folder
from tests.support.dependencies import made_of
from tests.support.pods import environment, model
from tests.support.program import Declared, Run, spec
from tests.support.stacks import MODEL

CACHED = f"{MODEL['namespace']}/{MODEL['name']}/v6e-4/v0.27.0"


def test_vllm_keeps_them_on_the_volume(run: Run) -> None:
    template = spec(run(compileCache="gs://my-programs"))["template"]
    [container] = template["containers"]
    assert environment(container, "VLLM_XLA") == {"VLLM_XLA_CACHE_PATH": "/var/cache/xla"}
    assert container["volumeMounts"] == [{"name": "compile-cache", "mountPath": "/var/cache/xla"}]
    assert template["volumes"][-1] == {
        "name": "compile-cache",
        "csi": {
            "driver": "gcsfuse.csi.storage.gke.io",
            "volumeAttributes": {
                "bucketName": "my-programs",
                "mountOptions": f"implicit-dirs,only-dir={CACHED}",
                "skipCSIBucketAccessCheck": "true",
            },
        },
    }


def test_pod_is_told_to_mount_and_its_picker_not(run: Run) -> None:
    of = spec(run(compileCache="gs://my-programs"))
    assert of["annotations"]["gke-gcsfuse/volumes"] == "true"
    assert of["annotations"]["gke-gcsfuse/memory-limit"] == "0"
    assert "annotations" not in of["router"]["scheduler"]


def test_bucket_of_the_stack_is_the_one_that_is_mounted(run: Run) -> None:
    assert "Bucket compile-cache" in made_of(run(compileCache="own").one(":LLMInferenceService"), "spec")


def test_weights_and_programs_are_two_volumes(run: Run) -> None:
    declared = run(models=[{**MODEL, "uri": "gs://my-models/qwen"}], compileCache="own")
    names = [volume["name"] for volume in spec(declared)["template"]["volumes"]]
    assert names == ["dshm", "gke-gcsfuse-cache", "compile-cache"]


def test_models_and_slices_have_folders_of_their_own_and_flags_have_none() -> None:
    one, other = model(), model(name="other")
    assert folder(one, SLICES["v6e-4"]) == "llm-d/qwen2-3b-pattern1/v6e-4/v0.27.0"
    assert folder(other, SLICES["v6e-8"]) == "llm-d/other/v6e-8/v0.27.0"
    assert folder(model(extraArgs=["--max-num-seqs=64"]), SLICES["v6e-4"]) == folder(one, SLICES["v6e-4"])


def test_without_a_bucket_the_pod_is_as_it_was(dev: Declared) -> None:
    [container] = spec(dev)["template"]["containers"]
    assert environment(container, "VLLM_XLA") == {}
    assert "volumeMounts" not in container
