"""An entry of `models`: its names, its numbers, and what it answers to."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from infra.settings.load import parse
from infra.settings.model import MAX_NAME, Model
from tests.support.stack_settings import Values, accepted, refused, stack

NO_LABEL = "is not a DNS label. Use at most 63 lower-case letters, digits and hyphens, a letter first, no hyphen last."
PLATFORMS = "belongs to the platform. Choose another namespace for the model."

BAD: dict[str, tuple[Values, str]] = {
    # Names
    "name with a capital": ({"models[0].name": "Qwen"}, f'models[0].name: "Qwen" {NO_LABEL}'),
    "name with a dot": ({"models[0].name": "qwen2.5"}, f'models[0].name: "qwen2.5" {NO_LABEL}'),
    "name that begins with a digit": ({"models[0].name": "3b"}, f'models[0].name: "3b" {NO_LABEL}'),
    "name that ends with a hyphen": ({"models[0].name": "qwen-"}, f'models[0].name: "qwen-" {NO_LABEL}'),
    "empty name": ({"models[0].name": ""}, f'models[0].name: "" {NO_LABEL}'),
    "name longer than a DNS label": ({"models[0].name": "q" * 64}, f'models[0].name: "{"q" * 64}" {NO_LABEL}'),
    "name one too long for KServe's suffixes": (
        {"models[0].name": "q" * (MAX_NAME + 1)},
        f'models[0].name: "{"q" * 39}" is 39 characters long, and at most 38 are allowed, because KServe appends '
        "to it. Choose a shorter name.",
    ),
    "namespace with an underscore": (
        {"models[0].namespace": "my_apps"},
        f'models[0].namespace: "my_apps" {NO_LABEL}',
    ),
    "namespace longer than a DNS label": (
        {"models[0].namespace": "n" * 64},
        f'models[0].namespace: "{"n" * 64}" {NO_LABEL}',
    ),
    "namespace default": ({"models[0].namespace": "default"}, f'models[0].namespace: "default" {PLATFORMS}'),
    "namespace of Kubernetes": (
        {"models[0].namespace": "kube-system"},
        f'models[0].namespace: "kube-system" {PLATFORMS}',
    ),
    "namespace of KServe": ({"models[0].namespace": "kserve"}, f'models[0].namespace: "kserve" {PLATFORMS}'),
    "namespace of cert-manager": (
        {"models[0].namespace": "cert-manager"},
        f'models[0].namespace: "cert-manager" {PLATFORMS}',
    ),
    "namespace of Istio": (
        {"models[0].namespace": "istio-system"},
        f'models[0].namespace: "istio-system" {PLATFORMS}',
    ),
    "namespace of the gateway": (
        {"models[0].namespace": "istio-ingress"},
        f'models[0].namespace: "istio-ingress" {PLATFORMS}',
    ),
    "name of the namespace's own account": (
        {"models[0].name": "default"},
        'models[0].name: "default" is the name of the namespace\'s own service account. Choose another.',
    ),
    "namespace of GKE's own": (
        {"models[0].namespace": "gke-managed-system"},
        f'models[0].namespace: "gke-managed-system" {PLATFORMS}',
    ),
    "namespace of GKE": (
        {"models[0].namespace": "gmp-public"},
        'models[0].namespace: "gmp-public" belongs to the platform. Choose another namespace for the model.',
    ),
    "served name that is empty": (
        {"models[0].servedNames": [""]},
        "models[0].servedNames: [\"\"] contains ''. Use names without spaces that do not begin with a hyphen.",
    ),
    "served name that vLLM would read as a flag": (
        {"models[0].servedNames": ["qwen", "--seed"]},
        'models[0].servedNames: ["qwen", "--seed"] contains \'--seed\'. Use names without spaces that do not '
        "begin with a hyphen.",
    ),
    "served name with a space": (
        {"models[0].servedNames": ["a b"]},
        "models[0].servedNames: [\"a b\"] contains 'a b'. Use names without spaces that do not begin with a hyphen.",
    ),
    # Numbers
    "more replicas than a cluster has nodes": (
        {"models[0].replicas": 15_001},
        "models[0].replicas: 15001 is too large. Use 15000 or less.",
    ),
    "no length at all": ({"models[0].maxModelLen": 0}, "models[0].maxModelLen: 0 is too small. Use 1 or more."),
    "no replicas": ({"models[0].replicas": 0}, "models[0].replicas: 0 is too small. Use 1 or more."),
    "unknown dtype": (
        {"models[0].dtype": "fp8"},
        "models[0].dtype: \"fp8\" is not allowed. Use one of 'auto', 'half', 'float16', 'bfloat16', 'float' or "
        "'float32'.",
    ),
    # Chips
    "tensor parallelism beyond v6e-1": (
        {"tpuSlice": "v6e-1", "models[0].tensorParallelSize": 2},
        "models[0].tensorParallelSize: 2 does not fit the 1 chips of v6e-1. Allowed: 1. Leave it out to use every "
        "chip.",
    ),
    "tensor parallelism that does not divide v6e-4": (
        {"models[0].tensorParallelSize": 3},
        "models[0].tensorParallelSize: 3 does not fit the 4 chips of v6e-4. Allowed: 1, 2, 4. Leave it out to use "
        "every chip.",
    ),
    "tensor parallelism beyond v6e-4": (
        {"models[0].tensorParallelSize": 8},
        "models[0].tensorParallelSize: 8 does not fit the 4 chips of v6e-4. Allowed: 1, 2, 4. Leave it out to use "
        "every chip.",
    ),
    "tensor parallelism that does not divide v6e-8": (
        {"tpuSlice": "v6e-8", "models[0].tensorParallelSize": 6},
        "models[0].tensorParallelSize: 6 does not fit the 8 chips of v6e-8. Allowed: 1, 2, 4, 8. Leave it out to "
        "use every chip.",
    ),
    "no tensor parallelism": (
        {"models[0].tensorParallelSize": 0},
        "models[0].tensorParallelSize: 0 is too small. Use 1 or more.",
    ),
}

GOOD: dict[str, Values] = {
    "longest name": {"models[0].name": "q" * MAX_NAME},
    "longest namespace": {"models[0].namespace": "n" * 63},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


@pytest.mark.parametrize(
    ("slice_name", "size"),
    [("v6e-1", 1), ("v6e-4", 1), ("v6e-4", 2), ("v6e-4", 4), ("v6e-8", 2), ("v6e-8", 8)],
)
def test_tensor_parallelism_that_divides_the_slice_is_accepted(slice_name: str, size: int) -> None:
    accepted = parse(stack({"tpuSlice": slice_name, "models[0].tensorParallelSize": size}))

    assert accepted.models[0].tensor_parallel_size == size


@pytest.mark.parametrize("dtype", ["half", "float16"])
def test_float16_is_a_warning_as_it_reaches_vllm_as_another(dtype: str) -> None:
    assert parse(stack({"models[0].dtype": dtype})).warnings == [
        f"models[0].dtype: {dtype} reaches vLLM as bfloat16, as no TPU kernel of this release compiles for float16. "
        "Write bfloat16, and nothing else changes."
    ]


@pytest.mark.parametrize("dtype", ["auto", "bfloat16", "float", "float32"])
def test_dtype_that_a_tpu_takes_is_no_warning(dtype: str) -> None:
    assert parse(stack({"models[0].dtype": dtype})).warnings == []


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param({"models[0].uri": "hf://Qwen/Qwen3-8B"}, ("/mnt/models", "Qwen/Qwen3-8B"), id="repository"),
        pytest.param(
            {"models[0].uri": "hf://Qwen/Qwen3-8B:v1"}, ("/mnt/models", "Qwen/Qwen3-8B"), id="repository at a revision"
        ),
        pytest.param(
            {"models[0].uri": "pvc://claim/x", "models[0].name": "mine"}, ("/mnt/models", "mine"), id="other URI"
        ),
        pytest.param({"models[0].servedNames": ["a", "b"]}, ("a", "b"), id="names of one's own"),
        pytest.param(
            {"models[0].servedNames": []}, ("/mnt/models", "Qwen/Qwen2.5-3B-Instruct"), id="empty list of names"
        ),
    ],
)
def test_model_answers_to(changes: Values, names: tuple[str, ...]) -> None:
    assert parse(stack(changes)).models[0].names == names


def test_each_field_of_a_model_is_described_for_the_page_of_the_settings() -> None:
    assert all(field.description for field in Model.model_fields.values())


@pytest.mark.parametrize("of", [lambda s: s, lambda s: s.models[0], lambda s: s.maintenance_window])
def test_what_was_checked_cannot_be_changed(of: Callable[[Any], Any]) -> None:
    window = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=DAILY"}
    checked = of(parse(stack({"maintenanceWindow": window})))

    with pytest.raises(ValidationError, match="frozen"):
        setattr(checked, next(iter(type(checked).model_fields)), "other")


def test_longest_name_leaves_room_for_the_longest_suffix_of_kserve() -> None:
    """KServe hashes a longer one, and the route would point at nothing."""
    assert len("q" * MAX_NAME + "-kserve-self-signed-certs") == 63
