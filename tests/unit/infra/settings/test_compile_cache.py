"""Where compiled programs are kept, as a stack file says it."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, refused, stack

NODES = "gke-nodes@my-project.iam.gserviceaccount.com"
USE = "is not allowed. Use none, own (a bucket of the stack's) or gs://BUCKET, one of yours."

BAD: dict[str, tuple[Values, str]] = {
    "another word": ({"compileCache": "true"}, f'compileCache: "true" {USE}'),
    "nothing": ({"compileCache": ""}, f'compileCache: "" {USE}'),
    "folder of a bucket": ({"compileCache": "gs://bucket/x"}, f'compileCache: "gs://bucket/x" {USE}'),
    "bucket that Cloud Storage refuses": (
        {"compileCache": "gs://Bucket"},
        "compileCache: \"gs://Bucket\" names the bucket 'Bucket', and Cloud Storage takes 3 to 63 lower-case letters, "
        "digits, hyphens, underscores and dots, a letter or digit first and last. Use the name that `gcloud storage "
        "ls` shows.",
    ),
    "bucket of its own where nothing is granted": (
        {"compileCache": "own", "nodeServiceAccount": NODES},
        'compileCache: "own" makes a bucket and lets Pods write there, and with `nodeServiceAccount` the program '
        "grants nothing. Use gs://BUCKET, one that is there and in which they may (docs/storage.md), or none.",
    ),
}
GOOD: dict[str, Values] = {
    "none": {"compileCache": "none"},
    "own": {"compileCache": "own"},
    "bucket": {"compileCache": "gs://my-programs"},
    "bucket where nothing is granted": {"compileCache": "gs://my-programs", "nodeServiceAccount": NODES},
    "none where nothing is granted": {"compileCache": "none", "nodeServiceAccount": NODES},
}

test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


@pytest.mark.parametrize(("place", "mounts"), [("none", False), ("own", True), ("gs://my-programs", True)])
def test_pods_mount_a_bucket_if_there_is_one(place: str, mounts: bool) -> None:
    assert parse(stack({"compileCache": place})).mounts_buckets is mounts
