"""What no single setting has: two models of a name, and replicas beyond the pool."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, model, problems, refused, stack

BAD: dict[str, tuple[Values, str]] = {
    "two models of one name and namespace": (
        {"models": [model(name="qwen"), model(name="qwen")], "tpuMaxNodes": 2},
        "models[1]: apps/qwen is the name of models[0] as well. Two models need different names or namespaces.",
    ),
    "replicas beyond the pool": (
        {"models[0].replicas": 2},
        "models: 2 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 1. Run `pulumi config set "
        "tpuMaxNodes 2`, or lower `replicas`.",
    ),
    "replicas of two models beyond the pool": (
        {"models": [model(name="one"), model(name="two", replicas=3)], "tpuMaxNodes": 3},
        "models: 4 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 3. Run `pulumi config set "
        "tpuMaxNodes 4`, or lower `replicas`.",
    ),
    "most replicas": (
        {"models[0].replicas": 15_000},
        "models: 15000 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 1. Run `pulumi config set "
        "tpuMaxNodes 15000`, or lower `replicas`.",
    ),
    "nodes as text, as the engine passes them": (
        {"models[0].replicas": 11, "tpuMaxNodes": "10"},
        "models: 11 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 10. Run `pulumi config set "
        "tpuMaxNodes 11`, or lower `replicas`.",
    ),
}

GOOD: dict[str, Values] = {
    "replicas that fill the pool": {"models[0].replicas": 3, "tpuMaxNodes": 3},
    "a model that is paused takes no node": {"models": [model(name="one"), model(name="two", replicas=3, paused=True)]},
    "one name in two namespaces": {
        "models": [model(name="qwen"), {**model(name="qwen"), "namespace": "others"}],
        "tpuMaxNodes": 2,
    },
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        pytest.param({"models": [model(name="a", replicas=0), model(name="b", replicas=2)]}, "models[0]", id="none"),
        pytest.param({"models": [model(name="a", replicas="2"), model(name="b")]}, "models[0]", id="as text"),
        pytest.param({"models": [model(name="a", replicas=15_001), model(name="b")]}, "models[0]", id="too many"),
        pytest.param({"models[0].replicas": 3, "tpuMaxNodes": "many"}, "tpuMaxNodes", id="no number of nodes"),
    ],
)
def test_replicas_are_added_up_only_when_all_of_them_are_numbers(changes: Values, where: str) -> None:
    (line,) = problems(stack(changes))

    assert line.startswith(where)


COMMIT = "aa8e72537993ba99e69dfaafa59ed015b17504d1"
PROTECTED: Values = {"protect": True, "publicWithoutAuthentication": True}
DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize("protect", [True, "true"])
@pytest.mark.parametrize("revision", ["", ":main", ":v1", f":{COMMIT[:-1]}", f":{COMMIT}0", f":{COMMIT.upper()}"])
def test_protected_stack_wants_a_commit_of_hugging_face(protect: object, revision: str) -> None:
    uri = f"hf://Qwen/Qwen3-8B{revision}"

    assert problems(stack({**PROTECTED, "protect": protect, "models[0].uri": uri})) == [
        f"models[0].uri: {uri} names no commit, and a stack with `protect: true` wants one, as other weights may come "
        "under the same name. Write the 40 digits behind a colon that `git ls-remote https://huggingface.co/Qwen/"
        "Qwen3-8B HEAD` shows: hf://Qwen/Qwen3-8B:COMMIT."
    ]


def test_each_model_of_a_protected_stack_is_told() -> None:
    lines = problems(stack({**PROTECTED, "models": [model(name="a"), model(name="b")], "tpuMaxNodes": 2}))

    assert [line.split(":")[0] for line in lines] == ["models[0].uri", "models[1].uri"]


@pytest.mark.parametrize("uri", [f"hf://Qwen/Qwen3-8B:{COMMIT}", "pvc://claim/x", "oci://r.io/i:v1"])
def test_protected_stack_takes_a_commit_and_what_is_ones_own(uri: str) -> None:
    parse(stack({**PROTECTED, "models[0].uri": uri}))


@pytest.mark.parametrize("protect", [False, "false"])
def test_other_stacks_take_a_branch_and_trust_what_they_like(protect: object) -> None:
    parse(stack({"protect": protect, "models[0].uri": "hf://a/b:main", "models[0].trustRemoteCode": True}))


@pytest.mark.parametrize(
    ("uri", "pinned"),
    [
        (f"hf://Qwen/Qwen3-8B:{COMMIT}", True),
        (f"oci://r.io/i@{DIGEST}", True),
        (f"oci://r.io/i:v1@{DIGEST}", True),
        ("oci://r.io/i:v1", False),
        ("pvc://claim/x", False),
        (f"pvc://claim/hf://x:{COMMIT}", False),
    ],
)
def test_protected_stack_trusts_only_code_that_is_pinned(uri: str, pinned: bool) -> None:
    values = stack({**PROTECTED, "models[0].uri": uri, "models[0].trustRemoteCode": True})
    if pinned:
        assert parse(values).models[0].trust_remote_code
    else:
        assert problems(values)[-1] == (
            "models[0].trustRemoteCode: runs code that nothing pins, and a stack with `protect: true` wants it pinned. "
            "Use hf://ORGANISATION/REPOSITORY:COMMIT or oci://REGISTRY/IMAGE@sha256:DIGEST, or remove it."
        )


def test_models_without_names_are_not_called_the_same() -> None:
    assert problems(stack({"models": [model(), model()], "tpuMaxNodes": 2})) == [
        "models[0].name: is required. Add it.",
        "models[1].name: is required. Add it.",
    ]


def test_third_model_of_a_name_is_told_of_the_first() -> None:
    lines = problems(stack({"models": [model(name=n) for n in ("other", "qwen", "qwen", "qwen")], "tpuMaxNodes": 4}))

    assert [line.partition(". ")[0] for line in lines] == [
        f"models[{j}]: apps/qwen is the name of models[1] as well" for j in (2, 3)
    ]
