"""Where the weights of a model are."""

import pytest

from infra.settings.load import parse
from infra.settings.uris import Repository, folder, repository
from tests.support.stack_settings import Values, accepted, problems, refused, stack

NO_URI = (
    "is not a model URI. Use hf://ORGANISATION/REPOSITORY[:REVISION], gs://BUCKET/PATH, pvc://CLAIM/PATH or "
    "oci://REGISTRY/IMAGE:TAG."
)

NO_REPOSITORY = (
    "which Hugging Face takes for no repository: at most 96 characters, no hyphen or dot first or last, none twice in "
    "a row, no .git last. Use its name as its page shows it."
)
NO_REVISION = "which git refuses as a name. Use a branch, a tag or a commit."
NO_CLAIM = (
    "and Kubernetes takes lower-case letters, digits, hyphens and dots, a letter or digit first and last. Use the name "
    "that `kubectl get pvc` shows."
)
NO_PATH = "has a path with .. or an empty part. Use the path below the volume's root, like pvc://CLAIM/models/qwen."
NO_BUCKET = (
    "and Cloud Storage takes 3 to 63 lower-case letters, digits, hyphens, underscores and dots, a letter or digit "
    "first and last. Use the name that `gcloud storage ls` shows."
)
NO_FOLDER = (
    "has a path with an empty part, with dots alone, or with a character that a mount does not take. Use letters, "
    "digits, dots, hyphens and underscores, like gs://BUCKET/models/qwen, no slash last."
)
NO_IMAGE = (
    "is not the name of an image: lower-case letters, digits, and between them dots, hyphens and underscores, then a "
    "tag. Use oci://REGISTRY/IMAGE:TAG."
)
LONG_IMAGE = "is longer than the 255 characters that an image's name may have. Use a shorter one."

