"""Where the weights of a model are."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, problems, stack

NO_URI = "is not a model URI. Use hf://ORGANISATION/REPOSITORY, pvc://CLAIM/PATH or oci://REGISTRY/IMAGE:TAG."

BAD: dict[str, tuple[Values, str]] = {
    "weights in Cloud Storage": (
        {"models[0].uri": "gs://bucket/qwen"},
        'models[0].uri: "gs://bucket/qwen" cannot be read: KServe\'s LLMInferenceService has no gs:// support. '
        "Use hf://..., or pack the weights into an image and use "
        "oci://...",
    ),
    "weights behind https": (
        {"models[0].uri": "https://example.com/qwen.tar"},
        f'models[0].uri: "https://example.com/qwen.tar" {NO_URI}',
    ),
    "weights in a file": ({"models[0].uri": "file:///qwen"}, f'models[0].uri: "file:///qwen" {NO_URI}'),
    "weights in a path": ({"models[0].uri": "/mnt/models"}, f'models[0].uri: "/mnt/models" {NO_URI}'),
    "repository without a scheme": (
        {"models[0].uri": "Qwen/Qwen2.5-3B-Instruct"},
        f'models[0].uri: "Qwen/Qwen2.5-3B-Instruct" {NO_URI}',
    ),
    "repository without its organisation": ({"models[0].uri": "hf://gpt2"}, f'models[0].uri: "hf://gpt2" {NO_URI}'),
    "file in a repository": (
        {"models[0].uri": "hf://Qwen/Qwen3-8B/model.safetensors"},
        f'models[0].uri: "hf://Qwen/Qwen3-8B/model.safetensors" {NO_URI}',
    ),
    "scheme in capitals": ({"models[0].uri": "HF://Qwen/Qwen3-8B"}, f'models[0].uri: "HF://Qwen/Qwen3-8B" {NO_URI}'),
    "weights in S3": (
        {"models[0].uri": "s3://bucket/qwen"},
        'models[0].uri: "s3://bucket/qwen" cannot be read: there is no setting for its credentials yet. Use hf://..., '
        "or pack the weights into an image and use oci://...",
    ),
    "claim without a name": ({"models[0].uri": "pvc://"}, f'models[0].uri: "pvc://" {NO_URI}'),
    "path with a space": ({"models[0].uri": "pvc://claim/a b"}, f'models[0].uri: "pvc://claim/a b" {NO_URI}'),
    "empty URI": ({"models[0].uri": ""}, f'models[0].uri: "" {NO_URI}'),
}

GOOD: dict[str, Values] = {
    "repository at a revision": {"models[0].uri": "hf://Qwen/Qwen2.5-3B-Instruct:main"},
    "repository at a pull request": {"models[0].uri": "hf://meta-llama/Llama-3.1-8B:refs/pr/1"},
    "weights on a volume": {"models[0].uri": "pvc://claim/models/qwen"},
    "weights at a volume's root": {"models[0].uri": "pvc://claim"},
    "weights in an image": {"models[0].uri": "oci://europe-docker.pkg.dev/p/r/qwen:v1"},
    "image on a registry's port": {"models[0].uri": "oci://localhost:5000/a/b_c/d:V1"},
    "image by its digest": {"models[0].uri": f"oci://r.io/i@sha256:{'0' * 64}"},
}


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_this_line_and_no_other(changes: Values, line: str) -> None:
    assert problems(stack(changes)) == [line]


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_good_input_is_accepted(changes: Values) -> None:
    parse(stack(changes))


@pytest.mark.parametrize("uri", ["pvc://claim/{{x}}", "oci://r/i:{{x}}"])
def test_template_in_a_uri_is_refused(uri: str) -> None:
    """KServe renders the whole merged spec, the URI with it."""
    (line,) = problems(stack({"models[0].uri": uri}))

    assert line.startswith(f'models[0].uri: "{uri}" ')
