"""Whether weights are copied into a bucket, and what that asks of models."""

import pytest

from infra.settings.load import parse
from infra.settings.weights_cache import not_pinned
from tests.support.stack_settings import Values, accepted, refused, stack

COMMIT = "aa8e72537993ba99e69dfaafa59ed015b17504d1"
PINNED = f"hf://Qwen/Qwen2.5-3B-Instruct:{COMMIT}"
NODES = "gke-nodes@my-project.iam.gserviceaccount.com"
MOVING = (
    "names no commit, and `weightsCache` copies what never changes. Write the 40 digits behind a colon that `git "
    "ls-remote https://huggingface.co/Qwen/Qwen2.5-3B-Instruct HEAD` shows: hf://Qwen/Qwen2.5-3B-Instruct:COMMIT."
)

BAD: dict[str, tuple[Values, str]] = {
    "model without a commit": (
        {"weightsCache": True},
        f"models[0].uri: hf://Qwen/Qwen2.5-3B-Instruct {MOVING}",
    ),
    "model of a branch": (
        {"weightsCache": "true", "models[0].uri": "hf://Qwen/Qwen2.5-3B-Instruct:main"},
        f"models[0].uri: hf://Qwen/Qwen2.5-3B-Instruct:main {MOVING}",
    ),
    "stack that grants nothing": (
        {"weightsCache": True, "models[0].uri": PINNED, "nodeServiceAccount": NODES},
        "weightsCache: true makes a bucket and lets Pods in, and with `nodeServiceAccount` the program grants nothing. "
        "Copy the weights into a bucket of yours and use gs://BUCKET/PATH (docs/storage.md), or set it to false.",
    ),
    "neither true nor false": (
        {"weightsCache": "own"},
        'weightsCache: "own" is neither true nor false. Use one of them.',
    ),
}
GOOD: dict[str, Values] = {
    "model of a commit": {"weightsCache": True, "models[0].uri": PINNED},
    "model from elsewhere": {"weightsCache": True, "models[0].uri": "pvc://claim/x"},
    "branch that is not copied": {"weightsCache": False},
    "stack that grants nothing and copies nothing": {"weightsCache": False, "nodeServiceAccount": NODES},
}

test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_what_a_protected_stack_is_told_anyway_is_not_told_twice() -> None:
    models = [{"uri": "hf://a/b"}]
    assert list(not_pinned(models, True, told=True)) == []
    assert list(not_pinned(models, True, told="true")) == []
    assert len(list(not_pinned(models, "true", told=False))) == 1


@pytest.mark.parametrize("models", [None, "x", [1], [{}]])
def test_what_is_no_list_of_models_is_told_elsewhere(models: object) -> None:
    assert list(not_pinned(models, True, told=False)) == []


@pytest.mark.parametrize(
    ("uri", "copied", "mounted"), [(PINNED, True, True), ("gs://b-1/x", False, True), ("pvc://c/x", False, False)]
)
def test_models_from_hugging_face_alone_are_copied(uri: str, copied: bool, mounted: bool) -> None:
    settings = parse(stack({"weightsCache": True, "models[0].uri": uri}))
    [model] = settings.models
    assert (settings.copies(model), settings.mounts_weights(model)) == (copied, mounted)
    assert settings.mounts_buckets is mounted


def test_without_it_nothing_is_copied_and_nothing_mounted() -> None:
    settings = parse(stack({"models[0].uri": PINNED}))
    [model] = settings.models
    assert (settings.copies(model), settings.mounts_weights(model), settings.mounts_buckets) == (False, False, False)
