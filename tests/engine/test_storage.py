"""Weights and compiled programs in Cloud Storage on the real engine: in which order it all comes and goes."""

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.google_kinds import BUCKET as KIND
from sandbox.clouds.google_kinds import BUCKET_MEMBER, CLUSTER, OBJECT, POOL
from sandbox.clouds.inventory import Item
from sandbox.clouds.kubernetes_kinds import CLAIM, JOB, LLM, VOLUME
from tests.support.stacks import MODEL, Make, since, unchanged

BUCKET = "gs://my-models"
COMMIT = "aa8e72537993ba99e69dfaafa59ed015b17504d1"


def of_bucket(path: str) -> list[dict[str, object]]:
    return [{**MODEL, "uri": f"{BUCKET}/{path}"}]


def test_weights_in_a_bucket_come_and_go_with_the_model_and_with_no_cluster_made_anew(up: Make) -> None:
    stack = up()
    stack.inventory.outside.add(BUCKET)
    stack.set_config("models", of_bucket("qwen"))
    done = [(op, kind) for op, kind, _ in since(stack, stack.up)]
    assert [kind for op, kind in done if op == "delete"] == [LLM]
    assert [kind for op, kind in done if op == "update"] == [CLUSTER]
    created = [kind for op, kind in done if op == "create" and kind in (BUCKET_MEMBER, VOLUME, CLAIM, LLM)]
    assert [kind for kind in created if kind != BUCKET_MEMBER] == [VOLUME, CLAIM, LLM]
    assert created[:-1].count(BUCKET_MEMBER) == 1
    assert unchanged(stack.preview())

    stack.set_config("models", of_bucket("other"))
    done = [(op, kind) for op, kind, _ in since(stack, stack.up) if kind in (VOLUME, CLAIM, LLM, CLUSTER, POOL)]
    assert done == [
        *(("create", VOLUME), ("create", CLAIM), ("delete", LLM), ("create", LLM)),
        *(("delete", CLAIM), ("delete", VOLUME)),
    ]

    stack.destroy()
    assert stack.inventory.find() == []


def test_bucket_that_nobody_has_made_is_refused(up: Make) -> None:
    stack = up()
    stack.set_config("models", of_bucket("qwen"))
    with pytest.raises(CommandError, match=r'storage bucket "b/my-models": .* The specified bucket does not exist'):
        stack.up()


def test_compiled_programs_go_with_the_stack_and_leave_nothing(up: Make) -> None:
    stack = up()
    stack.set_config("compileCache", "own")
    done = [(op, kind) for op, kind, _ in since(stack, stack.up) if kind in (KIND, BUCKET_MEMBER, CLUSTER, POOL, LLM)]
    assert done == [
        *(("update", CLUSTER), ("create", KIND), ("create", BUCKET_MEMBER)),
        *(("delete", LLM), ("create", LLM)),
    ]
    [bucket] = stack.inventory.find(KIND)
    program = f"{bucket.name}/llm-d/jit_step-0123-cache"
    stack.inventory.record("create", Item("gcp", OBJECT, bucket.name, "jit_step-0123-cache", program, {}))
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find(KIND) == []


def test_weights_are_copied_once_before_the_model_and_go_with_the_stack(up: Make) -> None:
    stack = up()
    stack.set_config("models", [{**MODEL, "uri": f"hf://Qwen/Qwen2.5-3B-Instruct:{COMMIT}"}])
    stack.set_config("weightsCache", "true")
    done = [(op, kind) for op, kind, _ in since(stack, stack.up) if kind in (KIND, JOB, LLM)]
    assert done[0] == ("create", KIND)
    assert done.index(("create", JOB)) < done.index(("create", LLM))
    assert unchanged(stack.preview())
    stack.set_config("routerReplicas", "2")
    assert [kind for op, kind, _ in since(stack, stack.up) if kind == JOB and op != "same"] == []
    stack.destroy()
    assert stack.inventory.find() == []


def test_copy_that_fails_ends_up_with_words_and_the_next_up_makes_it_anew(up: Make) -> None:
    stack = up()
    uri = f"hf://Qwen/Qwen2.5-3B-Instruct:{COMMIT}"
    stack.inventory.outside.add(f"gated {uri}")
    stack.set_config("models", [{**MODEL, "uri": uri}])
    stack.set_config("weightsCache", "true")
    for _ in range(2):
        with pytest.raises(CommandError, match=r"\[BackoffLimitExceeded\] Job has reached the specified backoff limit"):
            stack.up()
    stack.set_config("huggingFaceToken", "hf_test", secret=True)
    done = [(op, kind) for op, kind, name in since(stack, stack.up) if kind == LLM or name.endswith("-copy")]
    assert done.index(("delete", JOB)) < done.index(("create", JOB)) < done.index(("create", LLM))
    [job] = [found for found in stack.inventory.find(JOB) if found.name.endswith("-copy")]
    [container] = job.inputs["spec"]["template"]["spec"]["containers"]
    assert [variable["name"] for variable in container["env"]] == ["HOME", "HF_TOKEN"]
    assert unchanged(stack.preview())


def test_bucket_that_somebody_deleted_is_made_again_and_filled_and_no_model_is_touched(up: Make) -> None:
    stack = up()
    stack.set_config("models", [{**MODEL, "uri": f"hf://Qwen/Qwen2.5-3B-Instruct:{COMMIT}"}])
    stack.set_config("weightsCache", "true")
    stack.up()
    [bucket] = stack.inventory.find(KIND)
    for item in [*stack.inventory.find(BUCKET_MEMBER), bucket]:
        stack.inventory.record("delete", item)
    stack.refresh()
    done = [(op, kind) for op, kind, _ in since(stack, stack.up) if kind != BUCKET_MEMBER]
    assert done == [("create", KIND), ("delete", JOB), ("create", JOB)]
    assert unchanged(stack.preview())