BAD: dict[str, tuple[Values, str]] = {
    "bucket without a name": ({"models[0].uri": "gs://"}, f'models[0].uri: "gs://" {NO_URI}'),
    "folder with a space": ({"models[0].uri": "gs://bucket/a b"}, f'models[0].uri: "gs://bucket/a b" {NO_URI}'),
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
    "weights on a volume": {"models[0].uri": "pvc://claim/models/qwen"},
    "weights at a volume's root": {"models[0].uri": "pvc://claim"},
    "weights in a folder of a bucket": {"models[0].uri": "gs://bucket/models/Qwen2.5-3B_v1+bf16"},
    "weights that are a whole bucket": {"models[0].uri": "gs://my.models_of-2026"},
    "weights in an image": {"models[0].uri": "oci://europe-docker.pkg.dev/p/r/qwen:v1"},
    "image on a registry's port": {"models[0].uri": "oci://localhost:5000/a/b_c/d:V1"},
    "image by its digest": {"models[0].uri": f"oci://r.io/i@sha256:{'0' * 64}"},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


@pytest.mark.parametrize(
    "name",
    ["a--b/c", "a/b..c", "-a/b", "a/.b", "a./b", "a/b-", "a/b.git", "a/" + "b" * 95],
)
def test_repository_that_hugging_face_refuses_is_refused(name: str) -> None:
    assert problems(stack({"models[0].uri": f"hf://{name}"})) == [
        f'models[0].uri: "hf://{name}" names {name}, {NO_REPOSITORY}'
    ]


def test_longest_name_of_a_repository_is_accepted() -> None:
    parse(stack({"models[0].uri": "hf://a/" + "b" * 94}))


@pytest.mark.parametrize("revision", ["a..b", ".a", "-a", "a.", "a.lock"])
def test_revision_that_git_refuses_is_refused(revision: str) -> None:
    assert problems(stack({"models[0].uri": f"hf://a/b:{revision}"})) == [
        f'models[0].uri: "hf://a/b:{revision}" names the revision {revision}, {NO_REVISION}'
    ]


@pytest.mark.parametrize("revision", ["refs/pr/1", "/a", "a/", "a//b"])
def test_revision_that_the_storage_initializer_would_not_take_apart_is_refused(revision: str) -> None:
    assert problems(stack({"models[0].uri": f"hf://a/b:{revision}"})) == [
        f'models[0].uri: "hf://a/b:{revision}" names the revision {revision}, and KServe\'s storage initializer takes '
        "none with a slash. Use a commit."
    ]


@pytest.mark.parametrize("claim", ["Claim", "-a", "a-", "a_b", "a..b", "a" * 254])
def test_claim_that_kubernetes_refuses_is_refused(claim: str) -> None:
    assert problems(stack({"models[0].uri": f"pvc://{claim}/x"})) == [
        f"models[0].uri: \"pvc://{claim}/x\" names the claim '{claim}', {NO_CLAIM}"
    ]


def test_longest_name_of_a_claim_is_accepted() -> None:
    parse(stack({"models[0].uri": f"pvc://{'a' * 253}/x"}))


@pytest.mark.parametrize("path", ["../x", "a/..", "a//b", "/a"])
def test_path_that_is_none_below_a_volume_is_refused(path: str) -> None:
    assert problems(stack({"models[0].uri": f"pvc://c/{path}"})) == [f'models[0].uri: "pvc://c/{path}" {NO_PATH}']


@pytest.mark.parametrize(
    "bucket",
    ["ab", "Models", "-ab", "ab-", "a..b", "a" * 64, f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 31}", "\u00e0bc"],
)
def test_bucket_that_cloud_storage_refuses_is_refused(bucket: str) -> None:
    assert problems(stack({"models[0].uri": f"gs://{bucket}/x"})) == [
        f"models[0].uri: \"gs://{bucket}/x\" names the bucket '{bucket}', {NO_BUCKET}"
    ]


@pytest.mark.parametrize("bucket", ["10.0.0.1", "goog", "goog-x"])
def test_bucket_that_cloud_storage_gives_to_nobody_is_refused(bucket: str) -> None:
    assert problems(stack({"models[0].uri": f"gs://{bucket}/x"})) == [
        f"models[0].uri: \"gs://{bucket}/x\" names the bucket '{bucket}', and Cloud Storage gives out no name that is "
        "an IP address or begins with goog. Use the name that `gcloud storage ls` shows."
    ]


@pytest.mark.parametrize(
    "bucket", ["abc", "a10.0.0.1", "10.0.0.1.0", "x-goog", "a" * 63, f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 30}"]
)
def test_shortest_and_longest_names_of_buckets_are_accepted(bucket: str) -> None:
    parse(stack({"models[0].uri": f"gs://{bucket}/x"}))


@pytest.mark.parametrize("path", ["", "x/", "/x", "a//b", "a/../b", "a/./b", "a,ro", "a:b", "a=b", "\u00e9"])
def test_folder_that_no_mount_takes_is_refused(path: str) -> None:
    assert problems(stack({"models[0].uri": f"gs://bucket/{path}"})) == [
        f'models[0].uri: "gs://bucket/{path}" {NO_FOLDER}'
    ]


def test_folder_of_a_uri_is_bucket_and_path() -> None:
    assert folder("gs://bucket/models/qwen") == ("bucket", "models/qwen")
    assert folder("gs://bucket") == ("bucket", "")
    assert folder("hf://bucket/qwen") is None


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("r.io/Upper:1", NO_IMAGE),
        ("Upper/i:1", NO_IMAGE),
        ("r.io//i:1", NO_IMAGE),
        ("r.io/i:", NO_IMAGE),
        ("r.io/i@sha256:1", NO_IMAGE),
        (f"r.io/i:{'v' * 129}", NO_IMAGE),
        (f"r.io/{'i' * 251}:1", LONG_IMAGE),
        (
            "r.io:5000/i",
            "has neither tag nor digest, so it may be another image tomorrow. Use oci://REGISTRY/IMAGE:TAG.",
        ),
    ],
)
def test_image_that_no_registry_has_is_refused(image: str, why: str) -> None:
    assert problems(stack({"models[0].uri": f"oci://{image}"})) == [f'models[0].uri: "oci://{image}" {why}']


@pytest.mark.parametrize(
    "image", [f"r.io/{'i' * 250}:1", f"{'i' * 254}:1", "R.io/i:1", "LOCALHOST:5000/i:1", "org/i:1"]
)
def test_longest_name_of_an_image_is_accepted_and_a_host_in_capitals(image: str) -> None:
    parse(stack({"models[0].uri": f"oci://{image}"}))


def test_credentials_in_a_uri_are_refused_with_the_way_to_give_them() -> None:
    (line,) = problems(stack({"models[0].uri": "hf://user:pw@a/b"}))

    assert line.endswith(
        "holds credentials, which everyone who reads this file or the cluster would see. Remove them; for Hugging Face "
        "set `huggingFaceToken`."
    )


@pytest.mark.parametrize("uri", ["pvc://claim/{{x}}", "oci://r/i:{{x}}"])
def test_template_in_a_uri_is_refused(uri: str) -> None:
    """KServe renders the whole merged spec, the URI with it."""
    (line,) = problems(stack({"models[0].uri": uri}))

    assert line.startswith(f'models[0].uri: "{uri}" ')


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("hf://o/r", Repository("o/r", "")),
        ("hf://o/r:main", Repository("o/r", "main")),
        ("gs://bucket/path", None),
        ("oci://registry/image:tag", None),
    ],
)
def test_repository_is_that_of_hugging_face(uri: str, found: Repository | None) -> None:
    assert repository(uri) == found
