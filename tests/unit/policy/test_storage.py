"""The policy's rule for buckets: it refuses what opens one, and takes what is right."""

from typing import Any

import pytest

from policy.rules import violations
from policy.rules.resource import UNKNOWN, Resource
from policy.rules.storage import BUCKET

GOOD: dict[str, Any] = {"uniformBucketLevelAccess": True, "publicAccessPrevention": "enforced"}


def said(**changes: Any) -> list[str]:
    return list(violations(Resource(BUCKET, "cache", {**GOOD, **changes})))


def test_closed_bucket_is_taken() -> None:
    assert said() == []


def test_what_a_preview_does_not_know_breaks_no_rule() -> None:
    assert said(uniformBucketLevelAccess=UNKNOWN, publicAccessPrevention=UNKNOWN) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"uniformBucketLevelAccess": False}, "uniformBucketLevelAccess is false: objects may then have rights"),
        ({"uniformBucketLevelAccess": None}, "uniformBucketLevelAccess is null"),
        ({"publicAccessPrevention": "inherited"}, 'publicAccessPrevention is "inherited": a grant may then open it'),
        ({"publicAccessPrevention": None}, "publicAccessPrevention is null"),
    ],
)
def test_bucket_that_can_be_opened_is_refused(changes: dict[str, Any], problem: str) -> None:
    [text] = said(**changes)
    assert text.startswith(f"{BUCKET} cache: {problem}")
    assert "https://cloud.google.com/storage/docs/public-access-prevention" in text
