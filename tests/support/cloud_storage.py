"""Cloud Storage's JSON API, as far as `ops.preflight` asks it."""

import json
from collections.abc import Mapping, Sequence

from .google_refusal import RefusedError

STORAGE = "storage.googleapis.com"


def told_of_bucket(
    bucket: str,
    path: str,
    *,
    objects: Mapping[str, set[str]],
    readers: Mapping[str, list[str]],
    granted: Sequence[str],
) -> str:
    """What is said of a bucket, and of an object in it, to a caller with these permissions."""
    if bucket not in objects:
        raise RefusedError(404, "The specified bucket does not exist.")
    if path == "iam/testPermissions":
        return json.dumps({"permissions": granted})
    if path == "iam":
        bindings = [{"role": "roles/storage.legacyBucketOwner", "members": ["projectOwner:my-project"]}]
        bindings += [{"role": "roles/storage.objectViewer", "members": readers.get(bucket, [])}]
        return json.dumps({"bindings": bindings})
    name = path.removeprefix("o/")
    if name not in objects[bucket]:
        raise RefusedError(404, f"No such object: {bucket}/{name}")
    return json.dumps({"name": name})
