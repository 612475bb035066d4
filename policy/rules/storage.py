"""Who gets at a bucket."""

from collections.abc import Iterator

from .resource import Resource, Rule, differs, shown

BUCKET = "gcp:storage/bucket:Bucket"
WANTED = {
    "uniformBucketLevelAccess": (True, "objects may then have rights of their own, which no rule here sees"),
    "publicAccessPrevention": ("enforced", "a grant may then open it to everyone"),
}
"""What a bucket has to have, and what happens without."""


def _closed_bucket(resource: Resource) -> Iterator[str]:
    for key, (wanted, why) in WANTED.items() if resource.type == BUCKET else ():
        value = resource.props.get(key)
        if differs(value, wanted):
            yield f"{key} is {shown(value)}: {why}. Set it to {shown(wanted)}."


RULES = (
    Rule(
        "closed-bucket",
        "Buckets are opened by IAM alone, and to nobody in public.",
        "https://cloud.google.com/storage/docs/public-access-prevention",
        _closed_bucket,
    ),
)
